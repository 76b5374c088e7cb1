"""The bytes of an upload on their way into objects: two segments in memory, never more.

While one segment is sealed and put, the next one is taken; a third waits. An object's name is
chosen at random and written down before the object is put (vault/store/uploads.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

from vault.blobs import BlobMissing, Blobs
from vault.sealing import Clock, SealBroken
from vault.services.contents.sealed import (
    SEGMENT_BYTES,
    ContentKey,
    seal_segment,
    sealed_bytes,
    segment_bytes,
)
from vault.store import Database, VersionConflict, uploads
from vault.store.uploads import SegmentRow, UploadRow

START_BYTES: Final = 4096
"""By so many first bytes a format is known."""
_NAME_BYTES: Final = 16


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
        self._number = 0
        self._held = bytearray()
        self._first = bytearray()
        self._under_way: asyncio.Task[None] | None = None
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
            piece = view[: SEGMENT_BYTES - len(self._held)]
            self._held += piece
            self.position += len(piece)
            view = view[len(piece) :]
            if len(self._held) == SEGMENT_BYTES:
                await self._put()

    async def flush(self) -> None:
        """Have all that was taken durable. Raises as `take`."""
        if self._held:
            await self._put()
        await self._settled()

    async def settle(self) -> None:
        """Wait for what is under way, whatever becomes of it; what is held is let go."""
        self._held = bytearray()
        if self._under_way is not None:
            await asyncio.wait((self._under_way,))
            if not self._under_way.cancelled():
                self._under_way.exception()

    def sha256(self) -> bytes:
        """The digest of all that is durable."""
        return self._hash.digest()

    async def again(self, end: int = 0) -> AsyncIterator[bytes]:
        """All bytes, read back from where they were put; with `end` whole segments that hold at
        least so many of the last. Raises SealBroken, BlobMissing."""
        row = self._row
        found = await self._database.read(
            lambda conn: uploads.segments(conn, row.institution, row.customer, row.upload)
        )
        # The last may be short; the one before it never is.
        for segment in found[-1 - -(-end // SEGMENT_BYTES) :] if end else found:
            yield await asyncio.to_thread(whole_segment, self._blobs, self._key, row, segment)

    def skip(self, segment: SegmentRow, plain: bytes) -> None:
        """Count a segment that is there already."""
        self._hash.update(plain)
        self._number = segment.number
        self.position += len(plain)

    async def _put(self) -> None:
        await self._settled()
        self._number += 1
        plain, self._held = self._held, bytearray()
        self._under_way = asyncio.ensure_future(
            asyncio.to_thread(self._put_segment, self._number, plain)
        )

    async def _settled(self) -> None:
        task, self._under_way = self._under_way, None
        if task is not None:
            # Whoever goes away meanwhile does not stop it half way: no thread can be stopped.
            await asyncio.shield(task)

    def _put_segment(self, number: int, plain: bytearray) -> None:
        row = self._row
        name = object_name()
        planned = SegmentRow(
            row.institution, row.customer, row.upload, number, name, len(plain), b"", 0
        )
        self._database.write_sync(lambda conn: uploads.plan(conn, planned))
        self._hash.update(plain)
        sealed = seal_segment(self._key, row, number, plain)
        self._blobs.put(name, sealed)
        there = replace(planned, sha256=hashlib.sha256(sealed).digest())
        now = self._clock.now_micros()
        try:
            self._database.write_sync(lambda conn: uploads.arrived(conn, row, there, now))
        except VersionConflict:
            # A sweep may have looked for it already.
            self._blobs.delete(name)
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


def whole_segment(blobs: Blobs, key: ContentKey, row: UploadRow, segment: SegmentRow) -> bytes:
    """The plain bytes of a segment. Raises SealBroken, also where its object is gone."""
    try:
        sealed = memoryview(b"".join(blobs.get(segment.object)))
    except BlobMissing:
        raise SealBroken from None
    if len(sealed) != sealed_bytes(key, segment.size):
        raise SealBroken

    def read(offset: int, size: int) -> bytes:
        return bytes(sealed[offset : offset + size])

    return b"".join(segment_bytes(key, row, segment, read, 0, segment.size))


def object_name() -> str:
    """A name for a new object, which says nothing."""
    return f"contents/{os.urandom(_NAME_BYTES).hex()}"
