"""Whether a page lies as a layout has it: by its proportions, and by marks that it must carry.

Nothing is read here. Only what stands out is measured: lines of print, a picture, a patch of
colour. A page that was scanned with margins, turned, mirrored, or is another side fails one of
them, and so does a page that is merely hard to see: what is in doubt is not shown.
"""

from typing import Final

from PIL import Image, ImageChops, ImageFilter

from vault.renditions.layouts import Box, Layout, Look, Mark, turned

LOOK_EDGE: Final = 1200
"""Longer edge in pixels of the picture that is measured; a larger one is reduced to it first."""
SMALLEST_EDGE: Final = 500
"""A page whose longer edge has fewer pixels shows too little to be sure of."""

_ASPECT_TOLERANCE: Final = 0.03
# Of the page's width: how far the ends of a line may lie from where the layout has them.
_END_TOLERANCE: Final = 0.03
# How much darker than its surroundings ink is, of 255.
_INK: Final = 36
# A line of print is a row of which so much is covered, once the gaps between letters are closed.
_LINE_FILLED: Final = 0.72
_LINE_HIGH: Final = 0.012
_PICTURE_DARK: Final = 55
_PICTURE_LEAST: Final = 0.2
_PATCH_LEAST: Final = 0.2
# Of the page's width. A page that is turned by three degrees exceeds it at its corners.
_PATCH_TOLERANCE: Final = 0.014


class Page:
    """A page made ready for measuring. `picture` is RGB, its longer edge LOOK_EDGE or less."""

    def __init__(self, picture: Image.Image) -> None:
        self.picture = picture
        grey = picture.convert("L")
        around = grey.filter(ImageFilter.BoxBlur(picture.width / 80))
        ink = ImageChops.subtract(around, grey).point([0] * _INK + [255] * (256 - _INK))
        # Letters of a line run together: a gap is narrower than a fortieth of the page.
        reach = picture.width / 80
        self.print_ = ink.filter(ImageFilter.BoxBlur((reach, 1))).point([0] * 20 + [255] * 236)
        middle = _median(grey)
        self.dark = grey.point([255 if tone < middle - _PICTURE_DARK else 0 for tone in range(256)])
        red, green, blue = picture.split()
        self.patches = {
            "red": _stands_out(red, green, blue),
            "blue": _stands_out(blue, red, green),
        }

    def share(self, mask: Image.Image, box: Box) -> float:
        """How much of a box a mask fills, 0 to 1."""
        part = mask.crop(_pixels(mask, box))
        return part.histogram()[255] / (part.width * part.height)


def lies_as(page: Page, layout: Layout) -> bool:
    """Whether the page may be covered by this layout."""
    width, height = page.picture.size
    if max(width, height) < SMALLEST_EDGE:
        return False
    if abs(width / height / layout.aspect - 1) > _ASPECT_TOLERANCE:
        return False
    return all(_found(page, mark) for mark in layout.marks)


def _found(page: Page, mark: Mark) -> bool:
    if mark.look is Look.LINES:
        return _lines(page, mark.box, mark.count) and not _lines(page, turned(mark.box), mark.count)
    if mark.look is Look.NONE:
        return not any(_rows(page, mark.box))
    if mark.look is Look.PICTURE:
        here, there = (page.share(page.dark, box) for box in (mark.box, turned(mark.box)))
        return here >= _PICTURE_LEAST and there < here / 2
    return _patch(page, mark)


def _patch(page: Page, mark: Mark) -> bool:
    """Whether a patch of colour lies where it should, to a hair: it tells how the page lies."""
    mask = page.patches[mark.colour]
    if page.share(mask, turned(mark.box)) > _PATCH_LEAST / 2:
        return False
    if any(page.share(mask, quarter) < _PATCH_LEAST for quarter in _quarters(mark.box)):
        return False
    left, top, right, bottom = mark.box
    wide, high = (right - left) / 3, (bottom - top) / 3
    around = (max(0, left - wide), max(0, top - high), min(1, right + wide), min(1, bottom + high))
    x, y, _, _ = _pixels(mask, around)
    found = mask.crop(_pixels(mask, around)).filter(ImageFilter.MedianFilter(5)).getbbox()
    if found is None:
        return False
    ends = (x + found[0], y + found[1], x + found[2], y + found[3])
    return all(
        abs(end - meant) <= _PATCH_TOLERANCE * mask.width
        for end, meant in zip(ends, _pixels(mask, mark.box), strict=True)
    )


def _lines(page: Page, box: Box, count: int) -> bool:
    """Whether so many lines lie in the box and reach from its left end to its right."""
    bands = _rows(page, box)
    if len(bands) != count:
        return False
    for top, bottom in bands:
        left, right = _run(page.print_.crop((0, top, page.print_.width, bottom)), box)
        if abs(left - box[0]) > _END_TOLERANCE or abs(right - box[2]) > _END_TOLERANCE:
            return False
    return True


def _run(line: Image.Image, box: Box) -> tuple[float, float]:
    """Where the print that stands in the middle of a box begins and ends, in fractions of the page.

    It is followed beyond the box: print that goes on there is another line than the layout's.
    """
    columns = line.resize((line.width, 1), Image.Resampling.BOX).tobytes()
    middle = round((box[0] + box[2]) / 2 * line.width)
    left = columns.rfind(0, 0, middle) + 1
    right = columns.find(0, middle)
    return left / line.width, (line.width if right < 0 else right) / line.width


def _rows(page: Page, box: Box) -> list[tuple[int, int]]:
    """Top and bottom, in pixels, of the lines of print that fill the box from side to side."""
    left, top, right, bottom = _pixels(page.print_, box)
    filled = page.print_.crop((left, top, right, bottom)).resize(
        (1, bottom - top), Image.Resampling.BOX
    )
    least = round(_LINE_FILLED * 255)
    bands: list[tuple[int, int]] = []
    start: int | None = None
    for row, tone in enumerate([*filled.tobytes(), 0]):
        if tone >= least and start is None:
            start = row
        elif tone < least and start is not None:
            if row - start >= _LINE_HIGH * page.print_.height:
                bands.append((top + start, top + row))
            start = None
    return bands


def _stands_out(one: Image.Image, other: Image.Image, third: Image.Image) -> Image.Image:
    """Where one of the three colours is by far the strongest."""
    most = ImageChops.lighter(other, third)
    return ImageChops.subtract(one, most).point([0] * 60 + [255] * 196)


def _quarters(box: Box) -> tuple[Box, ...]:
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    return ((left, top, x, y), (x, top, right, y), (left, y, x, bottom), (x, y, right, bottom))


def _pixels(image: Image.Image, box: Box) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return (
        round(left * image.width),
        round(top * image.height),
        max(round(left * image.width) + 1, round(right * image.width)),
        max(round(top * image.height) + 1, round(bottom * image.height)),
    )


def _median(grey: Image.Image) -> int:
    half = grey.width * grey.height / 2
    seen = 0
    for tone, count in enumerate(grey.histogram()):
        seen += count
        if seen >= half:
            return tone
    return 255
