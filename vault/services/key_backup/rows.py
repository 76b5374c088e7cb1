"""The tables of a backup, and their rows as lines of JSON: always the same bytes for the same row.

Jobs of rotation are left out: they were under way then, and are proposed again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table, delete, func, select

from vault.store.schema import (
    full_branch_keys,
    full_file_keys,
    index_keys,
    kek_custody,
    key_jobs,
    masked_branch_keys,
    masked_file_keys,
    shredded_scopes,
)
from vault.store.statements import insert_or_ignore

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        kek_custody,
        full_branch_keys,
        masked_branch_keys,
        index_keys,
        shredded_scopes,
        full_file_keys,
        masked_file_keys,
    )
}
_AT_ONCE: Final = 500


class Digest:
    """How many rows a table has, and the SHA-256 of their lines in the order of the key."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """The next row's line."""
        self.rows += 1
        self._hash.update(line)

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._hash.hexdigest()


def lines(conn: Connection, table: Table) -> Iterator[bytes]:
    """The table's rows as lines, in the order of its key, in bounded memory."""
    query = select(table).order_by(*table.primary_key.columns)
    # Of the statement: a connection would keep it for the statements of others.
    for row in conn.execute(query.execution_options(stream_results=True, yield_per=_AT_ONCE)):
        yield encode(table, tuple(row))


def digest(conn: Connection, table: Table) -> Digest:
    """Of the table as it is."""
    made = Digest()
    for line in lines(conn, table):
        made.add(line)
    return made


def encode(table: Table, row: tuple[Any, ...]) -> bytes:
    """A row as a line."""
    values = [
        base64.b64encode(value).decode("ascii") if isinstance(column.type, LargeBinary) else value
        for column, value in zip(table.columns, row, strict=True)
    ]
    line = json.dumps(
        {"table": table.name, "row": values}, ensure_ascii=True, separators=(",", ":")
    )
    return line.encode("ascii") + b"\n"


def decode(table: Table, values: object) -> tuple[Any, ...]:
    """A line's row. Raises ValueError, TypeError for what is none of this table."""
    if not isinstance(values, list) or len(values) != len(table.columns):
        raise ValueError("another number of columns")
    row: list[Any] = []
    for column, value in zip(table.columns, values, strict=True):
        if isinstance(column.type, LargeBinary):
            row.append(base64.b64decode(value, None, True))
        elif type(value) is not column.type.python_type:
            raise TypeError("another type")
        else:
            row.append(value)
    return tuple(row)


def insert_all(conn: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows."""
    insert_or_ignore(conn, table, rows)


def count(conn: Connection, table: Table) -> int:
    """How many rows there are."""
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def empty(conn: Connection) -> None:
    """Take every row out of the tables of a backup, and the jobs that spoke of them."""
    for table in (*reversed(TABLES.values()), key_jobs):
        conn.execute(delete(table))
