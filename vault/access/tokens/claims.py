"""What the claims of a token must say (RFC 7519, section 4.1; RFC 8705, section 3.1). Pure."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vault.access.tokens.refused import TokenReason, TokenRefused

LEEWAY_SECONDS: Final = 60
"""By which the issuer's clock and ours may differ."""
LONGEST_SECONDS: Final = 3_600
_MAX_SUBJECT: Final = 255
_LATEST: Final = 253_402_300_800
"""The year 10000: what is later is no time."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose tokens are meant, for whom, and for how many seconds one may be made out."""

    issuer: str
    audience: str
    longest: int = LONGEST_SECONDS


def check(claims: Mapping[str, Any], expected: Expected, certificate: str, now: int) -> int:
    """When the token ends, our leeway included. Times are in microseconds since the epoch.

    `certificate` is the SHA-256 digest, in hexadecimal, of the one that the token came beside.

    Raises:
        TokenRefused: it does not hold, in the order of the checks below.
    """
    leeway = LEEWAY_SECONDS * 1_000_000
    if claims.get("iss") != expected.issuer:
        raise TokenRefused(TokenReason.ISSUER)
    if not _is_for(claims.get("aud"), expected.audience):
        raise TokenRefused(TokenReason.AUDIENCE)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise TokenRefused(TokenReason.INVALID)
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + leeway:
        raise TokenRefused(TokenReason.EXPIRED)
    if max(begins, issued) > now + leeway:
        raise TokenRefused(TokenReason.NOT_YET_VALID)
    if expires - issued > expected.longest * 1_000_000:
        raise TokenRefused(TokenReason.LIFETIME)
    if not _is_bound(claims.get("cnf"), certificate):
        raise TokenRefused(TokenReason.UNBOUND)
    return expires + leeway


def _is_for(audience: object, expected: str) -> bool:
    if isinstance(audience, list):
        return all(isinstance(one, str) for one in audience) and expected in audience
    return audience == expected


def _time(claims: Mapping[str, Any], name: str) -> int:
    """A NumericDate (RFC 7519, section 2) in microseconds. Raises TokenRefused."""
    value = claims.get(name)
    # True is an int to Python and no time to anybody.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise TokenRefused(TokenReason.INVALID)
    return int(value * 1_000_000)


def _is_bound(confirmation: object, certificate: str) -> bool:
    if not isinstance(confirmation, dict) or not certificate:
        return False
    thumbprint = confirmation.get("x5t#S256")
    expected = base64.urlsafe_b64encode(bytes.fromhex(certificate)).rstrip(b"=").decode()
    return isinstance(thumbprint, str) and hmac.compare_digest(
        thumbprint.encode("utf-8", "replace"), expected.encode()
    )
