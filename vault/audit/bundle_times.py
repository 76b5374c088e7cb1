"""When the log took each event of an archived bundle, in few bytes.

An event's leaf has the event's own time; the log's is a column of the database, which stays behind
when the leaf moves. Format: zlib (RFC 1950) over 64-bit big-endian differences, the first from 0,
in microseconds.
"""

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

_MAX: Final = 65_536 * 8


class TimesInvalid(ValueError):
    """Not the times of that many events."""


def pack_times(times: Sequence[int]) -> bytes:
    """Times in microseconds, none before the one in front of it."""
    steps = [b - a for a, b in pairwise((0, *times))]
    return zlib.compress(struct.pack(f">{len(steps)}q", *steps), 9)


def unpack_times(packed: bytes, count: int) -> list[int]:
    """The times of `count` events. Raises TimesInvalid."""
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(packed, _MAX)
        if len(plain) != 8 * count or reader.unconsumed_tail:
            raise TimesInvalid("another number of times")
        return list(accumulate(struct.unpack(f">{count}q", plain)))
    except (zlib.error, struct.error) as error:
        raise TimesInvalid("unreadable times") from error
