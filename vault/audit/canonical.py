"""Base64 and decimal numbers with one spelling each, as the C2SP formats write them.

What can be written in two ways can be changed without being noticed, so every other spelling is
refused.
"""

import re
from base64 import b64decode, b64encode
from typing import Final

# Sizes and times of these formats fit a signed 64-bit integer.
MAX_NUMBER: Final = 2**63 - 1

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of standard, padded base64. Raises ValueError for any other spelling."""
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("not base64") from error
    # Unused bits that are set decode as well.
    if encode_base64(data) != text:
        raise ValueError("not the one spelling in base64")
    return data


def parse_decimal(text: str) -> int:
    """A number in 0..MAX_NUMBER without sign or leading zeroes. Raises ValueError."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_NUMBER:
        raise ValueError("not a decimal number of 63 bits")
    return int(text)
