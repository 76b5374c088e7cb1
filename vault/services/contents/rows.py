"""The rows of an upload that begins, of the content that it becomes, and of one that becomes
nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from vault.records import ContentType, ScopeRef, new_ulid
from vault.sealing import FullFileKey
from vault.services.contents.sealed import ContentKey, seal_content, seal_upload
from vault.store import uploads
from vault.store.contents import ContentRow, leaves_digest, segments_digest
from vault.store.uploads import SegmentRow, UploadRow


@dataclass(frozen=True, slots=True)
class Beginning:
    """A content on its way in: where it hangs, what it is, and who sends it by which request.
    `size` in bytes."""

    scope: ScopeRef
    record: str
    page: int
    content_type: ContentType
    size: int
    who: str
    request_id: str = ""


def upload_of(what: Beginning, file_key: FullFileKey, now: int) -> tuple[UploadRow, ContentKey]:
    """The row of an upload that begins now (microseconds), and the fresh key of its bytes."""
    key = ContentKey.fresh(file_key.suite.suite_id)
    row = UploadRow(
        institution=what.scope.institution,
        customer=what.scope.customer,
        upload=new_ulid(now // 1000),
        record=what.record,
        scope=what.scope.scope,
        page=what.page,
        principal=what.who,
        request_id=what.request_id,
        content_type=what.content_type.value,
        size=what.size,
        started_at=now,
        touched_at=now,
        segments=0,
        received=0,
        version=0,
        sealed=b"",
    )
    return replace(row, sealed=seal_upload(file_key, key, row)), key


def content_of(
    row: UploadRow,
    key: ContentKey,
    segments: Sequence[SegmentRow],
    file_key: FullFileKey,
    version: int,
    now: int,
) -> ContentRow:
    """The row of the content that a whole upload becomes, without a masked rendition."""
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
        sealed=seal_content(file_key, key, row, version),
    )


def give_up(conn: Connection, row: UploadRow) -> None:
    """Nothing can come of it any more: what it has put is taken away by the next sweep. One that
    has become a content stays."""
    for current in uploads.of(conn, row):
        if not current.version and uploads.give_up(conn, current):
            uploads.mark_given_up(conn, current)
