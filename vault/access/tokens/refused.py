"""Why a token is not taken."""

from enum import StrEnum


class TokenReason(StrEnum):
    """The `reason` of the ErrorInfo that its caller gets."""

    INVALID = "TOKEN_INVALID"
    """Not one token, not a JWT, too long, or not signed as it must be."""
    KEY_UNKNOWN = "TOKEN_KEY_UNKNOWN"
    """Signed with a key that the issuer has not published, or not yet."""
    ISSUER = "TOKEN_ISSUER"
    AUDIENCE = "TOKEN_AUDIENCE"
    EXPIRED = "TOKEN_EXPIRED"
    NOT_YET_VALID = "TOKEN_NOT_YET_VALID"
    LIFETIME = "TOKEN_LIFETIME"
    """Made to last longer than tokens may."""
    UNBOUND = "TOKEN_UNBOUND"
    """Not bound to the certificate that it came beside."""
    ISSUER_AWAY = "TOKEN_ISSUER_AWAY"
    """The issuer's keys could not be read for so long that those held are too old."""


class TokenRefused(Exception):
    """A token is not taken; shows the reason and nothing of the token."""

    def __init__(self, reason: TokenReason, issuer: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.issuer = issuer
        """The configured issuer whose keys may help, where a newer one would; else empty."""
