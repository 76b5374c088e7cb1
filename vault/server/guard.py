"""What keeps the log from being set back: its second place, its witnesses, and the recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from vault.audit import AuditLog
from vault.audit.note import VerifierKey
from vault.audit.publisher import Publisher
from vault.audit.second_place import (
    FolderPlace,
    SecondPlaceAway,
    SecondPlaceRefused,
)
from vault.audit.sequencer import Publish
from vault.audit.signers import Signers
from vault.audit.witness import Witness, WitnessFailed
from vault.sealing import SystemClock
from vault.server.public_keys import PublicKeys
from vault.server.settings import LogTable, Settings, SettingsInvalid
from vault.services.continuity import Continuity
from vault.services.errors import VaultError
from vault.services.gate import Gate
from vault.services.health import Probe, second_place_probe
from vault.services.recovery import Recovery
from vault.services.witnessing import Witnessing
from vault.store import Database, StoreError
from vault.store.log_tree import CheckpointRow

Refusal = Callable[[], VaultError | None]

_STOP_SECONDS = 2.0
_WITNESSES_SECONDS = 1.0


class LogGuard:
    """The parts around the log. A masked node compares as the full tier does, and writes nowhere.

    `open` first, then `start`; `compared` is set when the log has been looked at once.
    """

    def __init__(
        self,
        continuity: Continuity,
        recovery: Recovery,
        second: Publisher | None,
        witnesses: Mapping[str, Publisher],
        log: LogTable,
        place: FolderPlace | None = None,
    ) -> None:
        self.recovery = recovery
        self.place = place
        self.compared = asyncio.Event()
        self._continuity = continuity
        self._second = second
        self._publishers = ([second] if second is not None else []) + list(witnesses.values())
        self._witnessing: Witnessing | None = None
        if witnesses:
            self._witnessing = Witnessing(
                witnesses, log.witness_quorum, log.witness_seconds, required=log.witness_required
            )
        for publisher in self._publishers:
            self.when_rewound(publisher.forget)

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        log: AuditLog,
        clock: SystemClock,
        signers: Signers | None,
    ) -> LogGuard:
        """From the settings. Without signers it is a masked node's.

        Raises SettingsInvalid.
        """
        place: FolderPlace | None = None
        second: Publisher | None = None
        verifiers: Callable[[], Sequence[VerifierKey]] = tuple
        if settings.log.second_place:
            verifiers = PublicKeys.of(settings).verifiers if signers is None else signers.verifiers
            folder = settings.path(settings.log.second_place)
            place = FolderPlace(folder, settings.log.origin, verifiers)
        if place is not None and signers is not None:
            foreseen = (SecondPlaceAway, SecondPlaceRefused)
            second = Publisher("second_place", _keeping(place), foreseen)
        continuity = Continuity(
            database,
            log,
            place,
            begins=signers is not None,
            origin=settings.log.origin,
            verifiers=verifiers,
        )
        recovery = Recovery(continuity, log, clock, place, elsewhere=signers is None)
        witnesses = _witnesses(settings, database) if signers is not None else {}
        return cls(continuity, recovery, second, witnesses, settings.log, place)

    @property
    def publish(self) -> Sequence[Publish]:
        """Where checkpoints go."""
        return tuple(one.publish for one in self._publishers)

    def halted(self) -> bool:
        """Whether nothing may be signed."""
        return self.recovery.closed

    def set_back(self) -> bool:
        """Whether the log was set back, and nobody has acknowledged it yet."""
        return self.recovery.set_back

    def when_rewound(self, forget: Callable[[], None]) -> None:
        """Call this when the log goes on from an earlier size, by somebody's word."""
        self._continuity.rewound.append(forget)

    def gate(self, *more: Refusal) -> Gate:
        """What every call is asked of: the log, and what else may refuse."""
        refusals = [self.recovery.refusal, *more]
        if self._witnessing is not None:
            refusals.append(self._witnessing.refusal)
        return Gate(tuple(refusals), lambda: self.recovery.closed)

    def probes(self) -> dict[str, Probe]:
        """Parts of the health check."""
        probes = {"recovery": self.recovery.probe()}
        if self._second is not None:
            probes["second_place"] = second_place_probe(self._second)
        if self._witnessing is not None:
            probes["witnesses"] = self._witnessing.probe()
        return probes

    async def open(self) -> None:
        """Return when the log is known to continue what was kept."""
        try:
            await self.recovery.compare()
        finally:
            self.compared.set()
        await self.recovery.opened()

    def start(self) -> None:
        """Begin to hand on what is published."""
        for one in self._publishers:
            one.start()

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Look after the log and the witnesses, until cancelled; `tell` whether the log may be
        served, on a change."""
        await asyncio.gather(self.recovery.watch(tell), self._watch_witnesses())

    async def _watch_witnesses(self) -> None:
        while self._witnessing is not None:
            self._witnessing.look()
            await asyncio.sleep(_WITNESSES_SECONDS)

    def stop(self) -> None:
        """Hand on what is there yet, for a bounded time. Blocks."""
        for one in self._publishers:
            one.stop(_STOP_SECONDS)


def _witnesses(settings: Settings, database: Database) -> dict[str, Publisher]:
    made: dict[str, Publisher] = {}
    for table in settings.log.witnesses:
        key = VerifierKey.parse(table.vkey)
        ca = str(settings.path(table.ca)) if table.ca else ""
        try:
            witness = Witness(table.url, key, database, ca)
        except OSError:
            raise SettingsInvalid(f"log.witnesses.ca {ca} is no file of authorities") from None
        made[key.name] = Publisher(
            f"witness {key.name}", witness.deliver, (WitnessFailed, StoreError)
        )
    return made


def _keeping(place: FolderPlace) -> Publish:
    def keep(row: CheckpointRow) -> None:
        place.put(row.note)

    return keep
