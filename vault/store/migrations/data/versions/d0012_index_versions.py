"""Which versions of its index key an institution's entries are made under, and searched by."""

import sqlalchemy as sa
from alembic import op

revision = "d0012"
down_revision = "d0010"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; who has no row has the first version alone."""
    op.create_table(
        "index_state",
        sa.Column("institution", TEXT, nullable=False),
        sa.Column("reading", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("writing", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("institution", name="pk_index_state"),
    )


def downgrade() -> None:
    """There is no way back: entries of later versions would not be found."""
    raise NotImplementedError
