"""Bearer tokens: which account of which issuer speaks, and that it speaks through this certificate.

In: the text of a token and the digest of the client certificate beside it. Out: a `Verified`
account with the time that it ends, or `TokenRefused` with the reason.

A token is a JWT (RFC 7519) that an issuer of the configuration has signed with a key that it
publishes as a JWKS (RFC 7517), for this vault (`aud`), for a short time, and bound to the
certificate (RFC 8705, section 3.1). The keys are read by a thread of their own, from a file or over
https; no call waits for them but one whose token names a key that is not there yet.

It never shows a token, a claim or a subject, and of a token it keeps the digest alone.
"""

from vault.access.tokens.claims import Expected
from vault.access.tokens.held import HeldKeys
from vault.access.tokens.keys import ALGORITHMS, JwksInvalid, PublicKeys, parse_jwks
from vault.access.tokens.refused import TokenReason, TokenRefused
from vault.access.tokens.source import JwksAway, JwksFile, JwksUrl, Source
from vault.access.tokens.verifying import Issuer, Tokens, Verified

__all__ = [
    "ALGORITHMS",
    "Expected",
    "HeldKeys",
    "Issuer",
    "JwksAway",
    "JwksFile",
    "JwksInvalid",
    "JwksUrl",
    "PublicKeys",
    "Source",
    "TokenReason",
    "TokenRefused",
    "Tokens",
    "Verified",
    "parse_jwks",
]
