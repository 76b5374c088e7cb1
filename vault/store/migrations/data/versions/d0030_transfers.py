"""Files that came from another vault, and those that went to one."""

import sqlalchemy as sa
from alembic import op

revision = "d0030"
down_revision = "d0027"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> sa.Column[int]:
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "departures",
        _text("institution"),
        _text("customer"),
        _text("departure"),
        _int("version"),
        _long("recorded_at"),
        _text("recorded_by"),
        _text("recipient"),
        _bytes("manifest_sha256"),
        _text("received_as"),
        _bytes("note"),
        sa.PrimaryKeyConstraint(
            "institution", "customer", "departure", "version", name="pk_departures"
        ),
    )
    op.create_table(
        "arrivals",
        _text("institution"),
        _text("customer"),
        _int("version"),
        _long("recorded_at"),
        _text("recorded_by"),
        _text("origin_log"),
        _text("origin"),
        _bytes("manifest_sha256"),
        _text("bundle"),
        _bytes("note"),
        sa.PrimaryKeyConstraint("institution", "customer", "version", name="pk_arrivals"),
    )
    op.create_index(
        "ix_arrivals_institution_origin_log_origin_version",
        "arrivals",
        ["institution", "origin_log", "origin", "version"],
        unique=True,
    )
    op.create_table(
        "origins",
        _text("institution"),
        _text("customer"),
        _text("record"),
        _int("version"),
        _text("scope"),
        _long("recorded_at"),
        _text("recorded_by"),
        sa.PrimaryKeyConstraint("institution", "customer", "record", "version", name="pk_origins"),
    )


def downgrade() -> None:
    """There is no way back: what came from where would be known no more."""
    raise NotImplementedError
