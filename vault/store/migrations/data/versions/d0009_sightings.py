"""What the rules of detection have to remember of callers."""

import sqlalchemy as sa
from alembic import op

revision = "d0009"
down_revision = "d0008"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _sightings(name: str) -> None:
    op.create_table(
        name,
        _text("institution"),
        _text("who"),
        _long("number"),
        _long("at"),
        _text("action_class"),
        _text("customer"),
        _text("what"),
        _text("roles"),
        _text("raised"),
        _text("alike"),
        sa.PrimaryKeyConstraint("institution", "who", "number", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{name}_institution_what_at", name, ["institution", "what", "at"])


def upgrade() -> None:
    """Make the tables; nothing was seen yet."""
    _sightings("full_sightings")
    _sightings("masked_sightings")


def downgrade() -> None:
    """There is no way back: what was seen would be lost."""
    raise NotImplementedError
