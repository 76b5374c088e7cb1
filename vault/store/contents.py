"""Contents of documents and of vouchers: a row for each version of each page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, select

from vault.store.rows import row_hash
from vault.store.schema import content_leaves, contents
from vault.store.statements import insert_rows
from vault.store.uploads import SegmentRow
from vault.store.versions import Versioned

_FULL = Versioned(contents, masked=False)
_MASKED = Versioned(contents, masked=True)
_L = content_leaves.c
_DOMAIN: Final = b"recordsvault segments v1"
_LEAVES_DOMAIN: Final = b"recordsvault leaves v1"


@dataclass(frozen=True, slots=True)
class MaskedContentRow:
    """What the masked branch sees of a ContentRow."""

    institution: str
    customer: str
    record: str
    page: int
    version: int
    scope: str
    recorded_at: int
    recorded_by: str
    upload: str
    content_type: str
    size: int
    segments: int
    segments_sha256: bytes
    leaves: int
    leaves_sha256: bytes


@dataclass(frozen=True, slots=True)
class ContentRow(MaskedContentRow):
    """One version of a page of a record ("documents/{id}" or "transactions/{id}"), whose bytes are
    the segments of `upload`. `size` in bytes, `recorded_at` in microseconds. By
    `segments_sha256` and `leaves_sha256` the row covers its segments and the leaves of its
    masked rendition. `sealed` holds its key."""

    sealed: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The row's name in the log."""
        return (
            f"institutions/{self.institution}/customers/{self.customer}"
            f"/{self.record}/contents/{self.page}@{self.version}"
        )

    def hash(self) -> bytes:
        """The row's hash, 32 bytes."""
        return row_hash("contents", *_values(self))


@dataclass(frozen=True, slots=True)
class LeafRow:
    """One leaf of the masked rendition of a content, counted from 1."""

    institution: str
    customer: str
    record: str
    page: int
    version: int
    leaf: int
    masked: bytes = field(repr=False)


def segments_digest(rows: Sequence[SegmentRow]) -> bytes:
    """By which a content's row covers its segments: their objects, sizes and digests in order."""
    parts: list[str | int | bytes] = []
    for row in rows:
        parts += (row.number, row.object, row.size, row.sha256)
    return sha256(_DOMAIN + row_hash("content_segments", *parts)).digest()


def leaves_digest(rows: Sequence[LeafRow]) -> bytes:
    """By which a content's row covers the leaves of its masked rendition."""
    parts: list[str | int | bytes] = []
    for row in rows:
        parts += (row.leaf, sha256(row.masked).digest())
    return sha256(_LEAVES_DOMAIN + row_hash("content_leaves", *parts)).digest()


def insert(conn: Connection, row: ContentRow, leaves: Sequence[LeafRow] = ()) -> None:
    """Insert a version with its masked rendition. Raises VersionConflict when it stands already."""
    insert_rows(conn, contents, [_values(row)])
    rows = [tuple(getattr(leaf, name) for name in LeafRow.__slots__) for leaf in leaves]
    insert_rows(conn, content_leaves, rows)


def current(
    conn: Connection, institution: str, customer: str, record: str, page: int
) -> ContentRow | None:
    """The current version of a page."""
    row = _FULL.current.first(conn, _key(institution, customer, record, page))
    return None if row is None else ContentRow(*row)


def version(
    conn: Connection, institution: str, customer: str, record: str, page: int, number: int
) -> ContentRow | None:
    """The version of that number."""
    key = _key(institution, customer, record, page) | {"version": number}
    row = _FULL.version.first(conn, key)
    return None if row is None else ContentRow(*row)


def listing(
    conn: Connection, institution: str, customer: str, record: str, *, after: int = 0, limit: int
) -> list[ContentRow]:
    """Current versions of a record's pages beyond number `after`, in order."""
    key: dict[str, str | int] = {
        "institution": institution,
        "customer": customer,
        "record": record,
        "after": after,
        "limit": limit,
    }
    return [ContentRow(*row) for row in conn.execute(_FULL.listing, key)]


def current_masked(
    conn: Connection, institution: str, customer: str, record: str, page: int
) -> MaskedContentRow | None:
    """What the masked branch sees of the current version of a page."""
    row = _MASKED.current.first(conn, _key(institution, customer, record, page))
    return None if row is None else MaskedContentRow(*row)


def listing_masked(
    conn: Connection, institution: str, customer: str, record: str, *, after: int = 0, limit: int
) -> list[MaskedContentRow]:
    """As `listing`, as the masked branch sees it."""
    key: dict[str, str | int] = {
        "institution": institution,
        "customer": customer,
        "record": record,
        "after": after,
        "limit": limit,
    }
    return [MaskedContentRow(*row) for row in conn.execute(_MASKED.listing, key)]


def leaf(conn: Connection, row: MaskedContentRow, number: int) -> LeafRow | None:
    """A leaf of the masked rendition of a content."""
    found = conn.execute(
        select(content_leaves).where(
            _L.institution == row.institution,
            _L.customer == row.customer,
            _L.record == row.record,
            _L.page == row.page,
            _L.version == row.version,
            _L.leaf == number,
        )
    ).first()
    return None if found is None else LeafRow(*found)


def _key(institution: str, customer: str, record: str, page: int) -> dict[str, str | int]:
    return {"institution": institution, "customer": customer, "record": record, "page": page}


def _values(row: ContentRow) -> tuple[str | int | bytes, ...]:
    return tuple(getattr(row, column.name) for column in contents.columns)
