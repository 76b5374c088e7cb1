"""What a content is, by its own bytes, and the masked rendition that is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from vault.records import ContentType, DocumentKind
from vault.renditions import content_types
from vault.renditions.problems import DocumentRefused
from vault.renditions.sniffing import check_start
from vault.sealing import MaskedFileKey
from vault.services.contents import errors
from vault.store.contents import ContentRow, LeafRow


class Pictures:
    """Of one process."""

    def check_start(self, content_type: ContentType, start: bytes) -> None:
        """Refuse what the first bytes give away. Raises InvalidArgument."""
        try:
            check_start(content_types.ContentType[content_type.name], start)
        except DocumentRefused as refused:
            raise errors.no_document(refused.problem) from None

    async def leaves(
        self,
        key: MaskedFileKey,
        row: ContentRow,
        kind: DocumentKind | None,
        pieces: Callable[[], AsyncIterator[bytes]],
    ) -> list[LeafRow]:
        """None yet."""
        return []
