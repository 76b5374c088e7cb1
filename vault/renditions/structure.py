"""Where a picture ends by its own account, and whether anything follows.

Each format says how long it is in another way, and each reader stops there: what follows is seen
by nobody who looks at the picture. So it is refused. Bytes of zero alone are let pass in JPEG and
TIFF, as scanners fill up with them.

Gaps inside a TIFF or the data box of a HEIC, which no part of the picture refers to, are not found.
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

from vault.records.content import ContentType
from vault.renditions.problems import DocumentRefused, Problem

# ISO/IEC 10918-1 annex B: in entropy-coded data FF is followed by 00 or a restart marker.
_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_HEIC_BOXES: Final = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"idat"})
# TIFF 6.0 section 2: bytes of a value of each field type.
_TIFF_SIZES: Final = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)
_TIFF_FOLDERS: Final = frozenset({330, 34665, 34853, 40965})
_TIFF_PLACES: Final = {273: 279, 324: 325, 513: 514}
_MOST_FIELDS: Final = 1_000_000


def check_structure(content_type: ContentType, content: bytes, most_pages: int) -> None:
    """Raise DocumentRefused with BROKEN, TRAILING_DATA, ANIMATED or TOO_MANY_PAGES."""
    try:
        if content_type is ContentType.JPEG:
            _only_zeros(content, _jpeg_end(content))
        elif content_type is ContentType.PNG:
            _nothing(content, _png_end(content))
        elif content_type is ContentType.WEBP:
            _nothing(content, _webp_end(content))
        elif content_type is ContentType.TIFF:
            _only_zeros(content, _tiff_end(content, most_pages))
        elif content_type is ContentType.HEIC:
            _heic_boxes(content)
    except (struct.error, IndexError) as error:
        raise DocumentRefused(Problem.BROKEN) from error


def _nothing(content: bytes, end: int) -> None:
    if end > len(content):
        raise DocumentRefused(Problem.BROKEN)
    if end < len(content):
        raise DocumentRefused(Problem.TRAILING_DATA)


def _only_zeros(content: bytes, end: int) -> None:
    if end > len(content):
        raise DocumentRefused(Problem.BROKEN)
    if content.count(0, end) != len(content) - end:
        raise DocumentRefused(Problem.TRAILING_DATA)


def _jpeg_end(content: bytes) -> int:
    at = 2
    while True:
        found = _MARKER.search(content, at)
        if found is None:
            raise DocumentRefused(Problem.BROKEN)
        marker = content[found.start() + 1]
        at = found.end()
        if marker == 0xD9:
            return at
        if marker not in _ALONE:
            at += int(struct.unpack_from(">H", content, at)[0])


def _png_end(content: bytes) -> int:
    at = 8
    while True:
        size, name = struct.unpack_from(">I4s", content, at)
        at += 12 + int(size)
        if name == b"acTL":
            raise DocumentRefused(Problem.ANIMATED)
        if name == b"IEND":
            return at


def _webp_end(content: bytes) -> int:
    size = struct.unpack_from("<I", content, 4)[0]
    end = int(8 + size + size % 2)
    at = 12
    while at < end:
        name, size = struct.unpack_from("<4sI", content, at)
        if name in (b"ANIM", b"ANMF"):
            raise DocumentRefused(Problem.ANIMATED)
        at += 8 + size + size % 2
    return max(at, end)


def _heic_boxes(content: bytes) -> None:
    at, names = 0, set()
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size == 1:
            size = struct.unpack_from(">Q", content, at + 8)[0]
        elif size == 0:
            size = len(content) - at
        if name not in _HEIC_BOXES:
            # A film's boxes (`moov`) beside those of a picture are another file's.
            raise DocumentRefused(Problem.TRAILING_DATA if b"meta" in names else Problem.BROKEN)
        if size < 8 or at + size > len(content):
            raise DocumentRefused(Problem.BROKEN)
        names.add(name)
        at += size
    if b"meta" not in names:
        raise DocumentRefused(Problem.BROKEN)


def _tiff_end(content: bytes, most_pages: int) -> int:
    order = "<" if content.startswith(b"II") else ">"
    at = int(struct.unpack_from(order + "I", content, 4)[0])
    end, pages, seen, fields = 8, 0, {0}, 0
    waiting = [(at, True)]
    while waiting:
        at, page = waiting.pop()
        if at in seen:
            # The last page names page 0 as its next; any other way back would never end.
            if at:
                raise DocumentRefused(Problem.BROKEN)
            continue
        seen.add(at)
        pages += page
        if pages > most_pages:
            raise DocumentRefused(Problem.TOO_MANY_PAGES)
        (count,) = struct.unpack_from(order + "H", content, at)
        fields += count
        if fields > _MOST_FIELDS:
            raise DocumentRefused(Problem.BROKEN)
        numbers: dict[int, tuple[int, ...]] = {}
        for tag, reach, values in _tiff_fields(content, order, at + 2, count):
            end = max(end, reach)
            numbers[tag] = values
        end = max(end, at + 2 + 12 * count + 4 * page)
        for places, sizes in _TIFF_PLACES.items():
            pairs = zip(numbers.get(places, ()), numbers.get(sizes, ()), strict=False)
            end = max(end, max((place + size for place, size in pairs), default=0))
        waiting += [(one, False) for tag in _TIFF_FOLDERS for one in numbers.get(tag, ())]
        if page:
            waiting.append((struct.unpack_from(order + "I", content, at + 2 + 12 * count)[0], True))
    return end


def _tiff_fields(
    content: bytes, order: str, at: int, count: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Tag, where its value ends, and the numbers of the fields that name places."""
    wanted = _TIFF_FOLDERS | _TIFF_PLACES.keys() | set(_TIFF_PLACES.values())
    for number in range(count):
        tag, kind, amount = struct.unpack_from(order + "HHI", content, at + 12 * number)
        size = amount * (_TIFF_SIZES[kind] if kind < len(_TIFF_SIZES) else 1)
        place = at + 12 * number + 8
        if size > 4:
            (place,) = struct.unpack_from(order + "I", content, place)
        values: tuple[int, ...] = ()
        if tag in wanted and kind in (3, 4, 13):
            values = struct.unpack_from(
                f"{order}{amount}{'H' if kind == 3 else 'I'}", content, place
            )
        yield tag, place + size, values
