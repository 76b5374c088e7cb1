"""Refuses a log that was set back, and lets it go on by the word of two persons.

A log that is older than what is known of it (continuity.py), or another one, is not served from and
not written to until two persons, an operator and a security officer, have acknowledged it. Then the
acknowledgements are the first new entries, and the second place moves on to the new history; what
it held is put aside as evidence, by which the other nodes know that they may go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import AuditLog
from vault.audit.comparing import Comparison
from vault.audit.second_place import SecondPlace, SecondPlaceAway, SecondPlaceRefused
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.continuity import Continuity
from vault.services.errors import (
    NothingToRecover,
    RecoveryChanged,
    RecoveryElsewhere,
    SecondPersonNeeded,
    SecondPlaceUnavailable,
    VaultError,
)
from vault.services.health import Check, Probe, State
from vault.services.incident import (
    OFFICER,
    OPERATOR,
    REMEDY,
    REMEDY_ELSEWHERE,
    Acknowledgement,
    Phase,
    Report,
    complete,
    describe,
    incident_of,
    sides,
)
from vault.services.looking import ATTEMPT_SECONDS
from vault.services.off_loop import in_thread

PAUSE_SECONDS = 0.5
"""Between two looks: a log that is set back under the running server is refused within 2 s."""


class Recovery:
    """Of one process. ``elsewhere`` where people acknowledge on another node: a masked one neither
    reads what they acknowledge nor writes to the second place."""

    def __init__(
        self,
        continuity: Continuity,
        log: AuditLog,
        clock: Clock,
        place: SecondPlace | None = None,
        *,
        elsewhere: bool = False,
    ) -> None:
        self._continuity = continuity
        self._log = log
        self._clock = clock
        self._place = place
        self._elsewhere = elsewhere
        self._incident = ""
        self._words: dict[str, Acknowledgement] = {}
        self._unfinished: Comparison | None = None
        self._turn = asyncio.Lock()
        self._moved_on = asyncio.Event()

    # -- what others ask ---------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether nothing may be served from the log, nor written to it."""
        return self._continuity.closed

    @property
    def set_back(self) -> bool:
        """Whether the log waits for two persons, or for the right database."""
        return self._continuity.set_back

    def refusal(self) -> VaultError | None:
        """What a call is told meanwhile; None when open."""
        return self._continuity.refusal()

    def report(self) -> Report:
        """How things stand."""
        phase, found = self._continuity.phase, self._continuity.found
        if phase is Phase.OPEN:
            return Report(phase, "", "", "", None, ())
        if phase is Phase.COMPARING or found is None:
            remedy = "bring the second place (log.second_place) back; it is tried again by itself"
            if self._log.known.gone:
                remedy = REMEDY_ELSEWHERE if self._elsewhere else REMEDY
            problem = self._continuity.problem or "the log was set back under the running server"
            return Report(Phase.COMPARING, "", problem, remedy, None, ())
        remedy = REMEDY_ELSEWHERE if self._elsewhere else REMEDY
        words = tuple(self._words.values())
        return Report(phase, self._incident, describe(found), remedy, found, words)

    def probe(self) -> Probe:
        """The part `recovery` of the health check."""

        async def look() -> Check:
            report = self.report()
            if report.phase is not Phase.OPEN:
                return Check("recovery", State.CRITICAL, report.detail, report.remedy)
            problem = self._continuity.problem
            if problem:
                remedy = "mend it; until then only what this server has seen itself is held against"
                return Check("recovery", State.WARNING, f"not compared: {problem}", remedy)
            if self._place is None:
                detail = "the log continues what this server has seen; there is no second place"
                return Check("recovery", State.OK, detail)
            return Check("recovery", State.OK, "the log continues the second place's")

        return look

    # -- comparing ---------------------------------------------------------------------------

    async def compare(self) -> None:
        """Look once, for little longer than `ATTEMPT_SECONDS`."""
        async with self._turn:
            if self._unfinished is not None:
                # Both words are in the log; only the second place is behind.
                with contextlib.suppress(SecondPlaceAway, SecondPlaceRefused, TimeoutError):
                    await self._finish(self._unfinished)
                return
            await self._continuity.look()
            found = self._continuity.found
            incident = incident_of(found) if found is not None else ""
            if incident != self._incident:
                self._incident, self._words = incident, {}

    async def opened(self) -> None:
        """Return when it is open: it looks again and again, and people may acknowledge."""
        while self.closed:
            await self._pause()
            if self.closed:
                await self.compare()

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Look again and again, until cancelled; ``tell`` whether calls are taken, on a change."""
        was = self.closed
        while True:
            await self._pause()
            await self.compare()
            if self.closed != was:
                was = self.closed
                tell(not was)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._moved_on.wait(), PAUSE_SECONDS)
        self._moved_on.clear()

    # -- acknowledging -----------------------------------------------------------------------

    async def acknowledge(self, call: Call, incident: str) -> Report:
        """Take one person's word, whichever account he gives it from. With the second person's the
        log goes on.

        Raises NothingToRecover, RecoveryElsewhere, RecoveryChanged (another incident than the one
        seen), SecondPersonNeeded (his word stands already, and the other's is wanted),
        SecondPlaceUnavailable.
        """
        call.require(ActionClass.ADMIN, "")
        async with self._turn:
            found = self._continuity.found
            if self._continuity.phase is not Phase.REFUSED or not found or not call.principal:
                raise NothingToRecover()
            if self._elsewhere:
                raise RecoveryElsewhere()
            if incident != self._incident:
                raise RecoveryChanged()
            now = self._clock.now_micros()
            if self._unfinished is None:
                who = call.person or call.principal
                # Principals are different persons only where the directory says so.
                key = who.person or who.name
                if key in self._words:
                    raise SecondPersonNeeded()
                roles = frozenset(who.roles) & {OPERATOR, OFFICER}
                call.touched(resource=f"recovery/{incident}", resources=sides(found))
                self._words[key] = Acknowledgement(who.name, roles, now, call.event(now))
                if not complete(self._words.values()):
                    return self.report()
            await self._move_on(call, found)
            return self.report()

    async def _move_on(self, call: Call, found: Comparison) -> None:
        try:
            if self._unfinished is None:
                await self._write(call)
                self._unfinished = found
            await self._finish(found)
        except (SecondPlaceAway, SecondPlaceRefused, TimeoutError):
            raise SecondPlaceUnavailable() from None

    async def _write(self, call: Call) -> None:
        """Both words into the log, unless the second place could not follow."""
        words = sorted(self._words.values(), key=lambda word: word.time)
        try:
            if self._place is not None:
                await _bounded(self._place.read)
            with self._log.known.waived():
                await self._log.commit(
                    _nothing, lambda _: [word.event for word in words], receive=call.receive
                )
        except BaseException:
            # His word was not taken: he may give it again.
            who = call.person or call.principal
            if who is not None:
                self._words.pop(who.person or who.name, None)
            raise
        call.committed = True

    async def _finish(self, found: Comparison) -> None:
        place = self._place
        if place is not None:
            await _bounded(lambda: place.supersede(found.signed_note))
        self._unfinished = None
        self._words, self._incident = {}, ""
        self._continuity.rewind()
        self._continuity.open()
        self._moved_on.set()


def _nothing(_conn: Connection) -> None:
    return None


async def _bounded(work: Callable[[], object]) -> None:
    await asyncio.wait_for(in_thread(work, "vault-recovery"), ATTEMPT_SECONDS)
