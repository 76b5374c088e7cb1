"""HKDF (RFC 5869) with a suite's hash: several keys out of one, none of which tells another."""

from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand


def derive(
    key: bytes | bytearray | memoryview,
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
    # The library frees its blocks without overwriting them. The same work, done once more on
    # nothing secret, is given the same memory.
    HKDF(digest(), length, salt, info).derive_into(bytes(len(key)), bytearray(length))
    return derived


def expand(
    key: bytes | bytearray | memoryview, info: bytes, length: int, digest: type[HashAlgorithm]
) -> bytearray:
    """As `derive`, by the second half of HKDF alone (RFC 5869, 2.3): `key` is uniformly random."""
    derived = bytearray(length)
    HKDFExpand(digest(), length, info).derive_into(key, derived)
    HKDFExpand(digest(), length, info).derive_into(bytes(len(key)), bytearray(length))
    return derived
