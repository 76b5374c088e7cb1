"""Follows the register: every entry as it is, then every version that is written, each once.

What is written is found by the log, whose events name the rows that they wrote, in the order in
which they were written and whichever process wrote them. So a version is never missed, and none is
shown twice: those that the first round has shown although the log tells of them later are
remembered, which are the few that were written meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from vault.access import Action, ActionClass
from vault.audit import AuditLog, EventFilter, StoredEvent, decode
from vault.audit.history import History
from vault.audit.reader import head
from vault.services.call import Call
from vault.services.lending.looking import Looking, Wanted
from vault.services.lending.register import Register, Shown, revealed
from vault.store import check_outs
from vault.store.check_outs import CheckOutRow

_PAGE = 200
_PAGE_BYTES = 256 * 1024
# Between two looks, so that a busy log is not gone through event by event.
_PAUSE_SECONDS = 0.05
# A row is written this long after the time that it bears, at the most: longer than any queue.
_SLACK_MICROS: Final = 120 * 1_000_000
_ROW: Final = re.compile(r"checkOuts/([0-9a-z]{26})@([0-9]{1,9})")
_MARK: Final = b"checkOuts/"


class Watching:
    """The use case that follows."""

    def __init__(
        self, register: Register, looking: Looking, history: History, log: AuditLog
    ) -> None:
        self._register = register
        self._looking = looking
        self._history = history
        self._log = log

    async def watch(self, call: Call, wanted: Wanted) -> AsyncIterator[Shown]:
        """Entries as they are, newest first, and then each change that is wanted. Never ends by
        itself. Holds one page at a time."""
        call.require(ActionClass.LENDING, wanted.institution)
        database, clock = self._register.database, self._register.clock
        at = (await database.read(head)).size
        began = clock.now_micros()
        lately: dict[str, int] = {}
        before = ""
        while True:
            rows, before = await self._looking.rows(call, wanted, before, _PAGE)
            for row in rows:
                if row.recorded_at >= began - _SLACK_MICROS:
                    lately[row.check_out] = row.version
            async for shown in self._each(call, rows):
                yield shown
            if not before:
                break
        known = (await database.read(head)).size
        while True:
            page = await self._history.read(
                at, _PAGE, EventFilter(institution=wanted.institution), max_bytes=_PAGE_BYTES
            )
            changed = []
            for identifier, version in _written(page.events):
                if version <= lately.get(identifier, 0):
                    continue
                made = await self._version(wanted.institution, identifier, version)
                if made is None:
                    continue
                bounds = await self._register.bounds(call, [made])
                if self._looking.lets_through(call, wanted, made, bounds):
                    changed.append(made)
            async for shown in self._each(call, changed):
                yield shown
            at = page.scanned_to
            if at >= known:
                lately.clear()
            if page.at_end:
                await self._log.wait_beyond(at)
            await asyncio.sleep(_PAUSE_SECONDS if page.at_end else 0)

    async def _each(self, call: Call, rows: list[CheckOutRow]) -> AsyncIterator[Shown]:
        for shown in await self._register.all_shown(call, rows) if rows else ():
            fields = dict.fromkeys((*call.trace.fields, *revealed([shown.words])))
            call.touched(count=call.trace.count + 1, fields=tuple(fields))
            yield shown

    async def _version(self, institution: str, identifier: str, version: int) -> CheckOutRow | None:
        return await self._register.database.read(
            lambda conn: check_outs.version(conn, institution, identifier, version)
        )


def _written(events: tuple[StoredEvent, ...]) -> list[tuple[str, int]]:
    """Versions of entries that the events wrote."""
    out = []
    for event in events:
        # Most events are of reads; looking for the name is a hundredth of decoding them.
        if _MARK not in event.leaf:
            continue
        told = decode(event.leaf)
        if told.action == Action.KEYS_RESEAL.value:
            continue  # the same versions, sealed anew
        for row in told.rows:
            if found := _ROW.fullmatch(row.name):
                out.append((found[1], int(found[2])))
    return out
