"""Proposals, version after version, and the head of those that were approved."""

import sqlalchemy as sa
from alembic import op

revision = "d0005"
down_revision = "d0004"
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
    """Make the tables; nothing is approved yet."""
    op.create_table(
        "proposals",
        _text("institution"),
        _text("proposal"),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        _text("kind"),
        _text("stage"),
        _text("proposer"),
        _text("person"),
        _long("applied"),
        _long("recorded_at"),
        _text("recorded_by"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("institution", "proposal", "version", name="pk_proposals"),
    )
    op.create_index(
        "ix_proposals_institution_kind_proposal", "proposals", ["institution", "kind", "proposal"]
    )
    op.create_index("ix_proposals_applied", "proposals", ["applied"])
    head = op.create_table(
        "approved_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        _long("size"),
        _bytes("chain"),
        sa.PrimaryKeyConstraint("id", name="pk_approved_head"),
        sa.CheckConstraint("id = 1", name="ck_approved_head_one_row"),
    )
    op.bulk_insert(head, [{"id": 1, "size": 0, "chain": bytes(32)}])


def downgrade() -> None:
    """There is no way back: what was approved would be lost."""
    raise NotImplementedError
