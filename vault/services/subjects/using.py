"""Who has used somebody's data, as he is told it: one line a call, by category, from the log.

What is told is decided call by call, from its own event (vault.rules.disclosure) and from what the
person behind it is, and nothing of how far the log was looked through leaves: so the answer is the
same, byte for byte, whatever was left out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from vault.audit import AuditEvent, Decision, EventFilter, Phase, decode
from vault.rules.disclosure import Told
from vault.rules.subjects import RequestKind
from vault.services.call import Call
from vault.services.subjects.errors import RequestStage
from vault.services.subjects.ground import SubjectGround

LINES: Final = 200
_PAGE: Final = 100
# Of a stream, the event before its first message; of a call in one piece, its only one.
_TOLD: Final = (Phase.CALL, Phase.OPENED, Phase.MESSAGE)


@dataclass(frozen=True, slots=True)
class UseLine:
    """A use of his data. The time in microseconds."""

    time: int
    purpose: str
    told: Told


class Using:
    """The use case. Raises NotFound, OwnFile, OutsideScope, RequestStage; StoreUnavailable,
    ArchiveUnavailable, ArchiveDamaged from below."""

    def __init__(self, ground: SubjectGround) -> None:
        self._on = ground

    async def begin(
        self, call: Call, institution: str, customer: str, identifier: str
    ) -> list[str]:
        """Make sure that the customer has asked, and has not been answered yet: the files to tell
        of."""
        one = await self._on.find(call, institution, customer, identifier)
        if one.kind is not RequestKind.ACCESS or one.closed:
            raise RequestStage(
                "who has used the data is told for an open request for access only",
                "仅可为未结案的查阅请求提供使用情况",
            )
        return sorted(self._on.kin(institution, customer))

    async def lines(
        self, call: Call, institution: str, files: list[str]
    ) -> AsyncIterator[list[UseLine]]:
        """The lines in order of time, file by file, always as many in a message as fit."""
        on, full = self._on, list[UseLine]()
        now = on.clock.now_micros()
        calls = set[str]()
        for customer in files:
            wanted = EventFilter(institution=institution, customer=customer, to_time=now)
            at, more = 0, True
            while more:
                found = await on.history.read(at, _PAGE, wanted)
                at, more = found.scanned_to, not found.at_end
                for stored in found.events:
                    event = decode(stored.leaf)
                    line = self._line(event)
                    # A call that made several events, or looked into several of his files, is told
                    # of once.
                    of = event.call_id or event.event_id
                    if line is None or of in calls:
                        continue
                    calls.add(of)
                    full.append(line)
                    if len(full) == LINES:
                        call.touched(count=call.trace.count + LINES)
                        yield full
                        full = []
                await asyncio.sleep(0)
        call.touched(count=call.trace.count + len(full))
        if full:
            yield full

    def _roles(self, event: AuditEvent) -> frozenset[str] | None:
        """The roles of all who stand behind a call, as far as its event and the directory know
        them; None where a person is not in the directory any more: what he was, nobody knows."""
        roles = frozenset(event.roles)
        for name in {event.on_behalf_of, event.person} - {""}:
            who = self._on.known(event.institution, name)
            if who is None:
                return None
            roles |= who.roles
        return roles

    def _line(self, event: AuditEvent) -> UseLine | None:
        if event.decision is not Decision.ALLOWED or event.phase not in _TOLD:
            return None
        if event.outcome != "OK":
            return None
        roles = self._roles(event)
        if roles is None:
            return None
        told = self._on.disclosure.told(event.action, event.purpose, roles)
        return None if told is None else UseLine(event.time, event.purpose, told)
