"""Reads the log for those who may: a page, or a stream that goes on with new entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from vault.access import ActionClass
from vault.audit import AuditLog, EventFilter, EventPage
from vault.audit.reader import head, read, read_back
from vault.sealing import Clock
from vault.services.call import Call
from vault.store import Database

_PAGE = 200


class Trail:
    """The use cases of security officers."""

    def __init__(self, database: Database, log: AuditLog, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._clock = clock

    async def page(
        self, call: Call, wanted: EventFilter, position: int, limit: int, *, newest_first: bool
    ) -> EventPage:
        """Up to ``limit`` entries from ``position`` on, or from just before it backwards (-1: the
        end).

        A page may be short or empty although more follow: it says up to where it has looked.
        """
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        if newest_first:
            return await self._database.read(
                lambda conn: read_back(conn, None if position < 0 else position, limit, wanted)
            )
        return await self._database.read(lambda conn: read(conn, position, limit, wanted))

    async def stream(
        self, call: Call, wanted: EventFilter, position: int, *, from_end: bool, follow: bool
    ) -> AsyncIterator[EventPage]:
        """Pages in order from ``position`` on. Without ``follow`` it ends where the log ended when
        asked."""
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        size = (await self._database.read(head)).size
        at = size if from_end else position
        if from_end:
            # Tells the position to resume from, should the connection be lost before an entry.
            yield EventPage((), at, False)
        while True:
            page = await self._database.read(partial(read, after=at, limit=_PAGE, wanted=wanted))
            at = page.scanned_to
            if page.events:
                call.touched(count=call.trace.count + len(page.events))
                yield page
            if not follow and at >= size:
                return
            if not page.at_end:
                # Other calls get their turn between the pages of a long log.
                await asyncio.sleep(0)
            elif self._over(wanted):
                return
            else:
                await self._log.wait_beyond(at)

    def _over(self, wanted: EventFilter) -> bool:
        """Whether no later entry can be wanted."""
        return wanted.to_time is not None and self._clock.now_micros() >= wanted.to_time
