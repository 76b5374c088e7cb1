"""Pictures of few colours as PNG (W3C PNG, third edition), written and read here.

A PNG of ours is a header, colours, one block of pixels and an end: nothing else has a place in it,
and nothing else is read. So no decoder ever sees bytes in the server that a document has made.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS_BY_PALETTE: Final = b"\x08\x03\x00\x00\x00"
_MOST_EDGE: Final = 2000
_HEADER_END: Final = 33


class NotOurPng(ValueError):
    """Bytes that are no picture written here."""


@dataclass(frozen=True, slots=True, repr=False)
class Pixels:
    """A picture: `palette` three bytes a colour, `indices` one byte a pixel, by rows."""

    width: int
    height: int
    palette: bytes
    indices: bytes

    def __post_init__(self) -> None:
        colours, rest = divmod(len(self.palette), 3)
        if rest or not 1 <= colours <= 256:
            raise ValueError("palette")
        if not (0 < self.width <= _MOST_EDGE and 0 < self.height <= _MOST_EDGE):
            raise ValueError("size")
        if len(self.indices) != self.width * self.height or max(self.indices) >= colours:
            raise ValueError("indices")


def encode(picture: Pixels) -> bytes:
    """The picture as a PNG; the same bytes for the same pixels."""
    width = picture.width
    rows = b"".join(
        b"\x00" + picture.indices[at : at + width] for at in range(0, width * picture.height, width)
    )
    header = struct.pack(">II", width, picture.height) + _EIGHT_BITS_BY_PALETTE
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", picture.palette),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def decode(png: bytes) -> Pixels:
    """The pixels of what `encode` wrote. Raises NotOurPng."""
    try:
        width, height = struct.unpack_from(">II", png, 16)
        if width > _MOST_EDGE or height > _MOST_EDGE:
            raise NotOurPng("size")
        (size,) = struct.unpack_from(">I", png, _HEADER_END)
        palette = png[_HEADER_END + 8 : _HEADER_END + 8 + size]
        start = _HEADER_END + 12 + size
        (size,) = struct.unpack_from(">I", png, start)
        inflate = zlib.decompressobj()
        rows = inflate.decompress(png[start + 8 : start + 8 + size], (width + 1) * height)
        indices = b"".join(rows[at + 1 : at + 1 + width] for at in range(0, len(rows), width + 1))
        picture = Pixels(width, height, palette, indices)
    except (struct.error, zlib.error, ValueError) as error:
        raise NotOurPng("not a picture of ours") from error
    if encode(picture) != png:
        raise NotOurPng("not a picture of ours")
    return picture


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
