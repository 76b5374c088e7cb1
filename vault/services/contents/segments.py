"""The bytes of an upload on their way into objects: a few segments in memory, never more.

While some segments are sealed and put, the next one is taken. They become durable in their order,
whichever is put first. An object's name is chosen at random and written down before the object is
put (vault/store/uploads.py): those of the first segments when the first is put, and then one with
each segment that has become durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from vault.blobs import BlobDamaged, BlobLocked, BlobMissing, Blobs
from vault.sealing import Clock, SealBroken
from vault.services.contents import sealed
from vault.services.contents.sealed import (
    SEGMENT_BYTES,
    ContentKey,
    seal_segment,
    segment_sizes,
)
from vault.store import Database, VersionConflict, uploads
from vault.store.contents import ContentRow
from vault.store.uploads import SegmentRow, UploadRow

START_BYTES: Final = 4096
"""By so many first bytes a format is known."""
_NAME_BYTES: Final = 16
AT_ONCE: Final = 3
"""Segments that are sealed and put at the same time: one disk does more for several than for
one."""


class Incoming:
    """The bytes of one upload. For the event loop; one task at a time."""

    def __init__(
        self, database: Database, blobs: Blobs, clock: Clock, row: UploadRow, key: ContentKey
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._row = row
        self._key = key
        self._hash = hashlib.sha256()
        self._hashed: asyncio.Future[None] | None = None
        self._number = 0
        self._names: dict[int, str] = {}
        self._held: list[memoryview] = []
        self._room = SEGMENT_BYTES
        self._first = bytearray()
        self._under_way: deque[asyncio.Future[None]] = deque()
        self.position = 0
        """How many bytes have come."""

    def starts_with(self, data: bytes) -> Iterator[bytes]:
        """The first bytes, once: when so many have come that the format is known by them."""
        if self.position >= min(START_BYTES, self._row.size):
            return
        self._first += data[: START_BYTES - len(self._first)]
        if len(self._first) >= min(START_BYTES, self._row.size):
            yield bytes(self._first)
            self._first.clear()

    async def take(self, data: bytes) -> None:
        """Take the next bytes. Raises VersionConflict where somebody else goes on with the same
        upload; BlobsUnavailable, StoreUnavailable."""
        view = memoryview(data)
        while view:
            # Not copied: a segment is its parts as they came.
            piece, view = view[: self._room], view[self._room :]
            self._held.append(piece)
            self._room -= len(piece)
            self.position += len(piece)
            if not self._room:
                await self._put()

    async def flush(self) -> None:
        """Have all that was taken durable. Raises as `take`."""
        if self._held:
            await self._put()
        while self._under_way:
            await self._oldest()
        if self._hashed is not None:
            await self._hashed

    async def settle(self) -> None:
        """Wait for what is under way, whatever becomes of it; what is held is let go."""
        self._held = []
        under_way = [*self._under_way, *((self._hashed,) if self._hashed is not None else ())]
        self._under_way.clear()
        # No thread can be stopped half way.
        await asyncio.gather(*under_way, return_exceptions=True)

    def sha256(self) -> bytes:
        """The digest of all that is durable."""
        return self._hash.digest()

    async def again(self, last: int = 0) -> AsyncIterator[bytes]:
        """All bytes, read back from where they were put, or with `last` at least so many of the
        last ones. Raises SealBroken, BlobsUnavailable."""
        row = self._row
        found = await self._database.read(
            lambda conn: uploads.segments(conn, row.institution, row.customer, row.upload)
        )
        if last:
            # The last segment may be a short one.
            found = found[-2 - last // SEGMENT_BYTES :]
        for segment in found:
            yield await asyncio.to_thread(whole_segment, self._blobs, self._key, row, segment)

    def skip(self, segment: SegmentRow, plain: bytes) -> None:
        """Count a segment that is there already."""
        self._hash.update(plain)
        self._number = segment.number
        self.position += len(plain)

    async def _put(self) -> None:
        while len(self._under_way) >= AT_ONCE:
            await self._oldest()
        if not self._names:
            await asyncio.to_thread(self._plan_first)
        self._number += 1
        plain, self._held, self._room = self._held, [], SEGMENT_BYTES
        self._hashed = asyncio.ensure_future(self._hash_behind(self._hashed, plain))
        before = self._under_way[-1] if self._under_way else None
        self._under_way.append(asyncio.ensure_future(self._put_behind(before, self._number, plain)))

    async def _oldest(self) -> None:
        # Whoever goes away meanwhile does not stop it half way; it stays to be settled.
        await asyncio.shield(self._under_way[0])
        self._under_way.popleft()

    async def _hash_behind(
        self, before: asyncio.Future[None] | None, plain: Sequence[memoryview]
    ) -> None:
        if before is not None:
            await before

        def hash_all() -> None:
            for piece in plain:
                self._hash.update(piece)

        await asyncio.to_thread(hash_all)

    async def _put_behind(
        self, before: asyncio.Future[None] | None, number: int, plain: Sequence[memoryview]
    ) -> None:
        there = await asyncio.to_thread(self._put_segment, number, plain)
        if before is not None:
            await before
        await asyncio.to_thread(self._arrived, there)

    def _plan_first(self) -> None:
        first = range(self._number + 1, self._number + AT_ONCE + 2)
        planned = [row for number in first for row in self._planned(number)]
        self._database.write_sync(lambda conn: uploads.plan(conn, planned))

    def _planned(self, number: int) -> list[SegmentRow]:
        """The segment of that number, with a name, if the upload has it."""
        row = self._row
        if number > segment_sizes(row.size)[0]:
            return []
        name = self._names[number] = object_name()
        key = (row.institution, row.customer, row.upload)
        return [SegmentRow(*key, number, name, 0, b"", 0)]

    def _put_segment(self, number: int, plain: Sequence[memoryview]) -> SegmentRow:
        row, name = self._row, self._names[number]
        content = seal_segment(self._key, row, number, plain)
        self._blobs.put(name, content)
        digest = hashlib.sha256(content).digest()
        key = (row.institution, row.customer, row.upload)
        return SegmentRow(*key, number, name, sum(map(len, plain)), digest, 1)

    def _arrived(self, there: SegmentRow) -> None:
        now = self._clock.now_micros()
        planned = self._planned(there.number + AT_ONCE + 1)

        def work(conn: Connection) -> None:
            uploads.arrived(conn, self._row, there, now)
            uploads.plan(conn, planned)

        try:
            self._database.write_sync(work)
        except VersionConflict:
            # A sweep may have looked for it already. Where it is locked, a later one will.
            with suppress(BlobLocked):
                self._blobs.delete(there.object)
            raise


async def resume_incoming(
    database: Database, blobs: Blobs, clock: Clock, row: UploadRow, key: ContentKey
) -> Incoming:
    """The bytes of an upload that has come so far already: read once, for their digest. Raises
    SealBroken where they are not what was put."""
    incoming = Incoming(database, blobs, clock, row, key)

    def read() -> None:
        found = database.read_sync(
            lambda conn: uploads.segments(conn, row.institution, row.customer, row.upload)
        )
        if [one.number for one in found] != list(range(1, row.segments + 1)):
            raise SealBroken
        for segment in found:
            incoming.skip(segment, whole_segment(blobs, key, row, segment))

    await asyncio.to_thread(read)
    if incoming.position != row.received:
        raise SealBroken
    return incoming


def whole_segment(
    blobs: Blobs, key: ContentKey, row: UploadRow | ContentRow, segment: SegmentRow
) -> bytes:
    """The plain bytes of a segment. Raises SealBroken, also where its object is gone."""
    try:
        return b"".join(sealed.whole_segment(key, row, segment, blobs.get(segment.object)))
    except (BlobMissing, BlobDamaged):
        raise SealBroken from None


def object_name() -> str:
    """A name for a new object, which says nothing."""
    return f"contents/{os.urandom(_NAME_BYTES).hex()}"
