"""Contents that were stored: found, and opened so far that it can be said what they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from vault.records import ContentType, ScopeRef
from vault.sealing import ScopeShredded, SealBroken
from vault.services.contents.sealed import ContentKey, open_content
from vault.services.errors import Corrupted, Shredded
from vault.services.keys import Keys
from vault.store.contents import ContentRow


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A version of a content: its resource name, size in bytes, digest, and when it was stored
    (microseconds)."""

    name: str
    page: int
    version: int
    content_type: ContentType
    size: int
    sha256: bytes
    recorded_at: int


@dataclass(frozen=True, slots=True)
class OpenedContent:
    """A content with its key."""

    stored: StoredContent
    row: ContentRow
    key: ContentKey = field(repr=False)


def content_name(row: ContentRow) -> str:
    """A content's resource name."""
    return row.name.rpartition("@")[0]


class ContentOpener:
    """Whoever calls it has made sure that the caller may. Raises Shredded, Corrupted."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def one(self, row: ContentRow) -> OpenedContent:
        """The content of a row."""
        name = content_name(row)
        scope = ScopeRef(row.institution, row.customer, row.scope)
        try:
            key = (await self._keys.full([scope]))[scope]
            own = open_content(key, row)
        except ScopeShredded:
            raise Shredded(name) from None
        except SealBroken:
            raise Corrupted(name) from None
        return OpenedContent(described(row, own), row, own)


def described(row: ContentRow, own: ContentKey) -> StoredContent:
    """A content as it is answered."""
    return StoredContent(
        content_name(row),
        row.page,
        row.version,
        ContentType(row.content_type),
        row.size,
        own.sha256,
        row.recorded_at,
    )
