"""A content whose bytes were sealed anew: its row goes from one upload's segments to another's.

The old segments are not taken away at once, since somebody may just be reading them: their upload
is left as one that nobody goes on with, and the sweep takes it after the time for such ones.
Functions on a connection, which take part in their caller's transaction.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select, update

from vault.store.contents import ContentRow, LeafRow
from vault.store.schema import content_leaves, uploads
from vault.store.statements import insert_rows
from vault.store.uploads import UploadRow

_U, _L = uploads.c, content_leaves.c


def move(conn: Connection, before: ContentRow, upload: UploadRow, now: int) -> None:
    """Let `upload`, all of whose segments are there, be what the content was made by, and the one
    before be given up. Whoever sends the request of that one again is answered as ever."""
    standing = conn.execute(select(uploads).where(*_key(before, before.upload))).first()
    old = None if standing is None else UploadRow(*standing)
    conn.execute(
        update(uploads)
        .where(*_key(before, upload.upload))
        .values(
            principal=old.principal if old else "",
            request_id=old.request_id if old else "",
            version=before.version,
            touched_at=now,
            sealed=b"",
        )
    )
    if old is not None:
        conn.execute(
            update(uploads)
            .where(*_key(before, old.upload))
            .values(principal="", request_id="", version=0, touched_at=now, sealed=b"")
        )
        return
    left = {name: getattr(upload, name) for name in UploadRow.__slots__}
    left |= {"upload": before.upload, "version": 0, "touched_at": now, "sealed": b""}
    insert_rows(conn, uploads, [tuple(left[column.name] for column in uploads.columns)])


def leaves(conn: Connection, row: ContentRow) -> list[LeafRow]:
    """The leaves of a content's masked rendition, in order."""
    found = conn.execute(
        select(content_leaves)
        .where(
            _L.institution == row.institution,
            _L.customer == row.customer,
            _L.record == row.record,
            _L.page == row.page,
            _L.version == row.version,
        )
        .order_by(_L.leaf)
    )
    return [LeafRow(*one) for one in found]


def exchange_leaves(conn: Connection, anew: Sequence[LeafRow]) -> None:
    """Put these leaves in the place of those that stand."""
    for leaf in anew:
        conn.execute(
            update(content_leaves)
            .where(
                _L.institution == leaf.institution,
                _L.customer == leaf.customer,
                _L.record == leaf.record,
                _L.page == leaf.page,
                _L.version == leaf.version,
                _L.leaf == leaf.leaf,
            )
            .values(masked=leaf.masked)
        )


def _key(row: ContentRow, upload: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _U.institution == row.institution,
        _U.customer == row.customer,
        _U.upload == upload,
    )
