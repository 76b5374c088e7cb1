"""What the vault asks of an object store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

MAX_OBJECT_BYTES: Final = 32 * 1024 * 1024
"""Of one object. It is in memory once, and goes to the store in one request; what is larger is cut
into several objects."""
PIECE_BYTES: Final = 256 * 1024
"""About as many bytes come at a time from `get`."""

_SEGMENT: Final = r"[a-z0-9][a-z0-9.-]{0,199}"
_NAME: Final = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")
_PREFIX: Final = re.compile(rf"({_SEGMENT}/)*")
# S3 takes 1,024 bytes, of which the vault's own prefix takes some.
_MAX_NAME: Final = 512


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """An object in a listing: its name, its bytes, and when it was put (microseconds)."""

    name: str
    size: int
    put_at: int


class Blobs(Protocol):
    """Objects by name: segments of `a-z0-9.-` with `/` between, at most 512 characters; no name is
    a folder of another. Callers choose names, and choose such as say nothing.

    All methods block, for a bounded time, and may be called by several threads at once. A name that
    is none raises ValueError, and so does content of more than MAX_OBJECT_BYTES.
    """

    def put(self, name: str, content: bytes) -> None:
        """Keep a new object. Durable on return; nobody ever sees a part of it.

        Raises BlobExists, and then leaves the object of that name as it is; BlobsUnavailable, and
        then it is there whole or not at all.
        """
        ...

    def get(self, name: str) -> Iterator[bytes]:
        """The content, in pieces. Raises BlobMissing, BlobsUnavailable on the call; then
        BlobsUnavailable, or BlobDamaged where the store sends other than it had promised."""
        ...

    def get_range(self, name: str, offset: int, size: int) -> bytes:
        """Exactly `size` bytes from `offset` on. Raises BlobMissing, BlobsUnavailable, and
        BlobDamaged where the object ends before."""
        ...

    def size(self, name: str) -> int:
        """Bytes of the object. Raises BlobMissing, BlobsUnavailable."""
        ...

    def delete(self, name: str) -> None:
        """Let the object go, durably; no matter whether it is there. Raises BlobLocked,
        BlobsUnavailable."""
        ...

    def list(self, prefix: str = "", after: str = "") -> Iterator[BlobEntry]:
        """The objects whose names begin with `prefix` (empty, or with `/` at its end) and come
        behind `after`, in the order of the names' bytes, a page in memory at a time. What is put or
        deleted meanwhile may be told or not; what has no object's name is not. Raises
        BlobsUnavailable, at any step."""
        ...

    def check(self) -> None:
        """Whether objects can be reached. Raises BlobsUnavailable."""
        ...


def is_name(name: str) -> bool:
    """Whether an object can have that name: other people's files may lie beside the objects."""
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def require_name(name: str) -> None:
    """Raises ValueError where no object can have that name."""
    if not is_name(name):
        raise ValueError("not the name of an object")


def require_object(name: str, content: bytes) -> None:
    """Raises ValueError where that cannot be put."""
    require_name(name)
    if len(content) > MAX_OBJECT_BYTES:
        raise ValueError(f"an object has at most {MAX_OBJECT_BYTES} bytes")


def require_range(name: str, offset: int, size: int) -> None:
    """Raises ValueError where that is no range of an object."""
    require_name(name)
    if offset < 0 or not 0 <= size <= MAX_OBJECT_BYTES:
        raise ValueError("not a range of an object")


def require_prefix(prefix: str) -> None:
    """Raises ValueError where names cannot begin so."""
    if len(prefix) > _MAX_NAME or not _PREFIX.fullmatch(prefix):
        raise ValueError("not the beginning of objects' names")
