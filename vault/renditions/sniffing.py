"""What a document is, by its own first bytes, and whether it is also something else.

Pure functions of bytes. `check_start` is for the first piece of an upload, so that what will be
refused is not taken in whole; `check_end` is for the last bytes of a document of any size. What
needs the whole document is in `structure`, and runs where documents are decoded.

Nobody's word is taken for it: what was declared has to agree with what is found.
"""

import re
from typing import Final

from vault.records.content import ContentType
from vault.renditions.problems import DocumentRefused, Problem

START_SIZE: Final = 4096
"""Bytes from the first that `check_start` looks at; fewer only of a document that has no more."""
END_SIZE: Final = 70_000
"""Bytes to the last that `check_end` looks at."""

# ISO/IEC 23008-12 annex B.4: still pictures in HEVC. `mif1` says no more than that it is a HEIF.
_HEVC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis"})
# A browser or a server that guesses would take these for something to run.
_MARKUP: Final = re.compile(
    rb"<\s*(!doctype\s+html|html|head|body|script|svg|iframe|\?php)\b", re.I
)
_TAR_AT: Final = 257
# Readers of PDF look for its header in the first 1,024 bytes.
_PDF: Final = b"%PDF-"
_ZIP_FILE, _ZIP_ENTRY, _ZIP_END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_ARCHIVES: Final = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")


def sniff(start: bytes) -> ContentType | None:
    """The type that the first bytes say, None if it is none of ours. 32 bytes are enough."""
    if start.startswith(b"\xff\xd8\xff"):
        return ContentType.JPEG
    if start.startswith(b"\x89PNG\r\n\x1a\n") and start[12:16] == b"IHDR":
        return ContentType.PNG
    if start.startswith((b"II*\x00", b"MM\x00*")):
        return ContentType.TIFF
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return ContentType.WEBP
    if re.match(rb"%PDF-[12]\.[0-9]", start):
        return ContentType.PDF
    if start[4:8] == b"ftyp":
        return ContentType.HEIC if _brands(start) & _HEVC_BRANDS else None
    return None


def check_start(declared: ContentType, start: bytes) -> None:
    """Refuse what the first bytes give away: nothing at all, another type, a second type.

    `start`: the first START_SIZE bytes, or all of a smaller document. Raises DocumentRefused with
    EMPTY, TYPE_NOT_TAKEN, TYPE_DIFFERS, POLYGLOT.
    """
    if not start:
        raise DocumentRefused(Problem.EMPTY)
    found = sniff(start)
    if found is None:
        raise DocumentRefused(Problem.TYPE_NOT_TAKEN)
    if found is not declared:
        raise DocumentRefused(Problem.TYPE_DIFFERS)
    window = start[:START_SIZE]
    if _PDF in window[1:] or _MARKUP.search(window) or window[_TAR_AT : _TAR_AT + 5] == b"ustar":
        raise DocumentRefused(Problem.POLYGLOT)


def check_end(content_type: ContentType, end: bytes) -> None:
    """Refuse what the last bytes give away: a ZIP archive, or a PDF that was cut or lengthened.

    `end`: the last END_SIZE bytes, or all of a smaller document. Raises DocumentRefused with
    POLYGLOT, BROKEN, TRAILING_DATA.
    """
    # An archive is found from its end; what is packed before it does not matter to who unpacks.
    at = end.rfind(_ZIP_END)
    if at >= 0 and len(end) - at >= 22 and end[at + 8 : at + 10] == end[at + 10 : at + 12]:
        raise DocumentRefused(Problem.POLYGLOT)
    if content_type is ContentType.PDF:
        marker = end.rfind(b"%%EOF")
        if marker < 0:
            raise DocumentRefused(Problem.BROKEN)
        if end[marker + 5 :].strip(b"\r\n\t \x00"):
            raise DocumentRefused(Problem.TRAILING_DATA)


def check_whole(content_type: ContentType, content: bytes) -> None:
    """Refuse a document that holds another file's beginning. Raises DocumentRefused: POLYGLOT."""
    # Five bytes or more: seldom enough to stand nowhere in a picture's own data by chance.
    if content_type is not ContentType.PDF and _PDF in content:
        raise DocumentRefused(Problem.POLYGLOT)
    if any(archive in content for archive in _ARCHIVES):
        raise DocumentRefused(Problem.POLYGLOT)
    if _ZIP_FILE in content and _ZIP_ENTRY in content and _ZIP_END in content:
        raise DocumentRefused(Problem.POLYGLOT)


def _brands(start: bytes) -> set[bytes]:
    """Major and compatible brands of a file type box (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(start[:4], "big"), len(start), 256)
    return {start[8:12], *(start[at : at + 4] for at in range(16, size - 3, 4))}
