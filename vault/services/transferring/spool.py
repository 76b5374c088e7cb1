"""A bundle while it comes in: sealed segments under the key of the file that it is to become.

It is put as a content's bytes are (vault/services/contents), so that nothing lies in clear
anywhere, it is kept when the file is stored, and what becomes nothing is swept away.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, cast

from vault.blobs import Blobs
from vault.records import IDENTITY_SCOPE, ScopeRef
from vault.sealing import Clock, SealBroken
from vault.services.contents import rows
from vault.services.contents.rows import Beginning, content_of, upload_of
from vault.services.contents.sealed import SEGMENT_BYTES, ContentKey
from vault.services.contents.segments import Incoming, whole_segment
from vault.services.contents.stored import OpenedContent
from vault.services.keys import Keys
from vault.store import Database, uploads
from vault.store.contents import ContentRow
from vault.store.uploads import SegmentRow, UploadRow

_HELD: Final = 3
"""Segments of a bundle that are in memory while it is read: 12 MiB."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where contents are put."""

    database: Database
    keys: Keys
    blobs: Blobs
    clock: Clock


@dataclass(slots=True)
class Spool:
    """A content on its way in. ``incoming`` takes its bytes."""

    row: UploadRow
    key: ContentKey = field(repr=False)
    incoming: Incoming = field(repr=False)

    @property
    def scope(self) -> ScopeRef:
        """The scope that its key hangs under."""
        return ScopeRef(self.row.institution, self.row.customer, self.row.scope)


async def begin(store: Store, what: Beginning) -> Spool:
    """Begin one. Raises ScopeShredded."""
    full, _ = await store.keys.both([what.scope])
    row, key = upload_of(what, full[what.scope], store.clock.now_micros())
    await asyncio.to_thread(store.database.write_sync, lambda conn: uploads.insert(conn, row))
    return Spool(row, key, Incoming(store.database, store.blobs, store.clock, row, key))


async def give_up(store: Store, spool: Spool) -> None:
    """Nothing can come of it any more: what it has put is taken away by the next sweep."""
    await spool.incoming.settle()
    await asyncio.to_thread(store.database.write_sync, lambda conn: rows.give_up(conn, spool.row))


@asynccontextmanager
async def whole(
    store: Store, what: Beginning, pieces: AsyncIterator[bytes]
) -> AsyncIterator[Spool]:
    """A content that the vault puts in itself, all of it durable. What fails within gives it up.
    Raises ScopeShredded."""
    begun = await begin(store, what)
    try:
        async for piece in pieces:
            await begun.incoming.take(piece)
        await begun.incoming.flush()
        yield begun
    except BaseException:
        await give_up(store, begun)
        raise


async def content(store: Store, spool: Spool, version: int, now: int) -> ContentRow:
    """The row of the content that a whole one becomes, without a masked rendition."""
    row = spool.row
    segments = await segments_of(store, row)
    full, _ = await store.keys.both([spool.scope])
    key = replace(spool.key, sha256=spool.incoming.sha256())
    return content_of(row, key, segments, full[spool.scope], version, now)


async def segments_of(store: Store, row: UploadRow | ContentRow) -> list[SegmentRow]:
    """Its durable segments."""
    return await store.database.read(
        lambda conn: uploads.segments(conn, row.institution, row.customer, row.upload)
    )


def identity(institution: str, customer: str) -> ScopeRef:
    """The scope of a customer's identity file."""
    return ScopeRef(institution, customer, IDENTITY_SCOPE)


class _Segments:
    """The bytes of a content as a file that is read anywhere, for one thread at a time. Raises
    SealBroken, BlobsUnavailable."""

    def __init__(
        self,
        blobs: Blobs,
        key: ContentKey,
        row: UploadRow | ContentRow,
        segments: Sequence[SegmentRow],
    ) -> None:
        self._blobs, self._key, self._row, self._segments = blobs, key, row, segments
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._place = 0

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = place + (self._row.size if whence else 0)
        return self._place

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0 and self._place < self._row.size:
            number, start = divmod(self._place, SEGMENT_BYTES)
            part = self._segment(number)[start : start + size]
            parts.append(part)
            size -= len(part)
            self._place += len(part)
        return b"".join(parts)

    def _segment(self, number: int) -> bytes:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        if number >= len(self._segments):
            raise SealBroken
        while len(self._held) >= _HELD:
            self._held.popitem(last=False)
        segment = self._segments[number]
        self._held[number] = whole_segment(self._blobs, self._key, self._row, segment)
        return self._held[number]


async def opened(store: Store, spool: Spool | OpenedContent) -> BinaryIO:
    """The bytes of what came, whole, as a file."""
    segments = await segments_of(store, spool.row)
    return cast(BinaryIO, _Segments(store.blobs, spool.key, spool.row, segments))
