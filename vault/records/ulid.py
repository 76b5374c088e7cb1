"""ULIDs: 48 bits of time and 80 of randomness in 26 characters that sort as the time does.

Format: the ULID specification (github.com/ulid/spec), Crockford base32, here in lower case.
"""

import os
import re
from secrets import randbelow

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
MAX_MS = (1 << 48) - 1
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
# 26 characters hold 130 bits: the first can only be 0 to 7.
_SHAPE = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_ulid(ms: int, randomness: bytes | None = None) -> str:
    """Make a ULID from milliseconds since 1970 and 10 random bytes (the system's if not given).

    Raises ValueError for a time before 1970 or past 48 bits, or randomness of another length.
    """
    if not 0 <= ms <= MAX_MS:
        raise ValueError("the time does not fit into a ULID")
    if randomness is None:
        randomness = os.urandom(10)
    elif len(randomness) != 10:
        raise ValueError("a ULID takes 10 random bytes")
    return _encode(ms << 80 | int.from_bytes(randomness, "big"))


def first_ulid(ms: int) -> str:
    """Return the lowest ULID of a millisecond: where a range of times starts, as an identifier."""
    return new_ulid(ms, bytes(10))


def is_ulid(text: str) -> bool:
    """Tell whether the text is a ULID in its one form here: 26 lower-case characters."""
    return _SHAPE.fullmatch(text) is not None


def ulid_ms(ulid: str) -> int:
    """Return the milliseconds since 1970 in a ULID. Raises ValueError for anything else."""
    if not is_ulid(ulid):
        raise ValueError("not a ULID")
    value = 0
    for letter in ulid[:10]:
        value = value << 5 | _VALUES[letter]
    return value


def ulid_between(low: str, high: str) -> str:
    """Return an identifier at random, behind `low` and in front of `high`; `low` where there is
    none. What comes behind it is what comes behind `low`, yet it tells neither.

    Raises ValueError unless both are ULIDs, and `low` is the lower one.
    """
    first, end = _value(low), _value(high)
    if not first < end:
        raise ValueError("there is nothing between them")
    return _encode(first + 1 + randbelow(end - first - 1) if end - first > 1 else first)


def _value(ulid: str) -> int:
    if not is_ulid(ulid):
        raise ValueError("not a ULID")
    value = 0
    for letter in ulid:
        value = value << 5 | _VALUES[letter]
    return value


def _encode(value: int) -> str:
    pairs = _PAIRS
    high, low = value >> 60, value & 0xFFFFFFFFFFFFFFF
    return "".join(
        (
            pairs[high >> 60],
            pairs[high >> 50 & 1023],
            pairs[high >> 40 & 1023],
            pairs[high >> 30 & 1023],
            pairs[high >> 20 & 1023],
            pairs[high >> 10 & 1023],
            pairs[high & 1023],
            pairs[low >> 50],
            pairs[low >> 40 & 1023],
            pairs[low >> 30 & 1023],
            pairs[low >> 20 & 1023],
            pairs[low >> 10 & 1023],
            pairs[low & 1023],
        )
    )
