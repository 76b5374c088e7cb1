"""The lending register: check-outs, version after version."""

import sqlalchemy as sa
from alembic import op

revision = "d0004"
down_revision = "d0003"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _long(name: str) -> "sa.Column[int]":
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "check_outs",
        _text("institution"),
        _text("check_out"),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        _text("customer"),
        _text("requester"),
        _text("person"),
        _text("stage"),
        _long("decide_by"),
        _long("ends_at"),
        _long("recorded_at"),
        _text("recorded_by"),
        _bytes("body"),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint("institution", "check_out", "version", name="pk_check_outs"),
    )
    for column in ("customer", "person"):
        op.create_index(
            f"ix_check_outs_institution_{column}_check_out",
            "check_outs",
            ["institution", column, "check_out"],
        )


def downgrade() -> None:
    """There is no way back: the register would be lost."""
    raise NotImplementedError
