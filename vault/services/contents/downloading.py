"""Gives contents out, whole or a range: of the objects only what the range needs is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from vault.access import ActionClass
from vault.blobs import BlobDamaged, BlobMissing, Blobs
from vault.records import ContentName, DocumentName, TransactionName
from vault.sealing import SealBroken
from vault.services.borrowing import Borrowing
from vault.services.call import Call, Trace
from vault.services.contents import errors
from vault.services.contents.owners import owner_of
from vault.services.contents.sealed import SEGMENT_BYTES, segment_range, whole_segment
from vault.services.contents.stored import ContentOpener, OpenedContent, StoredContent
from vault.services.errors import Corrupted, NoObjectStore, NotFound
from vault.services.keys import Keys
from vault.services.reading import Reading
from vault.store import Database, contents, uploads
from vault.store.uploads import SegmentRow

MESSAGE_BYTES: Final = 512 * 1024
"""A message has about so many bytes: whole chunks, and never a chunk more than that."""


@dataclass(frozen=True, slots=True)
class Download:
    """What is given out: the bytes of a content from `start` to `end`."""

    content: OpenedContent = field(repr=False)
    start: int
    end: int

    @property
    def stored(self) -> StoredContent:
        """What it is of."""
        return self.content.stored


class Downloading:
    """The use cases that give contents out. Raises NotFound, Shredded, Corrupted, OutsideScope,
    OwnFile, NoObjectStore; StoreUnavailable, KmsUnavailable and BlobsUnavailable from below."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        reading: Reading,
        borrowing: Borrowing,
        blobs: Blobs | None,
    ) -> None:
        self._database = database
        self._opener = ContentOpener(keys)
        self._reading = reading
        self._borrowing = borrowing
        self._blobs = blobs

    @property
    def possible(self) -> bool:
        """Whether there is an object store to read from."""
        return self._blobs is not None

    async def find(
        self, call: Call, name: ContentName, version: int, offset: int, length: int
    ) -> Download:
        """The content of that name, the current version if ``version`` is 0; `length` 0 is all to
        the end. Raises InvalidArgument for a range that is not within it."""
        call.require(ActionClass.FULL_READ, name.institution, name.customer)
        if self._blobs is None:
            raise NoObjectStore
        await owner_of(self._reading, call, name.owner, ActionClass.FULL_READ)
        institution, customer, record = name.institution, name.customer, name.owner.record

        row = await self._database.read(
            lambda conn: (
                contents.version(conn, institution, customer, record, name.page, version)
                if version
                else contents.current(conn, institution, customer, record, name.page)
            )
        )
        if row is None:
            raise NotFound(str(name))
        end = offset + length if length else row.size
        if end > row.size or offset >= row.size:
            raise errors.outside(row.size)
        return Download(await self._opener.one(row), offset, end)

    async def open(self, call: Call, trace: Trace) -> None:
        """Make the event that opens the stream, and with it use up what is good for one time."""
        await self._borrowing.begin(call, trace)

    def given(self, call: Call, download: Download) -> AsyncIterator[bytes]:
        """The bytes for the caller, in order, each authenticated; as long as what he reads them by
        is lent. Raises CheckOutNotActive."""
        return self._borrowing.while_lent(call, self.pieces(download))

    async def pieces(self, download: Download) -> AsyncIterator[bytes]:
        """The bytes, in order, each authenticated. One piece is read ahead of whoever takes them,
        so that neither waits for the other."""
        blobs = self._blobs
        if blobs is None:
            raise NoObjectStore
        row = download.content.row
        first = download.start // SEGMENT_BYTES + 1
        last = (download.end - 1) // SEGMENT_BYTES + 1
        segments = await self._database.read(
            lambda conn: uploads.segments(
                conn, row.institution, row.customer, row.upload, first, last
            )
        )
        if [one.number for one in segments] != list(range(first, last + 1)):
            raise Corrupted(download.stored.name)
        pieces = self._read(blobs, download, segments)
        coming = _next(pieces)
        try:
            while (piece := await asyncio.shield(coming)) is not None:
                coming = _next(pieces)
                yield piece
        except (SealBroken, BlobMissing, BlobDamaged):
            raise Corrupted(download.stored.name) from None
        finally:
            # No thread can be stopped: what it reads is waited for, and let go.
            await asyncio.wait((coming,))
            with suppress(Exception):
                coming.result()

    def _read(
        self, blobs: Blobs, download: Download, segments: Sequence[SegmentRow]
    ) -> Iterator[bytes]:
        for segment in segments:
            yield from self._of_segment(blobs, download, segment)

    @staticmethod
    def _of_segment(blobs: Blobs, download: Download, segment: SegmentRow) -> Iterator[bytes]:
        begins = (segment.number - 1) * SEGMENT_BYTES
        start, end = max(download.start - begins, 0), min(download.end - begins, segment.size)
        own, row = download.content.key, download.content.row
        if end - start == segment.size:
            yield from _messages(whole_segment(own, row, segment, blobs.get(segment.object)))
            return

        def read(offset: int, size: int) -> bytes:
            return blobs.get_range(segment.object, offset, size)

        yield from _messages(segment_range(own, row, segment, read, start, end))

    async def listing(
        self, call: Call, owner: DocumentName | TransactionName, after: int, limit: int
    ) -> list[StoredContent]:
        """Current versions of the contents that a document or transaction has, beyond page number
        ``after``."""
        call.require(ActionClass.FULL_READ, owner.institution, owner.customer)
        await owner_of(self._reading, call, owner, ActionClass.FULL_READ)
        rows = await self._database.read(
            lambda conn: contents.listing(
                conn, owner.institution, owner.customer, owner.record, after=after, limit=limit
            )
        )
        return [(await self._opener.one(row)).stored for row in rows]


def _messages(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes in pieces that a message can carry."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= MESSAGE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _next(pieces: Iterator[bytes]) -> asyncio.Future[bytes | None]:
    return asyncio.ensure_future(asyncio.to_thread(next, pieces, None))
