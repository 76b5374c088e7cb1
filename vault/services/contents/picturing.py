"""What a content is, by its own bytes, and the masked rendition that is made of it.

A rendition is made once, when a content is stored, and sealed under the masked key of its scope,
picture by picture: a leaf each. Whoever holds that key alone can show it, and open nothing else of
the content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from vault.records import ContentType, DocumentKind
from vault.renditions import (
    END_SIZE,
    DecoderMissing,
    DocumentRefused,
    Problem,
    Renderer,
    Rendition,
    Withheld,
    check_end,
    check_start,
)
from vault.sealing import (
    MaskedFileKey,
    SealBroken,
    SealContext,
    UnknownSuite,
    open_masked,
    seal_masked,
)
from vault.services.contents import errors
from vault.services.errors import Corrupted
from vault.store.contents import ContentRow, LeafRow, MaskedContentRow

_FORMAT: Final = 1
_HEAD: Final = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a rendition, as it is sealed: of so many pages of the document (0 where they
    were not counted), covered by that layout, or a placeholder and why it stands there."""

    png: bytes = field(repr=False)
    page_count: int
    layout: str
    withheld: Withheld | None


class Pictures:
    """Makes renditions, for one process."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def check_start(self, content_type: ContentType, start: bytes) -> None:
        """Refuse what the first bytes give away. Raises InvalidArgument."""
        try:
            check_start(content_type, start)
        except DocumentRefused as refused:
            raise errors.no_document(refused.problem) from None

    async def leaves(
        self,
        key: MaskedFileKey,
        row: ContentRow,
        kind: DocumentKind | None,
        pieces: Callable[[int], AsyncIterator[bytes]],
    ) -> list[LeafRow]:
        """The leaves of the rendition. Raises InvalidArgument for what is no document of its
        format, RenditionsBusy, DecodersMissing."""
        content_type = ContentType(row.content_type)
        try:
            rendition = await self._rendition(content_type, row.size, kind, pieces)
        except DocumentRefused as refused:
            if refused.problem is Problem.BUSY:
                raise errors.RenditionsBusy from None
            raise errors.no_document(refused.problem) from None
        except DecoderMissing:
            raise errors.DecodersMissing from None
        total = len(rendition.pages)
        return [
            LeafRow(
                row.institution,
                row.customer,
                row.record,
                row.page,
                row.version,
                number,
                seal_masked(
                    key, _encode(rendition, number - 1), place_of_picture(row, number, total)
                ),
            )
            for number in range(1, total + 1)
        ]

    async def _rendition(
        self,
        content_type: ContentType,
        size: int,
        kind: DocumentKind | None,
        pieces: Callable[[int], AsyncIterator[bytes]],
    ) -> Rendition:
        # A voucher is of no kind that has a layout.
        kind = kind or DocumentKind.UNSPECIFIED
        if size <= self._renderer.limits.size:
            return await self._renderer.render(kind, content_type, pieces(0))
        # Too large to be decoded: only its end is looked at, as its start was.
        end = b""
        async for piece in pieces(END_SIZE):
            end = (end + piece)[-END_SIZE:]
        check_end(content_type, end)
        return self._renderer.without_picture(kind, content_type, size)


def open_picture(key: MaskedFileKey, row: MaskedContentRow, leaf: LeafRow) -> Picture:
    """What a leaf holds. Raises Corrupted for anything that was not sealed for just this place."""
    place = place_of_picture(row, leaf.leaf, row.leaves)
    try:
        return _decode(open_masked(key, leaf.masked, place))
    except (SealBroken, UnknownSuite, msgspec.MsgspecError, ValueError):
        name = f"{row.record}/contents/{row.page}"
        raise Corrupted(f"institutions/{row.institution}/customers/{row.customer}/{name}") from None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What stands before a picture."""

    pages: int
    layout: str
    withheld: Withheld | None


def _encode(rendition: Rendition, number: int) -> bytes:
    """format | length of the facts, 2 bytes | facts as JSON | PNG"""
    page = rendition.pages[number]
    facts = msgspec.json.encode(_Facts(rendition.page_count, page.layout, page.withheld))
    return bytes((_FORMAT,)) + len(facts).to_bytes(2, "big") + facts + page.png


def _decode(data: bytes) -> Picture:
    if data[:1] != bytes((_FORMAT,)):
        raise ValueError("another format")
    end = _HEAD + int.from_bytes(data[1:_HEAD], "big")
    facts = msgspec.json.decode(data[_HEAD:end], type=_Facts)
    return Picture(data[end:], facts.pages, facts.layout, facts.withheld)


def place_of_picture(row: MaskedContentRow, number: int, total: int) -> SealContext:
    """Where a picture belongs: to this version of this page, and how many there are, so that none
    is missed that was taken away."""
    record = f"{row.record}/contents/{row.page}"
    column = f"leaf/{number}/{total}"
    return SealContext(row.institution, row.customer, record, row.version, column)
