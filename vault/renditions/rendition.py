"""What a masked view shows of a document: pages that are pictures, or say why there is none."""

from dataclasses import dataclass
from enum import StrEnum

from vault.records.content import ContentType


class Withheld(StrEnum):
    """Why a page has no picture."""

    NO_LAYOUT = "NO_LAYOUT"
    NOT_RECOGNISED = "NOT_RECOGNISED"
    FURTHER_PAGES = "FURTHER_PAGES"
    TOO_LARGE = "TOO_LARGE"


@dataclass(frozen=True, slots=True, repr=False)
class RenditionPage:
    """One picture, a PNG of ours. `layout` is the one by which a page of the document was covered;
    empty for a placeholder, of which `withheld` says why it stands there."""

    png: bytes
    layout: str = ""
    withheld: Withheld | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Rendition:
    """The pictures of a document. `page_count`: its pages, 0 where they were not counted, which is
    of one that is too large. `size`: its bytes."""

    content_type: ContentType
    size: int
    page_count: int
    pages: tuple[RenditionPage, ...]
