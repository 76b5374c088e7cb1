"""Whether the log goes on from what is known of it: from what this process has seen in it, and from
the checkpoint in the second place.

    COMPARING  not compared yet, or the second place is away: tried again by itself
    REFUSED    set back, or different: waits for two persons (or for the right database)
    OPEN       the log continues what was kept and what was seen

Only a first look needs the second place. Later on one that is away, empty or ill is told and waited
for, since then the memory of the process stands for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from vault.audit import AuditLog, Head, tree
from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.comparing import Comparison, Verdict, compare
from vault.audit.known import LogSetBack
from vault.audit.note import VerifierKey
from vault.audit.second_place import SecondPlace, SecondPlaceAway, SecondPlaceRefused
from vault.services.errors import LogRolledBack, SecondPlaceUnavailable, VaultError
from vault.services.incident import Phase, describe
from vault.services.looking import ATTEMPT_SECONDS, Kept, PlaceLook
from vault.store import Database, StoreError, StoreForbidden

_log = structlog.get_logger("vault.services")
_GLANCE_SECONDS = 0.5
_ILL_PLACE = frozenset({Verdict.NOTHING_KEPT, Verdict.UNBELIEVABLE})
_NO_PLACE = Kept(begun=True, note=None, recoveries=0)
_NOT_GRANTED = (
    "this node's database role may not read the log's tree: grant it anew with "
    "`vaultd migrate --grant-masked-role`"
)


class Continuity:
    """The state above. ``look`` moves it, and is for one task at a time; the rest may be asked by
    anybody on the event loop."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        place: SecondPlace | None = None,
        *,
        begins: bool = True,
        origin: str = "",
        verifiers: Callable[[], Sequence[VerifierKey]] = tuple,
    ) -> None:
        self._database = database
        self._log = log
        self._look_there = PlaceLook(place, begins=begins) if place is not None else None
        self._origin = origin
        self._verifiers = verifiers
        self._phase = Phase.OPEN if place is None else Phase.COMPARING
        self._recoveries: int | None = None
        self._alerted = False
        self._seen: tuple[Kept, int, bytes] | None = None
        self.problem = "not compared yet" if place is not None else ""
        self.found: Comparison | None = None
        self.rewound: list[Callable[[], None]] = []
        """Called when the log goes on from an earlier size, by somebody's word."""

    @property
    def phase(self) -> Phase:
        """See above. What a batch of the log has found closes it before anybody has looked."""
        if self._log.known.gone and self._phase is Phase.OPEN:
            return Phase.COMPARING
        return self._phase

    @property
    def closed(self) -> bool:
        """Whether nothing may be served from the log, nor written to it."""
        return self._phase is not Phase.OPEN or self._log.known.gone

    @property
    def set_back(self) -> bool:
        """Whether the log was found set back, or another one: not only not compared yet."""
        return self._log.known.gone or self._phase is Phase.REFUSED

    def refusal(self) -> VaultError | None:
        """What a call is told meanwhile; None when open."""
        if self.set_back:
            return LogRolledBack()
        return None if self._phase is Phase.OPEN else SecondPlaceUnavailable()

    # -- looking -----------------------------------------------------------------------------

    async def look(self) -> None:
        """Compare once, for little longer than `ATTEMPT_SECONDS`. What keeps it from comparing is
        told by ``problem``."""
        try:
            await self._look()
        except StoreForbidden:
            self.problem = _NOT_GRANTED
        except (SecondPlaceAway, SecondPlaceRefused, StoreError) as error:
            self.problem = str(error)
        except Exception as error:
            # The looks go on; a text that nobody foresaw may quote a value.
            self.problem = type(error).__name__
            _log.exception("the log could not be compared", exc_info=False, error=self.problem)
        self._tell()

    def _tell(self) -> None:
        """One alert for each time, in the server's own log."""
        refused = self.set_back
        if refused and not self._alerted:
            told = describe(self.found) if self.found else self.problem
            _log.error("ALERT: the log was set back; calls are refused", found=told)
        elif self._alerted and not refused:
            _log.warning("the log goes on", entries=self._log.known.size)
        self._alerted = refused

    async def _look(self) -> None:
        head = await asyncio.to_thread(self._database.read_sync, self._glance)
        kept: Kept | None = _NO_PLACE
        if self._look_there is not None:
            patience = _GLANCE_SECONDS if self._phase is Phase.OPEN else ATTEMPT_SECONDS
            fresh = head is not None and head.size == 0
            kept = await self._look_there.kept(fresh=fresh, patience=patience)
        if kept is None:
            return
        if head is not None and self._phase is Phase.OPEN:
            seen = (kept, head.size, head.chain)
            if self._look_there is None or seen == self._seen:
                self.problem = ""
                return
            self._seen = seen
        there = kept
        found = await asyncio.to_thread(
            self._database.read_sync, lambda conn: self._compare(conn, there)
        )
        self._settle(found, kept.recoveries)

    def _glance(self, conn: Connection) -> Head | None:
        """The head; None where the log does not have what was seen in it. One without an entry but
        with a checkpoint is not at its beginning."""
        try:
            head = self._log.known.look(conn)
        except LogSetBack:
            return None
        if head.size == 0 and tree.latest(conn) is not None:
            return None
        return head

    def _compare(self, conn: Connection, kept: Kept) -> Comparison:
        checkpoint: Checkpoint | None = None
        if kept.note is not None:
            try:
                checkpoint = verify_checkpoint(kept.note, self._verifiers(), self._origin)
            except CheckpointInvalid:
                return compare(conn, None, begun=kept.begun, believed=False)
        return compare(conn, checkpoint, begun=kept.begun)

    def _settle(self, found: Comparison, recoveries: int) -> None:
        known = self._log.known
        if self._recoveries is None:
            self._recoveries = recoveries
        goes_on = found.verdict is Verdict.CONTINUES
        if goes_on and known.gone and recoveries > self._recoveries:
            # Acknowledged, in another process.
            known.forget()
            self.rewind()
        if goes_on and not known.gone:
            self._recoveries = recoveries
            self.open()
            return
        if self._phase is Phase.OPEN and found.verdict in _ILL_PLACE and not known.gone:
            self.problem = describe(found)
            return
        if goes_on or (self._phase is Phase.OPEN and found.verdict in _ILL_PLACE):
            found = replace(
                found,
                verdict=Verdict.SET_BACK,
                known_size=known.size,
                known_chain=known.chain,
            )
        self._phase, self.found, self.problem = Phase.REFUSED, found, ""

    # -- going on ----------------------------------------------------------------------------

    def rewind(self) -> None:
        """Tell everybody that the log goes on from an earlier size, by somebody's word."""
        self._log.rewound()
        for forget in self.rewound:
            forget()

    def open(self) -> None:
        """The log goes on."""
        self._phase, self.found, self.problem = Phase.OPEN, None, ""
