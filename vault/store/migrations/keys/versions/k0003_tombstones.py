"""Tombstones: a scope whose keys were destroyed gets no new ones."""

import sqlalchemy as sa
from alembic import op

revision = "k0003"
down_revision = "k0002"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; nothing was destroyed yet."""
    op.create_table(
        "shredded_scopes",
        sa.Column("institution", TEXT, nullable=False),
        sa.Column("customer", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("shredded_at", LONG, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("institution", "customer", "scope", name="pk_shredded_scopes"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """There is no way back: what was destroyed could come back."""
    raise NotImplementedError
