"""Beside the database: each row that an event says was written is there, and is what it says.

A write's event holds the hash of each sealed row. The tree proves the event; the hash ties the row
to it. So an edited, exchanged or deleted row is found although nothing in the log was touched, and
by their number also rows that no event speaks of.

A row that was sealed anew with another suite is named by another event, which has its hash until
then besides. So there is a chain from the event of the write to the row as it stands: a row that
was edited before it was sealed anew breaks the chain, and one that was edited afterwards differs
from its end.

A row that was disposed of is named once more, by the event of its disposal, with the hash that it
had until then: it is not missing, and if it is there, it was put back.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from vault.audit.event import AuditEvent, EventUnreadable, decode
from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import StoreSource, open_store, start_method
from vault.audit.reader import head
from vault.audit.tiles import TILE_WIDTH, TileInvalid
from vault.store import log_tree
from vault.store.errors import StoreAltered, undecodable
from vault.store.evidence import BEFORE, DISPOSED, LOGGED, stored_hash, table_of

_CHUNK = 512
# The action of the events that name rows a second time; `access` is above this room.
_RESEALED = "keys.work.reseal"


@dataclass(slots=True)
class Rows:
    """What a run of events named: how many rows of each table were found, and what was not.

    `missing` are rows that are not there, with the hashes that events say they had; `disposed` what
    those that were disposed of had.

    `changed` are rows that are not what their last event here says, with what it says; `links`
    what the first event of re-sealing here says that a row was until then.
    """

    end: int
    found: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    changed: dict[str, tuple[Finding, bytes]] = field(default_factory=dict)
    links: dict[str, bytes | None] = field(default_factory=dict)
    missing: dict[str, tuple[Finding, set[bytes]]] = field(default_factory=dict)
    anew: dict[str, set[bytes]] = field(default_factory=dict)
    disposed: dict[str, bytes] = field(default_factory=dict)

    def gone(self, name: str, sha256: bytes) -> None:
        """A row was disposed of, and had that hash: it is not missing any more."""
        found = self.missing.get(name)
        if found is None:
            self.disposed[name] = sha256
        elif sha256 in found[1]:
            del self.missing[name]

    def link(self, name: str, before: bytes | None) -> None:
        """An event of re-sealing takes the place of the one before it, if that one said so too."""
        earlier = self.changed.pop(name, None)
        if earlier is None:
            self.links.setdefault(name, before)
        elif earlier[1] != before:
            self.findings.append(earlier[0])

    def add(self, later: Rows) -> None:
        """Take in what the events behind these say."""
        _add(self.found, later.found)
        for name, before in later.links.items():
            self.link(name, before)
        for name, hashes in later.anew.items():
            if name in self.missing:
                self.missing[name][1].update(hashes)
            else:
                self.anew.setdefault(name, set()).update(hashes)
        for name, (finding, hashes) in later.missing.items():
            if name not in self.missing:
                self.missing[name] = (finding, hashes)
        for name, sha256 in later.disposed.items():
            self.gone(name, sha256)
        self.findings += later.findings
        self.changed |= later.changed


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
    all_of = Rows(0)

    def take(parts: Iterator[Rows]) -> Iterator[Finding]:
        for part in parts:
            all_of.add(part)
            yield from all_of.findings
            all_of.findings.clear()
            if progress is not None:
                progress(part.end, size)

    if workers <= 1 or len(tasks) < 4:
        yield from take(map(_rows, tasks))
    else:
        with multiprocessing.get_context(start_method(source)).Pool(workers) as pool:
            yield from take(pool.imap(_rows, tasks))
    yield from _at_the_end(source.url, size, all_of)


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
        anew = event.action == _RESEALED
        if any(row.name.endswith(DISPOSED) for row in event.rows):
            _disposal(conn, event, index, rows)
            continue
        before = {row.name: row.sha256 for row in event.rows if row.name.endswith(BEFORE)}
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
                if not anew:
                    finding = Finding(Kind.ROW_MISSING, name, index, index)
                    rows.missing[name] = (finding, {row.sha256})
                elif name in rows.missing:
                    rows.missing[name][1].add(row.sha256)
                else:
                    rows.anew.setdefault(name, set()).add(row.sha256)
                continue
            if anew:
                rows.link(name, before.get(row.name + BEFORE))
            else:
                table = table_of(name).name
                rows.found[table] = rows.found.get(table, 0) + 1
            if stands != row.sha256:
                finding = Finding(Kind.ROW_CHANGED, name, index, index)
                rows.changed[name] = (finding, row.sha256)
    return rows


def _disposal(conn: Connection, event: AuditEvent, index: int, rows: Rows) -> None:
    """Take in what was disposed of. Whatever of it is there was put back."""
    for row in event.rows:
        name = f"institutions/{event.institution}/{row.name.removesuffix(DISPOSED)}"
        try:
            stands = stored_hash(conn, name)
        except ValueError:
            continue  # of a later version
        if stands is not None:
            rows.findings.append(Finding(Kind.ROW_BACK, name, index, index))
        else:
            rows.gone(name, row.sha256)


def _at_the_end(url: str, size: int, named: Rows) -> Iterator[Finding]:
    """Rows that are not what the last event says of them, and rows beyond those that events name.
    Within one snapshot, with the events that came meanwhile."""

    def count(conn: Connection) -> dict[str, int]:
        stand = {
            t.name: int(conn.execute(select(func.count()).select_from(t)).scalar_one())
            for t in LOGGED
        }
        end = head(conn).size
        for start in range(size, end, _CHUNK):
            there = log_tree.leaves_there(conn, start, min(_CHUNK, end - start))
            later = _check(conn, there, end)
            # What is wrong with rows that came meanwhile, the next verification says.
            later.changed.clear()
            later.findings.clear()
            later.missing.clear()
            named.add(later)
        return stand

    try:
        stand = open_store(url).snapshot(count)
    except StoreAltered:
        stand = {}  # of an entry that came meanwhile: whoever verifies the chain says so
    missing = [finding for finding, _ in named.missing.values()]
    left = [*named.findings, *missing, *(finding for finding, _ in named.changed.values())]
    yield from sorted(left, key=lambda finding: (finding.first, finding.place))
    for table, number in stand.items():
        if number > named.found.get(table, 0):
            yield Finding(Kind.ROWS_UNLOGGED, table, named.found.get(table, 0), number)


def _add(into: dict[str, int], more: dict[str, int]) -> None:
    for table, number in more.items():
        into[table] = into.get(table, 0) + number
