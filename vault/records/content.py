"""Contents: scans, pictures and files of a document, or of a transaction as its vouchers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from vault.records.names import (
    DocumentName,
    InvalidName,
    TransactionName,
    parse_record_name,
)

_PAGE = re.compile(r"[1-9][0-9]{0,2}")


class ContentType(StrEnum):
    """Format of a content; UNSPECIFIED is refused on write."""

    UNSPECIFIED = "UNSPECIFIED"
    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    WEBP = "WEBP"
    HEIC = "HEIC"
    PDF = "PDF"

    @property
    def ending(self) -> str:
        """How the name of a file of this format ends, without the dot."""
        return _SHORT_ENDINGS.get(self, self.value.lower())


_SHORT_ENDINGS = {ContentType.JPEG: "jpg", ContentType.TIFF: "tif"}


@dataclass(frozen=True, slots=True)
class ContentName:
    """`{document or transaction}/contents/{page}`."""

    owner: DocumentName | TransactionName
    page: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidName."""
        base, slash, page = text.rpartition("/contents/")
        if not slash or _PAGE.fullmatch(page) is None:
            raise InvalidName("not of the form */contents/{page}")
        return cls(parse_owner(base), int(page))

    @property
    def institution(self) -> str:
        """The institution."""
        return self.owner.institution

    @property
    def customer(self) -> str:
        """The customer."""
        return self.owner.customer

    def __str__(self) -> str:
        return f"{self.owner}/contents/{self.page}"


def parse_owner(text: str) -> DocumentName | TransactionName:
    """The name of what can have contents. Raises InvalidName."""
    name = parse_record_name(text)
    if not isinstance(name, DocumentName | TransactionName):
        raise InvalidName("a customer has no contents but by a document")
    return name
