"""Takes away what broken uploads have left: objects first, then the rows that name them.

Nothing is found by what lies in the object store alone: an object's name is written down before the
object is put, so that rows name all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Connection

from vault.blobs import BlobError, BlobLocked, Blobs
from vault.sealing import Clock
from vault.store import Database, StoreError, uploads
from vault.store.uploads import SegmentRow

_log = structlog.get_logger("vault.services")

_AT_ONCE: Final = 100
EVERY_SECONDS: Final = 300.0
_ENDED_SECONDS: Final = 7 * 86_400.0
"""So long an upload that has ended is answered for when it is sent again."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took away: uploads nobody went on with, ended ones that were forgotten, and
    objects."""

    given_up: int = 0
    forgotten: int = 0
    objects: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            self.given_up + other.given_up,
            self.forgotten + other.forgotten,
            self.objects + other.objects,
        )


class Sweeping:
    """Of one process; several may sweep at once. ``swept`` is what this one has taken away."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        clock: Clock,
        institutions: Sequence[str],
        kept_seconds: float,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._institutions = institutions
        self._kept = int(kept_seconds * 1_000_000)
        self.swept = Swept()

    async def watch(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.sweep)
            except (BlobError, StoreError) as error:
                _log.warning("broken uploads not swept", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    def sweep(self) -> Swept:
        """Take away what is there now. Blocks. Raises BlobError, StoreError: what was taken away
        until then is gone."""
        done = Swept()
        for institution in self._institutions:
            behind: SegmentRow | None = None
            while True:
                step, behind = self._step(institution, behind)
                done += step
                self.swept += step
                if behind is None and step == Swept():
                    break
        if done != Swept():
            _log.info(
                "broken uploads swept",
                given_up=done.given_up,
                forgotten=done.forgotten,
                objects=done.objects,
            )
        return done

    def _step(self, institution: str, behind: SegmentRow | None) -> tuple[Swept, SegmentRow | None]:
        """A step, and from which segment on the next one goes on; None where none is left."""
        now = self._clock.now_micros()

        def give_up(conn: Connection) -> tuple[int, int]:
            broken = uploads.stale(conn, institution, now - self._kept, _AT_ONCE, done=False)
            taken = [one for one in broken if uploads.give_up(conn, one)]
            for one in taken:
                uploads.mark_given_up(conn, one)
            before = now - int(_ENDED_SECONDS * 1_000_000)
            ended = uploads.stale(conn, institution, before, _AT_ONCE, done=True)
            return len(taken), sum(uploads.give_up(conn, one) for one in ended)

        given_up, forgotten = self._database.write_sync(give_up)
        left = self._database.read_sync(
            lambda conn: uploads.orphans(conn, institution, _AT_ONCE, behind)
        )
        gone = [segment for segment in left if self._delete(segment)]
        self._forget(gone)
        return Swept(given_up, forgotten, len(gone)), left[-1] if left else None

    def _delete(self, segment: SegmentRow) -> bool:
        """False for an object that its store keeps for a time yet: its row stays, too, and a later
        sweep comes by."""
        try:
            self._blobs.delete(segment.object)
        except BlobLocked:
            return False
        return True

    def _forget(self, left: Sequence[SegmentRow]) -> None:
        if left:
            self._database.write_sync(lambda conn: uploads.forget(conn, left))
