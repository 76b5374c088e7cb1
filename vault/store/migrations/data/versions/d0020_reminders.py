"""How far the vault has reminded of what falls due."""

import sqlalchemy as sa
from alembic import op

revision = "d0020"
down_revision = "d0021"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _long(name: str) -> sa.Column[int]:
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "reminder_runs",
        _text("institution"),
        _text("horizon"),
        _long("began_at"),
        _text("after"),
        _text("before_horizon"),
        _long("before_began_at"),
        sa.PrimaryKeyConstraint("institution"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("reminder_runs")
