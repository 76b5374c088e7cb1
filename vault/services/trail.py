"""Reads the log for those who may: a page, or a stream that goes on with new entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from vault.access import ActionClass
from vault.audit import AuditLog, EventFilter, EventPage, StoredEvent
from vault.audit.following import MAX_HASHES, Checkpoints, Heartbeat, leaf_hashes
from vault.audit.history import History
from vault.audit.reader import head
from vault.sealing import Clock
from vault.services.call import Call
from vault.store import Database

_PAGE = 200
# Of a slow reader's stream no more than this is held. An event has up to 64 KiB, most 400 bytes.
_PAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class StreamPage:
    """A part of a stream: every wanted entry from the part before up to ``next_position``.

    ``leaf_hashes``, in a verifiable stream, are those of all entries from the part before up to
    ``next_position``, shown or not. ``checkpoint`` is a signed note, of a tree no larger than
    ``next_position``; empty unless there is a new one.
    """

    events: tuple[StoredEvent, ...]
    next_position: int
    leaf_hashes: tuple[bytes, ...] = ()
    checkpoint: bytes = b""


class Trail:
    """The use cases of security officers."""

    def __init__(self, database: Database, history: History, log: AuditLog, clock: Clock) -> None:
        self._database = database
        self._history = history
        self._log = log
        self._clock = clock
        self._checkpoints = Checkpoints(database)

    async def page(
        self, call: Call, wanted: EventFilter, position: int, limit: int, *, newest_first: bool
    ) -> EventPage:
        """Up to ``limit`` entries from ``position`` on, or from just before it backwards (-1: the
        end).

        A page may be short or empty although more follow: it says up to where it has looked.
        """
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        if newest_first:
            before = None if position < 0 else position
            return await self._history.read_back(before, limit, wanted)
        return await self._history.read(position, limit, wanted)

    async def stream(
        self,
        call: Call,
        wanted: EventFilter,
        position: int,
        *,
        from_end: bool,
        follow: bool,
        verifiable: bool = False,
    ) -> AsyncIterator[StreamPage]:
        """Parts in order from ``position`` on, each of a bounded size. Without ``follow`` it ends
        where the log ended when asked.

        Whoever follows, or verifies, is sent checkpoints.
        """
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        size = (await self._database.read(head)).size
        at = size if from_end else position
        heartbeat = Heartbeat(self._checkpoints) if follow or verifiable else None
        if from_end:
            # Tells the position to resume from, should the connection be lost before an entry.
            yield StreamPage((), at)
        while True:
            page = await self._history.read(at, _PAGE, wanted, max_bytes=_PAGE_BYTES)
            if page.events:
                call.touched(count=call.trace.count + len(page.events))
            async for part in self._parts(at, page, heartbeat, verifiable=verifiable):
                yield part
            at = page.scanned_to
            if not follow and at >= size:
                return
            if not page.at_end:
                # Other calls get their turn between the pages of a long log.
                await asyncio.sleep(0)
            elif self._over(wanted):
                return
            else:
                await self._news(at, heartbeat)

    async def _parts(
        self, at: int, page: EventPage, heartbeat: Heartbeat | None, *, verifiable: bool
    ) -> AsyncIterator[StreamPage]:
        """The page in parts of no more hashes than are read at once, with the checkpoint due."""
        due = await heartbeat.due(page.scanned_to) if heartbeat is not None else None
        size, note = (due.size, due.note) if due is not None else (-1, b"")
        if not verifiable or page.scanned_to <= at:
            if page.events or note:
                yield StreamPage(page.events, page.scanned_to, (), note)
            return
        first = 0
        while at < page.scanned_to:
            end = min(at + MAX_HASHES, page.scanned_to)
            last = first
            while last < len(page.events) and page.events[last].position <= end:
                last += 1
            hashes = await self._database.read(partial(leaf_hashes, start=at, end=end))
            reached = b"" if end < size else note
            yield StreamPage(page.events[first:last], end, hashes, reached)
            if reached:
                note = b""
            at, first = end, last
            await asyncio.sleep(0)

    async def _news(self, at: int, heartbeat: Heartbeat | None) -> None:
        """Wait until there is an entry behind ``at``, or a checkpoint to send."""
        waiting: list[asyncio.Future[int] | asyncio.Future[None]] = [
            asyncio.ensure_future(self._log.wait_beyond(at))
        ]
        # Where all entries are covered, the next checkpoint comes after the next entry.
        if heartbeat is not None and heartbeat.sent < at:
            beyond = self._checkpoints.wait_beyond(heartbeat.sent)
            waiting.append(asyncio.ensure_future(beyond))
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _over(self, wanted: EventFilter) -> bool:
        """Whether no later entry can be wanted."""
        return wanted.to_time is not None and self._clock.now_micros() >= wanted.to_time
