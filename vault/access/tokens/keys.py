"""An issuer's public keys: the ones of its JWKS (RFC 7517) that a token may be signed with.

Keys of other kinds and uses, which an issuer may publish beside them, are passed over. Symmetric
ones are too: with a public key for a secret, HMAC would prove nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import base64_to_int

ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256")
"""All that a token may be signed with (RFC 7518, section 3.1; RFC 8037; RFC 9864)."""

_EC: Final = {"P-256": "ES256", "P-384": "ES384"}
_RSA_BITS: Final = (2048, 8192)
_MAX_KEYS: Final = 100
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


class JwksInvalid(Exception):
    """An issuer's keys cannot be used; the message says why and shows none of them."""


@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """A key, what its issuer calls it ("" if nothing), and the algorithms that it may verify."""

    kid: str
    algorithms: frozenset[str]
    key: ECKey | OKPKey | RSAKey


@dataclass(frozen=True, slots=True, repr=False)
class PublicKeys:
    """The keys of an issuer."""

    keys: tuple[PublicKey, ...]

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        """The key of a token's header. Without a name it must be the only one that could be meant;
        which of several, would be a guess."""
        fitting = [key for key in self.keys if algorithm in key.algorithms]
        if kid:
            fitting = [key for key in fitting if key.kid == kid]
        return fitting[0] if len(fitting) == 1 else None

    def names(self, kid: str) -> bool:
        """Whether there is a key of this name, whatever it is for."""
        return any(key.kid == kid for key in self.keys)


def parse_jwks(data: bytes) -> PublicKeys:
    """The usable keys of a JWK Set.

    Raises:
        JwksInvalid: it is none, has no usable key, has two of one name, or has a private one, which
            whoever can read it could sign with.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise JwksInvalid("it is not JSON; it must be a JWK Set (RFC 7517)") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise JwksInvalid('it is not a JWK Set (RFC 7517): it has no list of "keys"')
    if len(listed) > _MAX_KEYS:
        raise JwksInvalid(f"it has more than {_MAX_KEYS} keys")
    found = []
    for jwk in listed:
        if jwk.get("kty") != "oct" and not _PRIVATE.isdisjoint(jwk):
            raise JwksInvalid("it holds a private key; publish the public halves only")
        key = _usable(jwk)
        if key is not None:
            found.append(key)
    if not found:
        raise JwksInvalid(f"it has no public key that signs with one of {', '.join(ALGORITHMS)}")
    named = [(key.kid, algorithm) for key in found for algorithm in key.algorithms if key.kid]
    if len(set(named)) != len(named):
        raise JwksInvalid("it has two keys of the same name (kid)")
    return PublicKeys(tuple(found))


def _usable(jwk: Mapping[str, Any]) -> PublicKey | None:
    kid, use, operations = jwk.get("kid", ""), jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    if not isinstance(kid, str) or use != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key, algorithms = _imported(jwk)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    if "alg" in jwk:
        algorithms = {name for name in algorithms if name == jwk["alg"]}
    if key is None or not algorithms:
        return None
    return PublicKey(kid, frozenset(algorithms), key)


def _imported(jwk: Mapping[str, Any]) -> tuple[ECKey | OKPKey | RSAKey | None, set[str]]:
    """The key and what it could verify, from its mathematical members alone."""

    def members(*names: str) -> dict[str, str | list[str]]:
        return {name: jwk[name] for name in ("kty", *names)}

    match jwk.get("kty"):
        case "EC" if jwk.get("crv") in _EC:
            return ECKey.import_key(members("crv", "x", "y")), {_EC[jwk["crv"]]}
        case "OKP" if jwk.get("crv") == "Ed25519":
            return OKPKey.import_key(members("crv", "x")), {"EdDSA", "Ed25519"}
        case "RSA":
            short, long = _RSA_BITS
            if not short <= base64_to_int(jwk["n"]).bit_length() <= long:
                return None, set()
            return RSAKey.import_key(members("n", "e")), {"RS256", "PS256"}
        case _:
            return None, set()
