"""Index entries that come from transactions, by the year that they go with.

They hung on one pseudo-record of a customer, and went with his last transaction. Which year an
entry came from is not known here: it is sealed. So each gets a row for every year of the customer
that there is, and the last of these years takes it along, as before; entries made from now on are
of their own years alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "d0027"
down_revision = "d0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Exchange the rows."""
    conn = op.get_bind()
    conn.execute(
        sa.text(
            "INSERT INTO blind_index (institution, kind, token, customer, record) "
            "SELECT b.institution, b.kind, b.token, b.customer, s.scope "
            "FROM blind_index b JOIN scopes s "
            "ON s.institution = b.institution AND s.customer = b.customer "
            "WHERE b.record = 'transactions' AND s.scope <> 'identity'"
        )
    )
    conn.execute(sa.text("DELETE FROM blind_index WHERE record = 'transactions'"))


def downgrade() -> None:
    """There is no way back."""
    raise NotImplementedError
