"""Rows with sealed columns, found by the suite that these say, and exchanged for others.

The second byte of what is sealed is its suite's id (vault/sealing/sealed.py); a column that holds
nothing any more, such as the key of an upload that was completed, is empty. Functions on a
connection, which take part in their caller's transaction. Need the full role.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

_SEALED: Final = ("sealed", "masked")


def sealed_columns(table: Table) -> list[str]:
    """The sealed columns of a table, by name."""
    return [name for name in _SEALED if name in table.columns]


def count(conn: Connection, table: Table, institution: str, suite_id: int) -> int:
    """How many rows of an institution have a column that another suite has sealed."""
    return conn.execute(
        select(func.count()).select_from(table).where(_others(table, institution, suite_id))
    ).scalar_one()


def page(
    conn: Connection,
    table: Table,
    institution: str,
    suite_id: int,
    after: Sequence[str | int],
    limit: int,
) -> list[Row[Any]]:
    """Such rows in order of their primary key, up to `limit`; those behind `after`, which is the
    key without the institution (empty: from the first one on)."""
    keys = _keys(table)
    wanted = select(table).where(_others(table, institution, suite_id))
    return list(conn.execute(_after(wanted, keys, after).order_by(*keys).limit(limit)))


def behind(
    conn: Connection, table: Table, institution: str, after: Sequence[str | int], limit: int
) -> list[Row[Any]]:
    """All rows of an institution in order of their primary key, as `page` has some of them."""
    keys = _keys(table)
    wanted = select(table).where(table.c.institution == institution)
    return list(conn.execute(_after(wanted, keys, after).order_by(*keys).limit(limit)))


def is_row(table: Table, row: object) -> list[ColumnElement[bool]]:
    """The condition on a table's primary key for a row that has its columns as attributes."""
    return [key == getattr(row, key.name) for key in table.primary_key.columns]


def key_of(table: Table, row: Row[Any]) -> list[str | int]:
    """A row's primary key without the institution."""
    return [row._mapping[key.name] for key in _keys(table)]


def exchange(conn: Connection, table: Table, row: Row[Any], sealed: Mapping[str, bytes]) -> bool:
    """Put other sealed columns into a row, if it still is what was read; whether it was."""
    standing = row._mapping
    named = (*table.primary_key.columns, *(table.c[name] for name in sealed))
    done = conn.execute(
        update(table).where(and_(*(c == standing[c.name] for c in named))).values(**sealed)
    )
    return done.rowcount == 1


def _keys(table: Table) -> list[ColumnElement[Any]]:
    return [c for c in table.primary_key.columns if c.name != "institution"]


def _after(
    wanted: Select[Any], keys: Sequence[ColumnElement[Any]], after: Sequence[str | int]
) -> Select[Any]:
    if not after:
        return wanted
    place = [literal(value, key.type) for key, value in zip(keys, after, strict=True)]
    return wanted.where(tuple_(*keys) > tuple_(*place))


def _others(table: Table, institution: str, suite_id: int) -> ColumnElement[bool]:
    wanted = bytes((suite_id,))
    return and_(
        table.c.institution == institution,
        or_(
            *(
                and_(
                    table.c[name] != b"",
                    func.substr(table.c[name], 2, 1, type_=LargeBinary()) != wanted,
                )
                for name in sealed_columns(table)
            )
        ),
    )
