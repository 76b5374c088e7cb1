"""HKDF (RFC 5869) with a suite's hash: several keys out of one, none of which tells another."""

from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(
    key: bytes | bytearray,
    info: bytes,
    *,
    salt: bytes | None = None,
    length: int = 32,
    digest: type[HashAlgorithm] = SHA256,
) -> bytearray:
    """The key of `length` bytes for the use that `info` names; the caller wipes it.

    `salt` may stay away where `key` is uniformly random already (RFC 5869, 3.1).
    """
    derived = bytearray(length)
    HKDF(digest(), length, salt, info).derive_into(key, derived)
    return derived
