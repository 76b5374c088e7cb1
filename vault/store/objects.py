"""Which objects the rows name: the segments of contents, by pages, and a few by their names."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from vault.store.schema import content_segments
from vault.store.uploads import SegmentRow

_C = content_segments.c
_KEY = (_C.institution, _C.customer, _C.upload, _C.number, _C.object)


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
