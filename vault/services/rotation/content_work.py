"""Work on contents: bytes that another suite has sealed are read, sealed with the institution's own
as an upload of their own, and then the content's row is moved to that one.

    segments sealed anew, put, each written down -> row, leaves and event, in one transaction

If the process dies before the last step, what it has put is a broken upload like any other, which
the sweep takes away. Downloads under way go on reading the old segments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, select

from vault.audit import RowHash
from vault.blobs import Blobs
from vault.records import Branch, ScopeRef, new_ulid
from vault.sealing import FullFileKey, SealBroken, Suite, open_masked, seal_masked, suite_of
from vault.services.contents.picturing import place_of_picture
from vault.services.contents.sealed import (
    SEGMENT_BYTES,
    ContentKey,
    open_content,
    seal_content,
    seal_segment,
    seal_upload,
)
from vault.services.contents.sealed import (
    whole_segment as opened_segment,
)
from vault.services.contents.segments import object_name, whole_segment
from vault.services.logged import relative
from vault.services.rotation.work import Ground
from vault.store import Database, moved_contents, sealed_rows, uploads
from vault.store.contents import ContentRow, LeafRow, leaves_digest, segments_digest
from vault.store.evidence import BEFORE
from vault.store.schema import contents
from vault.store.uploads import SegmentRow, UploadRow

_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MovedContent:
    """A content as it shall be: its row before and after, what else goes with it."""

    before: ContentRow
    after: ContentRow
    leaves: tuple[LeafRow, ...]
    upload: UploadRow | None

    def commit(self, conn: Connection, now: int) -> bool:
        """Put it in the place of what stands; False where that is not what was read any more."""
        here = sealed_rows.is_row(contents, self.before)
        row = conn.execute(select(contents).where(*here)).first()
        if row is None or ContentRow(*row) != self.before:
            return False
        names = ("sealed", "upload", "segments_sha256", "leaves_sha256")
        anew = {name: getattr(self.after, name) for name in names}
        if not sealed_rows.exchange(conn, contents, row, anew):
            return False
        moved_contents.exchange_leaves(conn, self.leaves)
        if self.upload is not None:
            moved_contents.move(conn, self.before, self.upload, now)
        return True

    def hashes(self) -> tuple[RowHash, ...]:
        """As of any row that is sealed anew: as it was, and as it is now."""
        name = relative(self.before.name)
        return RowHash(name + BEFORE, self.before.hash()), RowHash(name, self.after.hash())


class ContentResealing:
    """Seals contents anew. Blocks; raises ScopeShredded, SealBroken, BlobsUnavailable."""

    def __init__(self, ground: Ground, data: Database, blobs: Blobs | None) -> None:
        self._on = ground
        self._data = data
        self._blobs = blobs

    def anew(
        self, row: ContentRow, suite: Suite, beat: Callable[[], object]
    ) -> MovedContent | None:
        """The content with the suite that its keys seal with now; None if all of it is of that one.
        `beat` is called after each segment, and may raise."""
        scope = ScopeRef(row.institution, row.customer, row.scope)
        key = self._on.ring.fetch(Branch.FULL, [scope])[scope]
        own = open_content(key, row)
        leaves = self._leaves(row, scope, suite)
        if own.suite == suite.suite_id and suite_of(row.sealed) is suite and not leaves:
            return None
        after, upload, fresh = row, None, own
        if own.suite != suite.suite_id:
            fresh = replace(ContentKey.fresh(suite.suite_id), sha256=own.sha256)
            upload, segments = self._bytes(row, own, fresh, key, beat)
            after = replace(row, upload=upload.upload, segments_sha256=segments_digest(segments))
        if leaves:
            after = replace(after, leaves_sha256=leaves_digest(leaves))
        sealed = seal_content(key, fresh, _place_of(row), row.version)
        after = replace(after, sealed=sealed)
        if open_content(key, after) != fresh:
            raise SealBroken
        return MovedContent(row, after, tuple(leaves), upload)

    # -- the bytes ---------------------------------------------------------------------------

    def _bytes(
        self,
        row: ContentRow,
        own: ContentKey,
        fresh: ContentKey,
        key: FullFileKey,
        beat: Callable[[], object],
    ) -> tuple[UploadRow, list[SegmentRow]]:
        blobs = self._blobs
        if blobs is None:
            raise SealBroken
        data, now = self._data, self._on.clock.now_micros()
        old = data.read_sync(
            lambda conn: uploads.segments(conn, row.institution, row.customer, row.upload)
        )
        if [one.number for one in old] != list(range(1, row.segments + 1)):
            raise SealBroken
        upload = replace(_place_of(row), upload=new_ulid(now // 1000), started_at=now)
        upload = replace(upload, sealed=seal_upload(key, fresh, upload), touched_at=now)
        data.write_sync(lambda conn: uploads.insert(conn, upload))
        digest = hashlib.sha256()
        made = []
        for segment in old:
            plain = whole_segment(blobs, own, _place_of(row), segment)
            digest.update(plain)
            made.append(self._put(blobs, upload, fresh, segment.number, plain))
            beat()
        if digest.digest() != own.sha256:
            raise SealBroken
        return upload, made

    def _put(
        self, blobs: Blobs, upload: UploadRow, fresh: ContentKey, number: int, plain: bytes
    ) -> SegmentRow:
        key = (upload.institution, upload.customer, upload.upload)
        planned = SegmentRow(*key, number, object_name(), 0, b"", 0)
        self._data.write_sync(lambda conn: uploads.plan(conn, [planned]))
        sealed = seal_segment(fresh, upload, number, _pieces(plain))
        there = replace(
            planned,
            size=len(plain),
            sha256=hashlib.sha256(sealed).digest(),
            durable=uploads.DURABLE,
        )
        if b"".join(opened_segment(fresh, upload, there, (sealed,))) != plain:
            raise SealBroken
        blobs.put(planned.object, sealed)
        now = self._on.clock.now_micros()
        self._data.write_sync(lambda conn: uploads.arrived(conn, upload, there, now))
        return there

    # -- the masked rendition ----------------------------------------------------------------

    def _leaves(self, row: ContentRow, scope: ScopeRef, suite: Suite) -> list[LeafRow]:
        """All leaves, if one of them is of another suite."""
        standing = self._data.read_sync(lambda conn: moved_contents.leaves(conn, row))
        if all(suite_of(leaf.masked) is suite for leaf in standing):
            return []
        key = self._on.ring.fetch(Branch.MASKED, [scope])[scope]
        anew = []
        for leaf in standing:
            place = place_of_picture(row, leaf.leaf, row.leaves)
            plain = open_masked(key, leaf.masked, place)
            masked = seal_masked(key, plain, place)
            if open_masked(key, masked, place) != plain:
                raise SealBroken
            anew.append(replace(leaf, masked=masked))
        return anew


def weight(row: ContentRow) -> int:
    """How many rows' worth of work a content is."""
    return 1 + row.size // (SEGMENT_BYTES // 64)


def _place_of(row: ContentRow) -> UploadRow:
    """The upload whose segments the content has, as nobody's."""
    return UploadRow(
        institution=row.institution,
        customer=row.customer,
        upload=row.upload,
        record=row.record,
        scope=row.scope,
        page=row.page,
        principal="",
        request_id="",
        content_type=row.content_type,
        size=row.size,
        started_at=0,
        touched_at=0,
        segments=0,
        received=0,
        version=0,
        sealed=b"",
    )


def _pieces(plain: bytes) -> Iterator[memoryview]:
    view = memoryview(plain)
    for at in range(0, len(view), _PIECE):
        yield view[at : at + _PIECE]
