"""Beside the database: each row that an event says was written is there, and is what it says.

A write's event holds the hash of each sealed row. The tree proves the event; the hash ties the row
to it. So an edited, exchanged or deleted row is found although nothing in the log was touched, and
by their number also rows that no event speaks of.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from vault.audit.event import EventUnreadable, decode
from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import StoreSource, open_store, start_method
from vault.audit.reader import head
from vault.audit.tiles import TILE_WIDTH, TileInvalid
from vault.store import log_tree
from vault.store.errors import StoreAltered, undecodable
from vault.store.evidence import LOGGED, stored_hash, table_of

_CHUNK = 512


@dataclass(slots=True)
class Rows:
    """What a run of events named: how many rows of each table were found, and what was not."""

    end: int
    found: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def verify_rows(
    source: StoreSource,
    size: int,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Finding]:
    """Every fault of the rows that the events up to `size` name, and the number of those that none
    names. `progress` is told (events done, of how many). Raises StoreError, ArchiveUnavailable."""
    starts = range(0, size, _CHUNK)
    tasks = [(source, start, min(_CHUNK, size - start)) for start in starts]
    found: dict[str, int] = {}

    def take(parts: Iterator[Rows]) -> Iterator[Finding]:
        for part in parts:
            yield from part.findings
            _add(found, part.found)
            if progress is not None:
                progress(part.end, size)

    if workers <= 1 or len(tasks) < 4:
        yield from take(map(_rows, tasks))
    else:
        with multiprocessing.get_context(start_method(source)).Pool(workers) as pool:
            yield from take(pool.imap(_rows, tasks))
    yield from _unlogged(source.url, size, found)


def _rows(task: tuple[StoreSource, int, int]) -> Rows:
    source, start, count = task
    leaves: dict[int, bytes] = {}
    for first in range(start, start + count, TILE_WIDTH):
        width = min(TILE_WIDTH, start + count - first)
        try:
            found = source.leaves(first // TILE_WIDTH, width) or ()
        except TileInvalid:
            continue  # whoever verifies the tree says so
        leaves |= {first + n: leaf for n, leaf in enumerate(found) if leaf is not None}
    return open_store(source.url).read_sync(lambda conn: _check(conn, leaves, start + count))


def _check(conn: Connection, leaves: Mapping[int, bytes], end: int) -> Rows:
    rows = Rows(end)
    for index, leaf in sorted(leaves.items()):
        try:
            event = decode(leaf)
        except EventUnreadable:
            rows.findings.append(Finding(Kind.EVENT_UNREADABLE, "", index, index))
            continue
        for row in event.rows:
            name = f"institutions/{event.institution}/{row.name}"
            try:
                stands = stored_hash(conn, name)
            except (TypeError, DBAPIError) as error:
                # SQLite lets a column hold another type than its own: not what was written.
                if isinstance(error, DBAPIError) and not undecodable(error):
                    raise
                stands = b""
            except ValueError:
                # A kind of row of a later version: this one cannot say.
                continue
            if stands is None:
                rows.findings.append(Finding(Kind.ROW_MISSING, name, index, index))
                continue
            table = table_of(name).name
            rows.found[table] = rows.found.get(table, 0) + 1
            if stands != row.sha256:
                rows.findings.append(Finding(Kind.ROW_CHANGED, name, index, index))
    return rows


def _unlogged(url: str, size: int, found: dict[str, int]) -> Iterator[Finding]:
    """Rows beyond those that events name. Counted within one snapshot, with the events that came
    meanwhile."""

    def count(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
        stand = {
            t.name: int(conn.execute(select(func.count()).select_from(t)).scalar_one())
            for t in LOGGED
        }
        later: dict[str, int] = {}
        end = head(conn).size
        for start in range(size, end, _CHUNK):
            there = log_tree.leaves_there(conn, start, min(_CHUNK, end - start))
            _add(later, _check(conn, there, end).found)
        return stand, later

    try:
        stand, later = open_store(url).snapshot(count)
    except StoreAltered:
        return  # of an entry that came meanwhile: whoever verifies the chain says so
    for table, number in stand.items():
        named = found.get(table, 0) + later.get(table, 0)
        if number > named:
            yield Finding(Kind.ROWS_UNLOGGED, table, named, number)


def _add(into: dict[str, int], more: dict[str, int]) -> None:
    for table, number in more.items():
        into[table] = into.get(table, 0) + number
