"""Compartments, their members, and what is noted in them."""

import sqlalchemy as sa
from alembic import op

revision = "d0006"
down_revision = "d0005"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, TEXT, nullable=False)


def _version() -> "sa.Column[int]":
    return sa.Column("version", sa.Integer(), nullable=False, autoincrement=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _written() -> "tuple[sa.Column[int], sa.Column[str], sa.Column[bytes]]":
    at = sa.Column("recorded_at", LONG, nullable=False, autoincrement=False)
    return at, _text("recorded_by"), _bytes("sealed")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "compartments",
        _text("institution"),
        _text("compartment"),
        _version(),
        *_written(),
        sa.PrimaryKeyConstraint("institution", "compartment", "version", name="pk_compartments"),
    )
    op.create_table(
        "compartment_members",
        _text("institution"),
        _text("compartment"),
        _text("person"),
        _version(),
        _text("agree_by"),
        *_written(),
        sa.PrimaryKeyConstraint(
            "institution", "compartment", "person", "version", name="pk_compartment_members"
        ),
    )
    op.create_index(
        "ix_compartment_members_institution_person_compartment",
        "compartment_members",
        ["institution", "person", "compartment"],
    )
    op.create_table(
        "compartment_items",
        _text("institution"),
        _text("compartment"),
        _text("item"),
        _bytes("subject"),
        *_written(),
        sa.PrimaryKeyConstraint("institution", "compartment", "item", name="pk_compartment_items"),
    )
    op.create_index(
        "ix_compartment_items_institution_compartment_subject_item",
        "compartment_items",
        ["institution", "compartment", "subject", "item"],
    )


def downgrade() -> None:
    """There is no way back: what is noted would be lost."""
    raise NotImplementedError
