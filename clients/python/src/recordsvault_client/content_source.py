"""The bytes of a scan or file that is uploaded: of a path, a file object, or bytes."""

from __future__ import annotations

import io
import os
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from recordsvault.type.v1 import content_pb2 as kinds
from recordsvault.type.v1.content_pb2 import ContentType

Given = str | PathLike[str] | BinaryIO | bytes
"""A path; a file object that can be sought in, from where it stands to its end; or the bytes."""

_PREFIX = "CONTENT_TYPE_"
_HEAD = 16
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


class Source:
    """What is uploaded, from any offset. A path is opened, and closed at the end; a file object is
    its owner's."""

    def __init__(self, given: Given) -> None:
        """Raises OSError for a path that cannot be read, ValueError for what cannot be uploaded."""
        self._owned = isinstance(given, str | PathLike)
        if isinstance(given, bytes):
            self._file: BinaryIO = io.BytesIO(given)
        elif isinstance(given, str | PathLike):
            self._file = Path(given).open("rb")  # noqa: SIM115 - closed by `close`
        else:
            self._file = given
        try:
            self._base, self.size = _extent(self._file)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Source:
        """The source itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def read(self, offset: int, size: int) -> bytes:
        """As many bytes from an offset on; fewer where it ends. Raises OSError."""
        self._file.seek(self._base + offset)
        read = bytearray()
        while len(read) < size and (piece := self._file.read(size - len(read))):
            read += piece
        return bytes(read)

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            self._file.close()


def _extent(file: BinaryIO) -> tuple[int, int]:
    """Where it stands, and how many bytes follow."""
    if not file.seekable():
        raise ValueError("an upload may have to go on from before: give a file that can be sought")
    base = file.tell()
    size = file.seek(0, os.SEEK_END) - base
    if size < 1:
        raise ValueError("there is nothing to upload: the file is empty")
    return base, size


def content_type_of(given: str | int, source: Source) -> ContentType.ValueType:
    """The format that is named, with or without `CONTENT_TYPE_`; or, if none is, the one that the
    first bytes have. Raises ValueError where there is no such format, or they are of none."""
    if given:
        return content_type_named(given)
    found = _of(source.read(0, _HEAD))
    if found == kinds.CONTENT_TYPE_UNSPECIFIED:
        raise ValueError(f"the file is none of {', '.join(content_types())}")
    return found


def content_type_named(given: str | int) -> ContentType.ValueType:
    """A format by its name or number. Raises ValueError."""
    if isinstance(given, int):
        if given not in ContentType.values()[1:]:
            raise ValueError("there is no format of that number")
        return ContentType.ValueType(given)
    name = given.strip().upper().removeprefix(_PREFIX)
    if name not in content_types():
        raise ValueError(f"a format is one of {', '.join(content_types())}")
    return ContentType.Value(_PREFIX + name)


def content_types() -> tuple[str, ...]:
    """The names of the formats that the vault stores."""
    return tuple(name.removeprefix(_PREFIX) for name in ContentType.keys()[1:])


def _of(head: bytes) -> ContentType.ValueType:
    if head.startswith(b"\xff\xd8\xff"):
        return kinds.CONTENT_TYPE_JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return kinds.CONTENT_TYPE_PNG
    if head.startswith((b"II*\0", b"MM\0*")):
        return kinds.CONTENT_TYPE_TIFF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return kinds.CONTENT_TYPE_WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return kinds.CONTENT_TYPE_HEIC
    if head.startswith(b"%PDF-"):
        return kinds.CONTENT_TYPE_PDF
    return kinds.CONTENT_TYPE_UNSPECIFIED
