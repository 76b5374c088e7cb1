"""Read the whole log, wherever an event is by now: in the database, or in the archive.

The database's part is `vault.audit.reader`. Archived events are found by bundle, opened in a
thread, and filtered here by what their leaves say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection

from vault.audit import tree
from vault.audit.archive import Archive, ArchiveDamaged, ArchiveUnavailable
from vault.audit.chain import GENESIS, StoredEvent
from vault.audit.event import AuditEvent, EventUnreadable, customers_of, decode
from vault.audit.reader import ALL, EventFilter, EventPage, head, position_at, read, read_back
from vault.audit.tiles import TILE_WIDTH
from vault.store import Database, log_archive
from vault.store.log_archive import BundleRow, Term, TermKind

_T = TypeVar("_T")

# Bundles that one page opens: as many events as a page of the database looks through.
_BUNDLES: Final = 16


@dataclass(frozen=True, slots=True)
class _Span:
    """Archived events first <= position <= last to look through: bundles, each with the chain's
    value in front of it. `scanned_to` and `at_end` are the page's if its limit is not reached."""

    bundles: tuple[tuple[BundleRow, bytes], ...]
    first: int
    last: int
    scanned_to: int
    at_end: bool


class History:
    """The log from its first event on. `patience` in seconds bounds the wait for the archive."""

    def __init__(self, database: Database, archive: Archive, patience: float = 10.0) -> None:
        self._database = database
        self._archive = archive
        self._patience = patience

    async def read(
        self, after: int, limit: int, wanted: EventFilter = ALL, *, max_bytes: int | None = None
    ) -> EventPage:
        """As `reader.read`. Raises ArchiveUnavailable, ArchiveDamaged, StoreError."""
        found = await self._database.read(
            partial(_look, after=after, limit=limit, wanted=wanted, max_bytes=max_bytes)
        )
        if isinstance(found, EventPage):
            return found
        return await self._opened(partial(self._page, found, limit, wanted, max_bytes=max_bytes))

    async def read_back(
        self, before: int | None, limit: int, wanted: EventFilter = ALL
    ) -> EventPage:
        """As `reader.read_back`. Raises ArchiveUnavailable, ArchiveDamaged, StoreError."""
        found = await self._database.read(
            partial(_look_back, before=before, limit=limit, wanted=wanted)
        )
        if isinstance(found, EventPage):
            return found
        return await self._opened(partial(self._page, found, limit, wanted, back=True))

    async def bundle(self, index: int, width: int) -> list[bytes]:
        """The first `width` leaves of an entry bundle; they must be there.

        Raises ArchiveUnavailable, ArchiveDamaged, StoreError.
        """
        start = index * TILE_WIDTH

        def look(conn: Connection) -> list[bytes] | BundleRow:
            if index < log_archive.count(conn):
                return log_archive.bundle(conn, index)
            leaves = [leaf for leaf, _ in tree.leaves(conn, start, width)]
            # It may have been moved between the two statements.
            return look(conn) if index < log_archive.count(conn) else leaves

        found = await self._database.read(look)
        if isinstance(found, BundleRow):
            return (await self._opened(partial(self._archive.leaves, found)))[:width]
        return found

    async def _opened(self, work: Callable[[], _T]) -> _T:
        """Work that waits for the archive: in a thread, and no longer than is bearable."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), self._patience)
        except TimeoutError:
            raise ArchiveUnavailable("the object store does not answer") from None

    def _page(
        self,
        span: _Span,
        limit: int,
        wanted: EventFilter,
        *,
        back: bool = False,
        max_bytes: int | None = None,
    ) -> EventPage:
        """The page out of the bundles of a span; with `back` the newest event first."""
        events: list[StoredEvent] = []
        size = 0
        for row, before in span.bundles:
            found = self._wanted(row, before, span, wanted)
            for event in reversed(list(found)) if back else found:
                size += len(event.leaf)
                if events and max_bytes is not None and size > max_bytes:
                    return EventPage(tuple(events), events[-1].position, False)
                events.append(event)
                if len(events) == limit:
                    at = event.position
                    return EventPage(tuple(events), at, span.at_end and at == span.scanned_to)
        return EventPage(tuple(events), span.scanned_to, span.at_end)

    def _wanted(
        self, row: BundleRow, before: bytes, span: _Span, wanted: EventFilter
    ) -> Iterator[StoredEvent]:
        for event in self._archive.events(row, before):
            if span.first <= event.position <= span.last:
                try:
                    if wanted == ALL or _passes(decode(event.leaf), wanted):
                        yield event
                except EventUnreadable as error:
                    raise ArchiveDamaged(row.bundle, "a leaf is not an audit event") from error


def _passes(event: AuditEvent, wanted: EventFilter) -> bool:
    """What the conditions of `reader` ask of columns, asked of the leaf; times aside."""
    return (
        (wanted.owner is None or event.institution == wanted.owner)
        and (not wanted.customer or _concerns(event, wanted.institution, wanted.customer))
        and (not wanted.actor or event.actor == wanted.actor)
        and (not wanted.decisions or event.decision.value in wanted.decisions)
        and (not wanted.actions or _is_one(event.action, wanted.actions))
    )


def _concerns(event: AuditEvent, institution: str, customer: str) -> bool:
    return event.institution == institution and customer in customers_of(event)


def _is_one(action: str, actions: frozenset[str]) -> bool:
    return action in actions or any(
        one.endswith("*") and action.startswith(one[:-1]) for one in actions
    )


def _look(
    conn: Connection, after: int, limit: int, wanted: EventFilter, max_bytes: int | None
) -> EventPage | _Span:
    """The page, where it is in the database; else where to look for it."""
    archived = log_archive.count(conn)
    end = archived * TILE_WIDTH
    if after < end:
        size = head(conn).size
        if wanted.from_time is not None:
            after = max(after, position_at(conn, wanted.from_time, size))
        last = size if wanted.to_time is None else position_at(conn, wanted.to_time, size)
        if after >= last:
            return EventPage((), after, True)
        if after < end:
            return _span(conn, after, last, archived, wanted)
    page = read(conn, after, limit, wanted, max_bytes=max_bytes)
    # Events that were moved between the statements are not passed over.
    if log_archive.count(conn) > archived:
        return _look(conn, after, limit, wanted, max_bytes)
    return page


def _span(conn: Connection, after: int, last: int, archived: int, wanted: EventFilter) -> _Span:
    until = min(last, archived * TILE_WIDTH)
    first_bundle, beyond = after // TILE_WIDTH, -(-until // TILE_WIDTH)
    term = _term(wanted)
    if term is None:
        numbers: Sequence[int] = range(first_bundle, min(beyond, first_bundle + _BUNDLES))
        scanned = min(until, (first_bundle + _BUNDLES) * TILE_WIDTH)
    else:
        numbers = log_archive.with_term(conn, term, first_bundle, beyond, _BUNDLES)
        scanned = until
        if len(numbers) == _BUNDLES:
            scanned = min(until, (numbers[-1] + 1) * TILE_WIDTH)
    return _Span(_rows(conn, numbers), after + 1, until, scanned, scanned >= last)


def _look_back(
    conn: Connection, before: int | None, limit: int, wanted: EventFilter
) -> EventPage | _Span:
    archived = log_archive.count(conn)
    end = archived * TILE_WIDTH
    size = head(conn).size
    top = size if before is None else min(before - 1, size)
    if wanted.to_time is not None:
        top = min(top, position_at(conn, wanted.to_time, size))
    first = 0 if wanted.from_time is None else position_at(conn, wanted.from_time, size)
    if top > end:
        page = read_back(conn, before, limit, wanted, floor=end)
        if log_archive.count(conn) > archived:
            return _look_back(conn, before, limit, wanted)
        return replace(page, at_end=page.at_end and first >= end)
    if top <= first:
        return EventPage((), top + 1, True)
    lowest, beyond = first // TILE_WIDTH, -(-top // TILE_WIDTH)
    term = _term(wanted)
    if term is None:
        numbers: Sequence[int] = range(beyond - 1, max(lowest, beyond - _BUNDLES) - 1, -1)
        down_to = max(first, numbers[-1] * TILE_WIDTH) + 1
    else:
        numbers = log_archive.with_term_back(conn, term, lowest, beyond, _BUNDLES)
        down_to = first + 1
        if len(numbers) == _BUNDLES:
            down_to = max(first, numbers[-1] * TILE_WIDTH) + 1
    return _Span(_rows(conn, numbers), first + 1, top, down_to, down_to <= first + 1)


def _term(wanted: EventFilter) -> Term | None:
    """The narrowest that bundles are found by."""
    if wanted.institution and wanted.customer:
        return Term(wanted.institution, TermKind.CUSTOMER, wanted.customer)
    if wanted.owner is not None and wanted.actor:
        return Term(wanted.owner, TermKind.ACTOR, wanted.actor)
    return None


def _rows(conn: Connection, numbers: Sequence[int]) -> tuple[tuple[BundleRow, bytes], ...]:
    return tuple(
        (
            log_archive.bundle(conn, number),
            log_archive.bundle(conn, number - 1).chain if number else GENESIS,
        )
        for number in numbers
    )
