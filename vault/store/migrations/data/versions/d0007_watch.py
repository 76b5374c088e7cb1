"""What is spent of budgets, and decoys."""

import sqlalchemy as sa
from alembic import op

revision = "d0007"
down_revision = "d0006"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _spent(name: str) -> None:
    key = ["institution", "who", "meter", "period"]
    op.create_table(
        name,
        _text("institution"),
        _text("who"),
        _text("meter"),
        _long("period"),
        _text("item"),
        _long("number"),
        sa.PrimaryKeyConstraint(*key, "item", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        f"ix_{name}_institution_who_meter_period_number", name, [*key, "number"], unique=True
    )
    op.create_index(f"ix_{name}_institution_period", name, ["institution", "period"])


def upgrade() -> None:
    """Make the tables; nothing is spent yet, and nobody is a decoy."""
    _spent("full_spent")
    _spent("masked_spent")
    op.create_table(
        "decoys",
        _text("institution"),
        _text("customer"),
        _int("version"),
        _int("decoy"),
        _long("recorded_at"),
        _text("recorded_by"),
        sa.PrimaryKeyConstraint("institution", "customer", "version", name="pk_decoys"),
    )


def downgrade() -> None:
    """There is no way back: who is a decoy would be lost."""
    raise NotImplementedError
