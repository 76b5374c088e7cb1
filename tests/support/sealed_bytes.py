"""All that is sealed of a customer, wherever it is kept, and whether any of it lies in files on
disk: of the database, its journals, the key store and the object store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData, select

from vault.blobs import Blobs
from vault.store import Database
from vault.store.schema import content_segments, data_metadata, keys_metadata

WINDOW = 64
_PAGE = 8_192
_KEPT = frozenset({"sealed", "masked", "wrapped", "token"})
"""Columns of what is sealed, of keys, and of what a customer is found by."""


@dataclass(frozen=True)
class Mark:
    """Something sealed, and in which scope or of which record."""

    table: str
    of: str
    data: bytes

    def windows(self) -> list[bytes]:
        """Some runs of 64 bytes out of it, from its first to its last; all of it, if it is shorter.

        Files are made of pages and of pieces of 2 kB (PostgreSQL's TOAST), so that not each of
        them lies together."""
        last = len(self.data) - WINDOW
        if last <= 0:
            return [self.data]
        parts = 8 if last > 100_000 else 4
        return [self.data[at : at + WINDOW] for at in {last * n // parts for n in range(parts + 1)}]


def marks_of(data: Database, keys: Database, blobs: Blobs, customer: str) -> list[Mark]:
    """Of every table that knows customers, and of every object."""
    found = [
        *data.read_sync(lambda conn: _rows(conn, data_metadata, customer)),
        *keys.read_sync(lambda conn: _rows(conn, keys_metadata, customer)),
    ]
    s = content_segments.c

    def objects(conn: Connection) -> list[str]:
        wanted = select(s.object).where(s.customer == customer, s.durable == 1)
        return list(conn.execute(wanted).scalars())

    for one in data.read_sync(objects):
        found.append(Mark("objects", one, b"".join(blobs.get(one))))
    return found


def _rows(conn: Connection, tables: MetaData, customer: str) -> list[Mark]:
    found = []
    for table in tables.sorted_tables:
        wanted = [column for column in table.c if column.name in _KEPT]
        if not wanted or "customer" not in table.c:
            continue
        for row in conn.execute(select(table).where(table.c.customer == customer)).mappings():
            of = row.get("record") or row.get("scope") or ""
            if "transaction" in row:
                of = f"transactions/{row['transaction']}"
            found += [
                Mark(table.name, of, bytes(row[column.name]))
                for column in wanted
                if row[column.name]
            ]
    return found


class Scan:
    """Everything that lies in folders at this moment."""

    def __init__(self, *folders: Path) -> None:
        paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
        seen: set[bytes] = set()
        pages: list[bytes] = []
        for path in paths:
            if not path.is_file():
                continue
            data = path.read_bytes()
            for at in range(0, len(data), _PAGE):
                page = data[at : at + _PAGE]
                # A server's own tables are the same in each of its databases: once is enough.
                if page not in seen:
                    seen.add(page)
                    pages.append(page)
            pages.append(b"\0")
        self._bytes = b"".join(pages)

    def traces(self, marks: Iterable[Mark]) -> list[Mark]:
        """Those of which any of the windows is there."""
        return [one for one in marks if any(window in self._bytes for window in one.windows())]
