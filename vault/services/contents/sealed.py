"""The key of a content, and the segments that are sealed under it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from vault.sealing import (
    FullFileKey,
    SealBroken,
    SealContext,
    UnknownSuite,
    open_full,
    seal_full,
    stream,
    suite_by_id,
)
from vault.store.contents import ContentRow
from vault.store.uploads import SegmentRow, UploadRow

SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""Plain bytes of every segment but the last, which has at least one."""
_FORMAT: Final = 1
_UPLOAD, _CONTENT = "upload", "sealed"


@dataclass(frozen=True, slots=True)
class ContentKey:
    """The key of one content, for its suite, and the digest of its bytes once all have come."""

    suite: int
    key: bytes = field(repr=False)
    sha256: bytes = b""

    @classmethod
    def fresh(cls, suite: int) -> ContentKey:
        """A key that nothing was sealed under."""
        return cls(suite, os.urandom(suite_by_id(suite).key_bytes))

    def encode(self) -> bytes:
        """As it is sealed: format | suite | length of the key | key | digest, if there is one."""
        return bytes((_FORMAT, self.suite, len(self.key))) + self.key + self.sha256

    @classmethod
    def decode(cls, data: bytes) -> ContentKey:
        """Raises SealBroken for anything that `encode` has not made."""
        if len(data) < 3 or data[0] != _FORMAT:
            raise SealBroken
        end = 3 + data[2]
        key, digest = data[3:end], data[end:]
        if len(key) != suite_by_id(data[1]).key_bytes or len(digest) not in (0, 32):
            raise SealBroken
        return cls(data[1], key, digest)


def seal_upload(key: FullFileKey, own: ContentKey, upload: UploadRow) -> bytes:
    """The key of an upload under way, sealed for its row."""
    return seal_full(key, own.encode(), place_of_upload(upload))


def open_upload(key: FullFileKey, upload: UploadRow) -> ContentKey:
    """Raises SealBroken."""
    return _opened(key, upload.sealed, place_of_upload(upload))


def seal_content(key: FullFileKey, own: ContentKey, upload: UploadRow, version: int) -> bytes:
    """The key of a content, sealed for the row of that version."""
    return seal_full(key, own.encode(), place_of_content(upload, version))


def open_content(key: FullFileKey, row: ContentRow) -> ContentKey:
    """Raises SealBroken."""
    own = _opened(key, row.sealed, place_of_content(row, row.version))
    if not own.sha256:
        raise SealBroken
    return own


def segment_sizes(size: int) -> tuple[int, int]:
    """How many segments a content of so many bytes has, and how many bytes the last has."""
    count = -(-size // SEGMENT_BYTES)
    return count, size - (count - 1) * SEGMENT_BYTES


def seal_segment(
    own: ContentKey, upload: UploadRow, number: int, plain: Iterable[memoryview]
) -> bytes:
    """One segment, which comes in pieces, sealed for its place; `number` counts from 1."""
    suite = suite_by_id(own.suite)
    place = _of_segment(upload, upload.upload, number)
    return b"".join(stream.seal(suite, own.key, place, plain))


def whole_segment(
    own: ContentKey, row: UploadRow | ContentRow, segment: SegmentRow, sealed: Iterable[bytes]
) -> Iterator[bytes]:
    """The plain bytes of a segment, piece by piece as the sealed ones come. Raises SealBroken for
    whatever was not sealed for just this place, and where it is more or less than that."""
    suite = suite_by_id(own.suite)
    place = _of_segment(row, segment.upload, segment.number)
    size = 0
    for piece in stream.open_(suite, own.key, place, sealed):
        size += len(piece)
        yield piece
    if size != segment.size:
        raise SealBroken


def segment_range(
    own: ContentKey,
    row: UploadRow | ContentRow,
    segment: SegmentRow,
    read: Callable[[int, int], bytes],
    start: int,
    end: int,
) -> Iterator[bytes]:
    """The plain bytes of a segment from `start` to `end`; `read(offset, size)` gives sealed ones,
    and is asked for no others than that takes. Raises SealBroken as `whole_segment`."""
    suite = suite_by_id(own.suite)
    place = _of_segment(row, segment.upload, segment.number)
    whole = stream.sealed_size(suite, segment.size)
    return stream.open_range(suite, own.key, place, whole, read, start, end - start)


def _opened(key: FullFileKey, sealed: bytes, place: SealContext) -> ContentKey:
    try:
        return ContentKey.decode(open_full(key, sealed, place))
    except UnknownSuite:
        raise SealBroken from None


def place_of_upload(row: UploadRow) -> SealContext:
    """Where the key of an upload under way stands."""
    record = f"{row.record}/uploads/{row.upload}"
    return SealContext(row.institution, row.customer, record, 1, _UPLOAD)


def place_of_content(row: UploadRow | ContentRow, version: int) -> SealContext:
    """Where the key of a content stands, in the row of that version."""
    record = f"{row.record}/contents/{row.page}"
    return SealContext(row.institution, row.customer, record, version, _CONTENT)


def _of_segment(row: UploadRow | ContentRow, upload: str, number: int) -> bytes:
    """Where a segment belongs: to this upload of this page, at this place, and whether it is the
    last one, so that what was cut off behind it is missed."""
    record = f"{row.record}/contents/{row.page}"
    last = number == segment_sizes(row.size)[0]
    place = SealContext(row.institution, row.customer, record, number, f"segment/{upload}")
    return place.aad() + (b"|last" if last else b"|more")
