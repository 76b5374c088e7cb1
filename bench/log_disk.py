"""Bytes that the log has on disk, by table and index."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

from sqlalchemy import make_url

from bench.databases import Store

TABLES = (
    "audit_events",
    "audit_customers",
    "audit_head",
    "log_tiles",
    "log_checkpoints",
    "log_bundles",
    "log_bundle_terms",
)

# A table with what PostgreSQL keeps beside it (TOAST, free space map, visibility map), which
# together with its indexes is its pg_total_relation_size.
_POSTGRESQL = """
SELECT c.relname, pg_table_size(c.oid) FROM pg_class c WHERE c.relname IN ({tables})
UNION ALL
SELECT i.relname, pg_table_size(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid WHERE c.relname IN ({tables})
"""
_SQLITE = """
SELECT s.name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name
WHERE m.tbl_name IN ({tables}) GROUP BY s.name
"""


def sizes(store: Store) -> dict[str, int]:
    """Bytes of each table and index of the log, as they stand: whole pages, free room in them too.

    SQLite's are those of dbstat; its write-ahead log is not counted, which is emptied into them.
    """
    tables = ", ".join(f"'{name}'" for name in TABLES)
    sql = _SQLITE if store.server is None else _POSTGRESQL
    rows = _rows(store, sql.format(tables=tables))
    return {_shown(str(name)): int(size) for name, size in rows}


def _shown(name: str) -> str:
    # SQLite names the index of a primary key by number.
    return name.removeprefix("sqlite_autoindex_") if name.startswith("sqlite_") else name


def grown(before: Mapping[str, int], after: Mapping[str, int], events: int) -> dict[str, float]:
    """Bytes an event by table and index, largest first. Raises ValueError where there is none."""
    if events < 1:
        raise ValueError("no event was added")
    each = {name: (size - before.get(name, 0)) / events for name, size in after.items()}
    return dict(sorted(each.items(), key=lambda one: -one[1]))


def leaves(store: Store, after: int) -> dict[str, tuple[int, float]]:
    """Of the events behind a position, by action: how many, and the mean length of their leaves in
    bytes; those with the most bytes first."""
    sql = (
        "SELECT action, COUNT(*), SUM(LENGTH(leaf)) FROM audit_events "
        f"WHERE position > {after:d} GROUP BY action ORDER BY 3 DESC"
    )
    rows = [(str(row[0]), int(row[1]), int(row[2])) for row in _rows(store, sql)]
    return {action: (count, length / count) for action, count, length in rows}


def reclaim(store: Store) -> None:
    """Give the room of deleted rows back, so that what stands can be measured; a vault would fill
    it with new entries."""
    if store.server is None:
        _rows(store, "VACUUM")
        return
    for name in TABLES:
        _rows(store, f"VACUUM FULL {name}")


def size(store: Store) -> int:
    """How many events there are."""
    return int(_rows(store, "SELECT size FROM audit_head")[0][0])


def _rows(store: Store, sql: str) -> Sequence[Any]:
    database = make_url(store.url).database or ""
    if store.server is not None:
        return store.server.execute(sql, database)
    with closing(connect(Path(database))) as conn:
        return conn.execute(sql).fetchall()
