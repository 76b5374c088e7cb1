"""Inserting many rows at once, as fast as the driver allows.

Bulk inserts go to the driver directly, past SQLAlchemy's per-value processing (all values here are
str, int and bytes, which both drivers take as they are):

- SQLite: multi-row INSERTs. Its driver lets go of the interpreter lock at each row of an
  executemany, and on a busy server gets it back a switch interval later; one statement for many
  rows makes that few hand-offs.
- PostgreSQL: one INSERT from arrays (unnest), so that the text of the statement is always the same
  and stays prepared, and one round trip does for all rows.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, Integer, LargeBinary, Table, insert
from sqlalchemy.exc import IntegrityError

from vault.store.errors import VersionConflict, is_unique_violation

# Rows in one statement on SQLite. Every smaller number has its own statement text, and the driver
# keeps 512 prepared statements, so more than this would not gain and would push others out.
_ROWS = 64
_IGNORE = " ON CONFLICT DO NOTHING"
_FROM_ARRAYS = " SELECT * FROM unnest({})"


def in_dialect(conn: Connection, text: str) -> str:
    """A statement whose parameters are written `?`, as the connection's driver has them."""
    return text.replace("?", "%s") if conn.dialect.name == "postgresql" else text


@lru_cache(maxsize=64)
def _single(table: Table, dialect: Dialect) -> str:
    """INSERT of one row, compiled by SQLAlchemy, so that names are quoted where they must be."""
    return str(insert(table).compile(dialect=dialect))


@lru_cache(maxsize=4096)
def _sqlite_sql(table: Table, dialect: Dialect, rows: int, ignore: bool) -> str:
    one = ", (" + ", ".join("?" * len(table.columns)) + ")"
    return _single(table, dialect) + one * (rows - 1) + (_IGNORE if ignore else "")


@lru_cache(maxsize=64)
def _pg_sql(table: Table, dialect: Dialect, ignore: bool) -> str:
    def array(kind: object) -> str:
        if isinstance(kind, BigInteger):
            return "%b::bigint[]"
        if isinstance(kind, Integer):
            return "%b::integer[]"
        if isinstance(kind, LargeBinary):
            return "%b::bytea[]"
        return "%b::text[]"

    into, _, _ = _single(table, dialect).partition(" VALUES ")
    arrays = ", ".join(array(c.type) for c in table.columns)
    return into + _FROM_ARRAYS.format(arrays) + (_IGNORE if ignore else "")


def _insert(conn: Connection, table: Table, rows: Sequence[tuple[Any, ...]], ignore: bool) -> int:
    """Insert rows (tuples in the order of the table's columns); return how many went in."""
    if not rows:
        return 0
    if conn.dialect.name == "postgresql":
        arrays = tuple(list(column) for column in zip(*rows, strict=True))
        return conn.exec_driver_sql(_pg_sql(table, conn.dialect, ignore), arrays).rowcount
    done = 0
    for start in range(0, len(rows), _ROWS):
        chunk = rows[start : start + _ROWS]
        flat = tuple(chain.from_iterable(chunk))
        done += conn.exec_driver_sql(
            _sqlite_sql(table, conn.dialect, len(chunk), ignore), flat
        ).rowcount
    return done


def insert_rows(conn: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, values in the order of the table's columns.

    Raises VersionConflict when a row with one of the primary keys stands already; on PostgreSQL
    the transaction (or savepoint) must then be rolled back, and on SQLite should be.
    """
    try:
        _insert(conn, table, rows, ignore=False)
    except IntegrityError as error:
        if is_unique_violation(error):
            raise VersionConflict(f"a row of {table.name} stands already") from error
        raise


def insert_or_ignore(conn: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> int:
    """As `insert_rows`, but rows whose primary key stands already are left as they are.

    Returns how many were new.
    """
    return _insert(conn, table, rows, ignore=True)
