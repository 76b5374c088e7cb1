"""Key bytes: how they come, how they are bound to a place, and how they leave memory."""

import os
from pathlib import Path

_RANDOM = Path("/dev/urandom")


def random_key(length: int) -> bytearray:
    """`length` random bytes in memory that can be wiped.

    os.urandom() would leave an immutable copy behind; it is asked for one byte because it waits
    where a machine that has just started has no entropy yet, and the device does not.
    """
    key = bytearray(length)
    os.urandom(1)
    with _RANDOM.open("rb", buffering=0) as device:
        if device.readinto(key) != length:
            raise OSError(f"{_RANDOM} gave too few bytes")
    return key


def framed(domain: bytes, *parts: bytes) -> bytes:
    """`domain` and `parts`, each after its length in four bytes (big-endian).

    No two different lists of parts give the same bytes, so none can pass for another.
    """
    pieces: list[bytes] = []
    for part in (domain, *parts):
        pieces += (len(part).to_bytes(4, "big"), part)
    return b"".join(pieces)


def wipe(key: bytearray) -> None:
    """Overwrite `key` with zeros where it lies (an assignment of equal length moves nothing)."""
    key[:] = bytes(len(key))
