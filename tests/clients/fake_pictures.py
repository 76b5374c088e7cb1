"""The pictures that the fake vault shows of documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from recordsvault.masked.v1 import views_pb2 as views


@dataclass
class FakePictures:
    """By page number of a content, how many pictures there are of it."""

    totals: dict[int, int] = field(default_factory=dict)
    most: int = 100

    def shown(self, request: Any) -> Iterator[views.MaskedPicture]:
        wanted = [
            page
            for page in sorted(self.totals)
            if (page == request.page if request.page else page > request.after)
        ]
        for page in wanted[: self.most]:
            for number in range(1, self.totals[page] + 1):
                yield views.MaskedPicture(
                    content=f"{request.name}/contents/{page}",
                    content_version=1,
                    number=number,
                    total=self.totals[page],
                    png=b"\x89PNG picture %d of %d" % (number, page),
                    layout="passport-td3" if number == 1 else "",
                    withheld=views.PICTURE_WITHHELD_NO_LAYOUT
                    if number > 1
                    else views.PICTURE_WITHHELD_UNSPECIFIED,
                )
