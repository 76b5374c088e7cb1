"""A bundle while it comes in: sealed segments under the key of the file that it is to become.

It is put as a content's bytes are (vault/services/contents), so that nothing lies in clear
anywhere, it is kept when the file is stored, and what becomes nothing is swept away.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, cast

from sqlalchemy import Connection

from vault.blobs import Blobs
from vault.records import IDENTITY_SCOPE, ContentType, ScopeRef, new_ulid
from vault.sealing import Clock, SealBroken
from vault.services.contents.sealed import SEGMENT_BYTES, ContentKey, seal_content, seal_upload
from vault.services.contents.segments import Incoming, whole_segment
from vault.services.contents.stored import OpenedContent
from vault.services.keys import Keys
from vault.store import Database, uploads
from vault.store.contents import ContentRow, leaves_digest, segments_digest
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


async def begin(
    store: Store,
    scope: ScopeRef,
    record: str,
    page: int,
    content_type: ContentType,
    size: int,
    who: str,
) -> Spool:
    """Begin one. Raises ScopeShredded."""
    now = store.clock.now_micros()
    full, _ = await store.keys.both([scope])
    key = ContentKey.fresh(full[scope].suite.suite_id)
    row = UploadRow(
        institution=scope.institution,
        customer=scope.customer,
        upload=new_ulid(now // 1000),
        record=record,
        scope=scope.scope,
        page=page,
        principal=who,
        request_id="",
        content_type=content_type.value,
        size=size,
        started_at=now,
        touched_at=now,
        segments=0,
        received=0,
        version=0,
        sealed=b"",
    )
    row = replace(row, sealed=seal_upload(full[scope], key, row))
    await asyncio.to_thread(store.database.write_sync, lambda conn: uploads.insert(conn, row))
    return Spool(row, key, Incoming(store.database, store.blobs, store.clock, row, key))


async def give_up(store: Store, spool: Spool) -> None:
    """Nothing can come of it any more: what it has put is taken away by the next sweep."""
    await spool.incoming.settle()
    row = spool.row

    def work(conn: Connection) -> None:
        for current in uploads.of(conn, row):
            if not current.version and uploads.give_up(conn, current):
                uploads.mark_given_up(conn, current)

    await asyncio.to_thread(store.database.write_sync, work)


async def content(store: Store, spool: Spool, version: int, now: int) -> ContentRow:
    """The row of the content that a whole one becomes, without a masked rendition."""
    row = spool.row
    segments = await segments_of(store, row)
    full, _ = await store.keys.both([spool.scope])
    key = replace(spool.key, sha256=spool.incoming.sha256())
    return ContentRow(
        institution=row.institution,
        customer=row.customer,
        record=row.record,
        page=row.page,
        version=version,
        scope=row.scope,
        recorded_at=now,
        recorded_by=row.principal,
        upload=row.upload,
        content_type=row.content_type,
        size=row.size,
        segments=len(segments),
        segments_sha256=segments_digest(segments),
        leaves=0,
        leaves_sha256=leaves_digest([]),
        sealed=seal_content(full[spool.scope], key, row, version),
    )


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
