"""Which scopes were destroyed: to be replayed over a key store that comes back from a backup."""

import sqlalchemy as sa
from alembic import op

revision = "d0013"
down_revision = "d0012"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; nothing was destroyed yet."""
    op.create_table(
        "shred_list",
        sa.Column("institution", TEXT, nullable=False),
        sa.Column("customer", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("shredded_at", LONG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("institution", "customer", "scope", name="pk_shred_list"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """There is no way back: what was destroyed could come back."""
    raise NotImplementedError
