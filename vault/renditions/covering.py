"""From a page to its picture: reduced, covered, and brought down to pixels of a few colours.

It is covered before it is reduced and again after, so that no pixel of the picture has been mixed
from what lies under a cover. What leaves is an index of colours a pixel and the colours: there is
no place in it where anything else of the document could stand.
"""

from typing import Final

from PIL import Image, ImageDraw

from vault.renditions.layouts import Box, Layout
from vault.renditions.png import Pixels

COLOURS: Final = 96

# One for all areas: where two of them meet nothing tells that there are two.
_COVER: Final = (54, 60, 72)


def cover(picture: Image.Image, layout: Layout, long_edge: int) -> Pixels:
    """The page as a masked view may show it. `picture` is RGB and is drawn on."""
    _draw(picture, layout)
    scale = min(1.0, long_edge / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    _draw(small, layout)
    few = small.quantize(COLOURS, dither=Image.Dither.NONE)
    palette = bytes(few.getpalette("RGB") or b"")[: 3 * COLOURS]
    return Pixels(small.width, small.height, palette, few.tobytes())


def covered_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels, right and bottom exclusive; each part of a pixel that
    a box touches is its own."""
    left, top, right, bottom = box
    return (
        int(left * width),
        int(top * height),
        min(width, -int(-right * width // 1)),
        min(height, -int(-bottom * height // 1)),
    )


def _draw(picture: Image.Image, layout: Layout) -> None:
    draw = ImageDraw.Draw(picture)
    for area in layout.areas:
        left, top, right, bottom = covered_pixels(area.box, *picture.size)
        draw.rectangle((left, top, right - 1, bottom - 1), fill=_COVER)
