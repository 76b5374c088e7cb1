"""What keeps the log from being set back: its second place, and the recovery when it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vault.audit import AuditLog
from vault.audit.publisher import Publisher
from vault.audit.second_place import (
    FolderPlace,
    SecondPlace,
    SecondPlaceAway,
    SecondPlaceRefused,
)
from vault.audit.sequencer import Publish
from vault.audit.signers import Signers
from vault.sealing import SystemClock
from vault.server.settings import Settings
from vault.services.gate import Gate
from vault.services.health import Probe, second_place_probe
from vault.services.recovery import Recovery
from vault.store import Database
from vault.store.log_tree import CheckpointRow


class LogGuard:
    """The parts around the log of the full tier; of a masked node there is nothing to guard.

    `open` first, then `start`; `compared` is set when the log has been looked at once.
    """

    def __init__(self, recovery: Recovery, second: Publisher | None) -> None:
        self.recovery = recovery
        self.compared = asyncio.Event()
        self._second = second

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
        return cls(recovery, second)

    @property
    def publish(self) -> Sequence[Publish]:
        """Where checkpoints go."""
        return (self._second.publish,) if self._second is not None else ()

    def gate(self) -> Gate:
        """What every call is asked of."""
        return Gate((self.recovery.refusal,), lambda: self.recovery.closed)

    def probes(self) -> dict[str, Probe]:
        """Parts of the health check."""
        probes = {}
        if self._second is not None:
            probes["recovery"] = self.recovery.probe()
            probes["second_place"] = second_place_probe(self._second)
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
        if self._second is not None:
            self._second.start()

    def stop(self) -> None:
        """Hand on what is there yet, for a bounded time. Blocks."""
        if self._second is not None:
            self._second.stop()


def _keeping(place: SecondPlace) -> Publish:
    def keep(row: CheckpointRow) -> None:
        place.put(row.note)

    return keep
