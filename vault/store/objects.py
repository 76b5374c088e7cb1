"""Which objects the rows name: the segments of contents, by pages, and a few by their names; and
the contents whose rows cover them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from vault.store.contents import MaskedContentRow
from vault.store.schema import content_segments, contents
from vault.store.uploads import SegmentRow

_C, _CONTENT = content_segments.c, contents.c
_KEY = (_C.institution, _C.customer, _C.upload, _C.number, _C.object)

_CONTENT_KEY = tuple(
    _CONTENT[name] for name in ("institution", "customer", "record", "page", "version")
)
_UNSEALED = [_CONTENT[name] for name in MaskedContentRow.__slots__]


def segments_after(conn: Connection, last: SegmentRow | None, limit: int) -> list[SegmentRow]:
    """Segments of all uploads behind `last`, durable or not, in the order of their keys."""
    query = select(content_segments).order_by(*_KEY).limit(limit)
    if last is not None:
        key = (last.institution, last.customer, last.upload, last.number, last.object)
        query = query.where(tuple_(*_KEY) > key)
    return [SegmentRow(*row) for row in conn.execute(query)]


def segments_named(conn: Connection, objects: Sequence[str]) -> list[SegmentRow]:
    """The segments whose objects have these names. Reads the whole table: ask for many at once."""
    query = select(content_segments).where(_C.object.in_(objects))
    return [SegmentRow(*row) for row in conn.execute(query)]


def contents_after(
    conn: Connection, last: MaskedContentRow | None, limit: int
) -> list[MaskedContentRow]:
    """Contents in all their versions behind `last`, in the order of their keys."""
    query = select(*_UNSEALED).order_by(*_CONTENT_KEY).limit(limit)
    if last is not None:
        key = (last.institution, last.customer, last.record, last.page, last.version)
        query = query.where(tuple_(*_CONTENT_KEY) > key)
    return [MaskedContentRow(*row) for row in conn.execute(query)]
