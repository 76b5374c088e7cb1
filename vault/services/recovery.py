"""Whether the log is the one that it was: compared with the second place before anything is served.

A log that is older than the checkpoint kept there, or another one, is not served from and not
written to until two persons, an operator and a security officer, have acknowledged it. Then the
acknowledgements are the first new entries, and the second place moves on to the new history; what
it held is put aside as evidence.

    COMPARING  not compared yet, or the second place is away: tried again by itself
    REFUSED    set back, or different: waits for the two (or for the right database)
    OPEN       the log continues what was kept
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import AuditLog
from vault.audit.checkpoint import CheckpointInvalid, verify_checkpoint
from vault.audit.comparing import Comparison, Verdict, compare
from vault.audit.note import VerifierKey
from vault.audit.second_place import SecondPlace, SecondPlaceAway, SecondPlaceRefused
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.errors import (
    LogRolledBack,
    NothingToRecover,
    RecoveryChanged,
    SecondPersonNeeded,
    SecondPlaceUnavailable,
    VaultError,
)
from vault.services.health import Check, Probe, State
from vault.services.incident import (
    OFFICER,
    OPERATOR,
    REMEDY,
    Acknowledgement,
    Phase,
    Report,
    complete,
    describe,
    incident_of,
    sides,
)
from vault.services.off_loop import in_thread
from vault.store import Database, StoreError

ATTEMPT_SECONDS = 5.0
"""How long a look at the second place may take before it counts as hanging."""
_PAUSE_SECONDS = 1.0
_THREAD = "vault-recovery"


class Recovery:
    """Whether the full tier may serve. Without a second place it is open from the start."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        clock: Clock,
        place: SecondPlace | None = None,
        *,
        origin: str = "",
        verifiers: Callable[[], Sequence[VerifierKey]] = tuple,
    ) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._place = place
        self._origin = origin
        self._verifiers = verifiers
        self._phase = Phase.COMPARING if place else Phase.OPEN
        self._problem = "not compared yet"
        self._found: Comparison | None = None
        self._incident = ""
        self._words: dict[str, Acknowledgement] = {}
        self._logged = False
        self._turn = asyncio.Lock()
        self._open = asyncio.Event()
        self._attempt: asyncio.Future[Comparison] | None = None

    # -- what others ask ---------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether nothing may be served from the log, nor written to it."""
        return self._phase is not Phase.OPEN

    def refusal(self) -> VaultError | None:
        """What a call is told meanwhile; None when open."""
        if self._phase is Phase.OPEN:
            return None
        return LogRolledBack() if self._phase is Phase.REFUSED else SecondPlaceUnavailable()

    def report(self) -> Report:
        """How things stand."""
        words = tuple(self._words.values())
        if self._phase is Phase.OPEN:
            return Report(self._phase, "", "", "", None, ())
        if self._phase is Phase.COMPARING or self._found is None:
            remedy = "bring the second place (log.second_place) back; it is tried again by itself"
            return Report(Phase.COMPARING, "", self._problem, remedy, None, ())
        detail = describe(self._found)
        return Report(self._phase, self._incident, detail, REMEDY, self._found, words)

    def probe(self) -> Probe:
        """The part `recovery` of the health check."""

        async def look() -> Check:
            if self._place is None:
                return Check("recovery", State.OK, "no second place is configured")
            report = self.report()
            if report.phase is Phase.OPEN:
                return Check("recovery", State.OK, "the log continues the second place's")
            return Check("recovery", State.CRITICAL, report.detail, report.remedy)

        return look

    # -- comparing ---------------------------------------------------------------------------

    async def compare(self) -> None:
        """Look once, for at most `ATTEMPT_SECONDS`."""
        if self._phase is Phase.OPEN:
            self._open.set()
        else:
            await self._compare()

    async def opened(self) -> None:
        """Return when it is open: it looks again and again, and people may acknowledge."""
        while not self._open.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._open.wait(), _PAUSE_SECONDS)
            async with self._turn:
                if self._phase is not Phase.OPEN:
                    await self._compare()

    async def _compare(self) -> None:
        place = self._place
        if place is None:
            return
        # One look at a time: of those that hang there is never a second.
        if self._attempt is None or self._attempt.done():
            self._attempt = in_thread(lambda: self._look(place), _THREAD)
        try:
            found = await asyncio.wait_for(asyncio.shield(self._attempt), ATTEMPT_SECONDS)
        except TimeoutError:
            self._away(f"the second place has not answered for {ATTEMPT_SECONDS:.0f} s")
        except (SecondPlaceAway, SecondPlaceRefused, StoreError) as error:
            self._away(str(error))
        else:
            self._compared(found)

    def _look(self, place: SecondPlace) -> Comparison:
        fresh = self._database.read_sync(lambda conn: compare(conn, None, begun=False))
        if fresh.verdict is Verdict.CONTINUES:
            # A log without an entry: it begins in its second place before it has any.
            place.begin()
        begun, note = place.begun(), place.read()
        kept = None
        if note is not None:
            try:
                kept = verify_checkpoint(note, self._verifiers(), self._origin)
            except CheckpointInvalid:
                return self._database.read_sync(
                    lambda conn: compare(conn, None, begun=begun, believed=False)
                )
        return self._database.read_sync(lambda conn: compare(conn, kept, begun=begun))

    def _away(self, problem: str) -> None:
        if self._phase is Phase.COMPARING:
            self._problem = problem

    def _compared(self, found: Comparison) -> None:
        if found.verdict is Verdict.CONTINUES:
            self._go_on()
            return
        incident = incident_of(found)
        if incident != self._incident:
            self._words, self._logged = {}, False
        self._incident, self._found, self._phase = incident, found, Phase.REFUSED

    def _go_on(self) -> None:
        self._phase = Phase.OPEN
        self._words, self._incident, self._found = {}, "", None
        self._open.set()

    # -- acknowledging -----------------------------------------------------------------------

    async def acknowledge(self, call: Call, incident: str) -> Report:
        """Take one person's word. With the second one the log goes on.

        Raises NothingToRecover, RecoveryChanged (another incident than the one seen),
        SecondPersonNeeded (his word stands already, and the other's is wanted),
        SecondPlaceUnavailable.
        """
        call.require(ActionClass.ADMIN, "")
        async with self._turn:
            found, place = self._found, self._place
            if self._phase is not Phase.REFUSED or not found or not place or not call.principal:
                raise NothingToRecover()
            if incident != self._incident:
                raise RecoveryChanged()
            now = self._clock.now_micros()
            if not self._logged:
                if call.actor in self._words:
                    raise SecondPersonNeeded()
                roles = frozenset(call.principal.roles) & {OPERATOR, OFFICER}
                call.touched(resource=f"recovery/{incident}", resources=sides(found))
                self._words[call.actor] = Acknowledgement(call.actor, roles, now, call.event(now))
                if not complete(self._words.values()):
                    return self.report()
            await self._move_on(call, found, place)
            return self.report()

    async def _move_on(self, call: Call, found: Comparison, place: SecondPlace) -> None:
        words = sorted(self._words.values(), key=lambda word: word.time)
        try:
            # Nothing is written to a log whose second place could not follow.
            await asyncio.wait_for(in_thread(place.read, _THREAD), ATTEMPT_SECONDS)
            if not self._logged:
                await self._log.commit(
                    _nothing, lambda _: [word.event for word in words], receive=call.receive
                )
                call.committed = self._logged = True
            await asyncio.wait_for(
                in_thread(lambda: place.supersede(found.signed_note), _THREAD), ATTEMPT_SECONDS
            )
        except (SecondPlaceAway, SecondPlaceRefused, TimeoutError):
            if not self._logged:
                # His word was not taken: he may give it again when the place is back.
                self._words.pop(call.actor, None)
            raise SecondPlaceUnavailable() from None
        except BaseException:
            if not self._logged:
                self._words.pop(call.actor, None)
            raise
        self._go_on()


def _nothing(_conn: Connection) -> None:
    return None
