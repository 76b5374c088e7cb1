"""The parts of a token, read so that nobody else could read them otherwise."""

import base64
import binascii
import json
from typing import Any, NoReturn

from vault.access.tokens.refused import TokenReason, TokenRefused


def segment(text: str) -> dict[str, Any]:
    """The JSON object of a token's header or claims.

    Raises:
        TokenRefused: it is not base64url as it must be written, not UTF-8, not a JSON object, or
            has a key twice, of which readers take now the first, now the last.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
            raise TokenRefused(TokenReason.INVALID)
        found = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefused(TokenReason.INVALID) from None
    if not isinstance(found, dict):
        raise TokenRefused(TokenReason.INVALID)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("no number")
