"""Moves the log's old entries to the archive, and tells how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from vault.access import ActionClass
from vault.audit.archive import ArchiveUnavailable
from vault.audit.archiving import Archiver
from vault.audit.tiles import TILE_WIDTH
from vault.services.call import Call
from vault.services.errors import NoObjectStore

# One bundle is written, read back and let go in some 20 ms on a local folder.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class ArchiveProgress:
    """Entries moved by this call, that it will have moved at its end, and in the archive in all;
    bytes of the objects written."""

    moved: int
    total: int
    archived: int
    bytes: int


class Archiving:
    """The use case of whoever keeps the database small. Without an object store nothing moves."""

    def __init__(self, archiver: Archiver | None) -> None:
        self._archiver = archiver

    async def run(self, call: Call, before: int) -> AsyncIterator[ArchiveProgress]:
        """Move what was recorded before a time (microseconds), a bundle at a time; other calls go
        on. Raises NoObjectStore, ArchiveUnavailable, ArchiveDamaged, StoreError: what was moved
        until then is moved."""
        call.require(ActionClass.LOG_ARCHIVE, "")
        if self._archiver is None:
            raise NoObjectStore
        due = await asyncio.to_thread(self._archiver.due, before)
        moved = size = 0
        total = len(due) * TILE_WIDTH
        yield ArchiveProgress(0, total, due.start * TILE_WIDTH, 0)
        for bundle in due:
            try:
                done = await asyncio.wait_for(
                    asyncio.to_thread(self._archiver.move, bundle), _PATIENCE
                )
            except TimeoutError:
                raise ArchiveUnavailable("the object store does not answer") from None
            if done is not None:
                moved += TILE_WIDTH
                size += done.bytes
                call.touched(count=moved)
            yield ArchiveProgress(moved, total, (bundle + 1) * TILE_WIDTH, size)
