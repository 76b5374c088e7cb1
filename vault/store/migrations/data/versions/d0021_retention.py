"""What is kept for how long, holds, and what was disposed of.

Of what is there already, the days of the first and the last booking come from the identifiers,
which are by booking time in UTC: a day wider at both ends, since the booking's own time zone says
which day it was. When relationships ended nobody has said yet.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "d0021"
down_revision = "d0013"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHUNK = 500


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _long(name: str) -> sa.Column[int]:
    return sa.Column(name, LONG, nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    """Make the tables, and the rows of the scopes that there are."""
    scopes = op.create_table(
        "scopes",
        _text("institution"),
        _text("customer"),
        _text("scope"),
        _int("first_on"),
        _int("last_on"),
        _int("ended_on"),
        sa.PrimaryKeyConstraint("institution", "customer", "scope", name="pk_scopes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "disposals",
        _text("institution"),
        _text("disposal"),
        _int("version"),
        _text("stage"),
        _long("recorded_at"),
        _text("recorded_by"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("institution", "disposal", "version", name="pk_disposals"),
    )
    op.create_table(
        "disposal_items",
        _text("institution"),
        _text("disposal"),
        _long("number"),
        _text("customer"),
        _text("scope"),
        _text("record"),
        _text("stage"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("institution", "disposal", "number", name="pk_disposal_items"),
    )
    op.create_index(
        "ix_disposal_items_institution_disposal_stage_number",
        "disposal_items",
        ["institution", "disposal", "stage", "number"],
    )
    op.create_table(
        "tombstones",
        _text("institution"),
        _text("customer"),
        _text("scope"),
        _text("record"),
        _text("disposal"),
        _long("disposed_at"),
        _long("rows"),
        sa.PrimaryKeyConstraint("institution", "customer", "scope", "record", name="pk_tombstones"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "compartment_holds",
        _text("institution"),
        _text("compartment"),
        _text("hold"),
        _int("version"),
        _long("recorded_at"),
        _text("recorded_by"),
        _bytes("sealed"),
        sa.PrimaryKeyConstraint(
            "institution", "compartment", "hold", "version", name="pk_compartment_holds"
        ),
    )
    _fill(op.get_bind(), scopes)


def _fill(conn: sa.Connection, scopes: sa.Table) -> None:
    conn.execute(
        sa.text(
            "INSERT INTO scopes (institution, customer, scope, first_on, last_on, ended_on) "
            "SELECT institution, customer, 'identity', 0, 0, 0 FROM customers WHERE version = 1"
        )
    )
    found = conn.execute(
        sa.text(
            'SELECT institution, customer, scope, MIN("transaction"), MAX("transaction") '
            "FROM transactions GROUP BY institution, customer, scope"
        ),
        execution_options={"stream_results": True},
    )
    for some in found.partitions(_CHUNK):
        rows = [
            {
                "institution": institution,
                "customer": customer,
                "scope": scope,
                "first_on": _day(first) - 1,
                "last_on": _day(last) + 1,
                "ended_on": 0,
            }
            for institution, customer, scope, first, last in some
        ]
        conn.execute(sa.insert(scopes), rows)


def _day(ulid: str) -> int:
    """The day, in UTC, of the time in an identifier."""
    ms = 0
    for character in ulid[:10]:
        ms = ms * 32 + _ALPHABET.index(character)
    return datetime.fromtimestamp(ms / 1000, UTC).toordinal()


def downgrade() -> None:
    """There is no way back: what was disposed of has its proof here."""
    raise NotImplementedError
