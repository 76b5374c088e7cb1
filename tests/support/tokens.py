"""Tokens as an issuer makes them, without a library for tokens: the independent side of the tests.

Signed by hand with `cryptography` as RFC 7515 (section 5.1) and RFC 7518 (section 3) have it.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://login.demo.bank/realm"
AUDIENCE = "records-vault"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    """A number as in a JWK (RFC 7518, section 6)."""
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def digest_of(pem: bytes) -> str:
    """The SHA-256 digest of a certificate's DER, in hexadecimal."""
    certificate = x509.load_pem_x509_certificate(pem)
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def bound_to(digest: str) -> dict[str, str]:
    """The claim `cnf` (RFC 8705, section 3.1)."""
    return {"x5t#S256": b64(bytes.fromhex(digest))}


@dataclass
class Key:
    """A signing key and what its issuer calls it."""

    private: PrivateKey
    alg: str
    kid: str = "k1"
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, alg: str = "ES256", kid: str = "k1", *, bits: int = 2048) -> "Key":
        """A new key for an algorithm."""
        match alg:
            case "ES256":
                return cls(ec.generate_private_key(ec.SECP256R1()), alg, kid)
            case "ES384":
                return cls(ec.generate_private_key(ec.SECP384R1()), alg, kid)
            case "EdDSA" | "Ed25519":
                return cls(ed25519.Ed25519PrivateKey.generate(), alg, kid)
            case _:
                return cls(rsa.generate_private_key(65537, bits), alg, kid)

    def jwk(self) -> dict[str, Any]:
        """The public half (RFC 7517; RFC 8037)."""
        public = self.private.public_key()
        named = {"kid": self.kid} if self.kid else {}
        if isinstance(public, ec.EllipticCurvePublicKey):
            size, point = (public.key_size + 7) // 8, public.public_numbers()
            crv = f"P-{public.key_size}"
            body = {
                "kty": "EC",
                "crv": crv,
                "x": number(point.x, size),
                "y": number(point.y, size),
            }
        elif isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            body = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        else:
            raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
            body = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        return {**body, **named, **self.more}

    def sign(self, data: bytes) -> bytes:
        """The signature of a token's first two parts."""
        private = self.private
        if isinstance(private, ec.EllipticCurvePrivateKey):
            small = private.key_size == 256
            der = private.sign(data, ec.ECDSA(hashes.SHA256() if small else hashes.SHA384()))
            size = (private.key_size + 7) // 8
            return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(der))
        if isinstance(private, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
            scheme = pss if self.alg == "PS256" else padding.PKCS1v15()
            return private.sign(data, scheme, hashes.SHA256())
        return private.sign(data)


def jwks(*keys: Key) -> bytes:
    """The keys that an issuer publishes."""
    return json.dumps({"keys": [key.jwk() for key in keys]}).encode()


def claims(subject: str, digest: str, **changes: Any) -> dict[str, Any]:
    """Claims that hold for five minutes from now; None leaves one out."""
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "cnf": bound_to(digest),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def unsigned(header: Mapping[str, Any] | bytes, body: Mapping[str, Any] | bytes) -> str:
    """The first two parts of a token."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, body)
    )
    return ".".join(b64(part) for part in parts)


def token(key: Key, body: Mapping[str, Any] | bytes, **header: Any) -> str:
    """A token; None leaves a parameter of the header out."""
    head = {"alg": key.alg, "kid": key.kid or None, "typ": "at+jwt", **header}
    start = unsigned({name: value for name, value in head.items() if value is not None}, body)
    return f"{start}.{b64(key.sign(start.encode()))}"


def hmac_token(secret: bytes, body: Mapping[str, Any], **header: Any) -> str:
    """A token with an HMAC under a secret, such as somebody's public key."""
    start = unsigned({"alg": "HS256", "typ": "JWT", **header}, body)
    return f"{start}.{b64(hmac.digest(secret, start.encode(), 'sha256'))}"
