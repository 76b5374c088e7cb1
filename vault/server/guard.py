"""What keeps the log from being set back: its second place, its witnesses, and the recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from vault.audit import AuditLog
from vault.audit.note import VerifierKey
from vault.audit.publisher import Publisher
from vault.audit.second_place import (
    FolderPlace,
    SecondPlace,
    SecondPlaceAway,
    SecondPlaceRefused,
)
from vault.audit.sequencer import Publish
from vault.audit.signers import Signers
from vault.audit.witness import Witness, WitnessFailed
from vault.sealing import SystemClock
from vault.server.settings import LogTable, Settings, SettingsInvalid
from vault.services.gate import Gate
from vault.services.health import Probe, second_place_probe
from vault.services.recovery import Recovery
from vault.services.witnessing import Witnessing
from vault.store import Database, StoreError
from vault.store.log_tree import CheckpointRow

_STOP_SECONDS = 2.0


class LogGuard:
    """The parts around the log of the full tier; of a masked node there is nothing to guard.

    `open` first, then `start`; `compared` is set when the log has been looked at once.
    """

    def __init__(
        self,
        recovery: Recovery,
        second: Publisher | None,
        witnesses: Mapping[str, Publisher],
        log: LogTable,
    ) -> None:
        self.recovery = recovery
        self.compared = asyncio.Event()
        self._second = second
        self._publishers = ([second] if second is not None else []) + list(witnesses.values())
        self._witnessing: Witnessing | None = None
        if witnesses:
            self._witnessing = Witnessing(
                witnesses, log.witness_quorum, log.witness_seconds, required=log.witness_required
            )

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        log: AuditLog,
        clock: SystemClock,
        signers: Signers | None,
    ) -> LogGuard:
        """From the settings; idle without signers."""
        place: SecondPlace | None = None
        second: Publisher | None = None
        if signers is not None and settings.log.second_place:
            folder = settings.path(settings.log.second_place)
            place = FolderPlace(folder, settings.log.origin, signers.verifiers)
            second = Publisher(
                "second_place", _keeping(place), (SecondPlaceAway, SecondPlaceRefused)
            )
        recovery = Recovery(
            database,
            log,
            clock,
            place,
            origin=settings.log.origin,
            verifiers=signers.verifiers if signers is not None else tuple,
        )
        witnesses = _witnesses(settings, database) if signers is not None else {}
        return cls(recovery, second, witnesses, settings.log)

    @property
    def publish(self) -> Sequence[Publish]:
        """Where checkpoints go."""
        return tuple(one.publish for one in self._publishers)

    def gate(self) -> Gate:
        """What every call is asked of."""
        refusals = [self.recovery.refusal]
        if self._witnessing is not None:
            refusals.append(self._witnessing.refusal)
        return Gate(tuple(refusals), lambda: self.recovery.closed)

    def probes(self) -> dict[str, Probe]:
        """Parts of the health check."""
        probes = {}
        if self._second is not None:
            probes["recovery"] = self.recovery.probe()
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

    async def watch(self) -> None:
        """Look after the witnesses, until cancelled."""
        while self._witnessing is not None:
            self._witnessing.look()
            await asyncio.sleep(1.0)

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


def _keeping(place: SecondPlace) -> Publish:
    def keep(row: CheckpointRow) -> None:
        place.put(row.note)

    return keep
