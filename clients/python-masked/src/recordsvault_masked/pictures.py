"""Pictures of scans and files: where a stream of them goes on after a lost connection."""

from __future__ import annotations

from recordsvault.masked.v1 import masked_pb2 as pb
from recordsvault.masked.v1.views_pb2 import MaskedPicture

MOST_CONTENTS = 100
"""Scans and files that one call shows at the most."""


class PictureCursor:
    """What of a document's pictures was handed out."""

    def __init__(self, name: str, page: int) -> None:
        """`page` is the number of the one scan or file that is wanted; 0 for all."""
        self._name = name
        self._page = page
        self._after = 0
        self._begun = (0, 0)
        self._whole: set[int] = set()

    def request(self) -> pb.ViewDocumentRequest:
        """The request for the rest."""
        self._whole.clear()
        return pb.ViewDocumentRequest(name=self._name, page=self._page, after=self._after)

    def take(self, answer: pb.ViewDocumentResponse) -> tuple[MaskedPicture, ...]:
        """The picture of an answer, unless it was handed out before the connection was lost."""
        picture = answer.picture
        page = int(picture.content.rpartition("/")[2])
        fresh = (page, picture.number) > self._begun
        if picture.number == picture.total:
            self._whole.add(page)
            if not self._page:
                self._after = page
        if not fresh:
            return ()
        self._begun = (page, picture.number)
        return (picture,)

    @property
    def more(self) -> bool:
        """Whether a call that ended in good order has shown as much as one call does."""
        return not self._page and len(self._whole) >= MOST_CONTENTS
