"""Uploads under way, and the segments that hold their bytes.

A segment's object has its name here before it is put, so that none is ever without a row: what a
broken upload leaves behind is found by rows alone. How far an upload has come moves only from where
whoever moves it has seen it: of two that go on with the same one, one stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    select,
    tuple_,
    update,
)

from vault.store.errors import VersionConflict
from vault.store.schema import content_segments, uploads
from vault.store.statements import insert_rows

_U, _S = uploads.c, content_segments.c
_PLANNED: Final = 0
DURABLE: Final = 1
"""Of a segment whose object is there."""
_GIVEN_UP: Final = 2


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload: of which page of which record, by whom, and how far it has come. `version` is that
    of the content which it became, 0 before. Times in microseconds, sizes in bytes."""

    institution: str
    customer: str
    upload: str
    record: str
    scope: str
    page: int
    principal: str
    request_id: str
    content_type: str
    size: int
    started_at: int
    touched_at: int
    segments: int
    received: int
    version: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """Some of the bytes: `size` plain ones, in the object of that name whose digest is `sha256`.
    `durable` is 0 from the time when the name is chosen until the object is there."""

    institution: str
    customer: str
    upload: str
    number: int
    object: str
    size: int
    sha256: bytes
    durable: int


def insert(conn: Connection, row: UploadRow) -> None:
    """Begin an upload."""
    insert_rows(conn, uploads, [tuple(getattr(row, name) for name in UploadRow.__slots__)])


def by_request(
    conn: Connection, institution: str, customer: str, principal: str, request_id: str
) -> UploadRow | None:
    """A principal's upload by its request."""
    found = conn.execute(
        select(uploads)
        .where(
            _U.institution == institution,
            _U.customer == customer,
            _U.request_id == request_id,
            _U.principal == principal,
        )
        .order_by(_U.upload)
        .limit(1)
    ).first()
    return None if found is None else UploadRow(*found)


def of(conn: Connection, upload: UploadRow) -> list[UploadRow]:
    """The upload as it stands: one row, or none."""
    return [UploadRow(*row) for row in conn.execute(select(uploads).where(*_key(upload)))]


def plan(conn: Connection, rows: Sequence[SegmentRow]) -> None:
    """Keep the names of objects that are about to be put."""
    values = [tuple(getattr(row, name) for name in SegmentRow.__slots__) for row in rows]
    insert_rows(conn, content_segments, values)


def arrived(conn: Connection, upload: UploadRow, row: SegmentRow, now: int) -> None:
    """An object is there: the upload has come so much further. Raises VersionConflict where
    somebody else has moved it."""
    moved = conn.execute(
        update(uploads)
        .where(*_key(upload), _U.segments == row.number - 1, _U.version == 0)
        .values(segments=row.number, received=_U.received + row.size, touched_at=now)
    )
    if moved.rowcount != 1:
        raise VersionConflict("somebody else goes on with the upload")
    conn.execute(
        update(content_segments)
        .where(
            _S.institution == row.institution,
            _S.customer == row.customer,
            _S.upload == row.upload,
            _S.number == row.number,
            _S.object == row.object,
        )
        .values(durable=DURABLE, sha256=row.sha256, size=row.size)
    )


def finished(conn: Connection, upload: UploadRow, version: int, now: int) -> None:
    """The upload has become a content; its key is the content's from now on. Raises VersionConflict
    where somebody else was first."""
    done = conn.execute(
        update(uploads)
        .where(*_key(upload), _U.version == 0)
        .values(version=version, touched_at=now, sealed=b"")
    )
    if done.rowcount != 1:
        raise VersionConflict("somebody else has ended the upload")


def segments(
    conn: Connection,
    institution: str,
    customer: str,
    upload: str,
    first: int = 1,
    last: int = 2**31 - 1,
) -> list[SegmentRow]:
    """The durable segments of an upload of these numbers, in order."""
    found = conn.execute(
        select(content_segments)
        .where(
            _S.institution == institution,
            _S.customer == customer,
            _S.upload == upload,
            _S.number.between(first, last),
            _S.durable == DURABLE,
        )
        .order_by(_S.number)
    )
    return [SegmentRow(*row) for row in found]


def stale(
    conn: Connection, institution: str, before: int, limit: int, *, done: bool
) -> list[UploadRow]:
    """Uploads that nobody has gone on with since a time; or those that ended before it."""
    found = conn.execute(
        select(uploads)
        .where(
            _U.institution == institution,
            _U.touched_at < before,
            _U.version > 0 if done else _U.version == 0,
        )
        .order_by(_U.touched_at)
        .limit(limit)
    )
    return [UploadRow(*row) for row in found]


def give_up(conn: Connection, upload: UploadRow) -> bool:
    """Take an upload back, so that nobody goes on with it; its segments' rows stay until their
    objects are gone. False where somebody has moved it since it was read."""
    gone = conn.execute(
        delete(uploads).where(
            *_key(upload),
            _U.touched_at == upload.touched_at,
            _U.version == upload.version,
        )
    )
    return gone.rowcount == 1


def orphans(
    conn: Connection, institution: str, limit: int, behind: SegmentRow | None = None
) -> list[SegmentRow]:
    """Segments of uploads that were given up, and those that never became durable and cannot any
    more: their upload has ended, or has the segment of that number otherwise. In the order of
    their keys, from behind one on."""
    key = (_S.customer, _S.upload, _S.number, _S.object)
    further = (
        ()
        if behind is None
        else (tuple_(*key) > (behind.customer, behind.upload, behind.number, behind.object),)
    )
    found = conn.execute(
        select(content_segments)
        .where(
            *further,
            _S.institution == institution,
            ~exists(
                select(_U.upload).where(
                    _U.institution == _S.institution,
                    _U.customer == _S.customer,
                    _U.upload == _S.upload,
                    _U.version == 0,
                    _U.segments < _S.number,
                )
            ),
            _S.durable.in_((_PLANNED, _GIVEN_UP)),
        )
        .order_by(*key)
        .limit(limit)
    )
    return [SegmentRow(*row) for row in found]


def mark_given_up(conn: Connection, upload: UploadRow) -> None:
    """Have the segments of an upload that became nothing taken away."""
    conn.execute(
        update(content_segments)
        .where(
            _S.institution == upload.institution,
            _S.customer == upload.customer,
            _S.upload == upload.upload,
        )
        .values(durable=_GIVEN_UP)
    )


_FORGET = delete(content_segments).where(
    _S.institution == bindparam("i"),
    _S.customer == bindparam("c"),
    _S.upload == bindparam("u"),
    _S.number == bindparam("n"),
    _S.object == bindparam("o"),
)


def forget(conn: Connection, rows: Sequence[SegmentRow]) -> None:
    """Remove the rows of segments whose objects are gone."""
    for r in rows:
        conn.execute(
            _FORGET,
            {"i": r.institution, "c": r.customer, "u": r.upload, "n": r.number, "o": r.object},
        )


def _key(row: UploadRow) -> tuple[ColumnElement[bool], ...]:
    return (
        _U.institution == row.institution,
        _U.customer == row.customer,
        _U.upload == row.upload,
    )
