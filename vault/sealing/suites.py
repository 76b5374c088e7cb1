"""Cipher suites by id: authenticated encryption (AEAD) that chooses its own nonces.

The id stands in front of every key and in every sealed header, so that data sealed under one suite
stays readable when new data takes another.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.sealing.errors import SealBroken, UnknownSuite

KeyBytes = bytes | bytearray | memoryview


class Aead(Protocol):
    """A suite with a key in it. The key is gone from memory when the last reference is dropped."""

    def seal(self, plaintext: bytes | bytearray, aad: bytes) -> bytes:
        """Nonce, ciphertext and tag of `plaintext`, bound to `aad`."""
        ...

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises SealBroken."""
        ...

    def open_key(self, sealed: bytes, aad: bytes) -> bytearray:
        """As `open`, into memory that the caller can wipe."""
        ...


@dataclass(frozen=True, slots=True)
class Suite:
    """`overhead` is what sealing adds, in bytes. `keyed` copies the key that it is given."""

    suite_id: int
    name: str
    key_bytes: int
    overhead: int
    keyed: Callable[[KeyBytes], Aead]


_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_OVERHEAD: Final = _NONCE_BYTES + _TAG_BYTES


class _AesGcm:
    """AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces and 128-bit tags.

    Random nonces allow 2^32 messages a key (8.3 there). Keys here stay far below: a data key seals
    one message, a file key the views of one customer's scope, a branch key the scopes' file keys.
    The key lives in OpenSSL's context only, which clears its memory when it is freed.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: KeyBytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"AES-256 takes a key of {_KEY_BYTES} bytes")
        self._cipher = AESGCM(key)

    def seal(self, plaintext: bytes | bytearray, aad: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        if len(sealed) < _OVERHEAD:
            raise SealBroken
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)
        except InvalidTag:
            raise SealBroken from None

    def open_key(self, sealed: bytes, aad: bytes) -> bytearray:
        if len(sealed) < _OVERHEAD:
            raise SealBroken
        key = bytearray(len(sealed) - _OVERHEAD)
        try:
            self._cipher.decrypt_into(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad, key)
        except InvalidTag:
            raise SealBroken from None
        return key


AES_256_GCM: Final = Suite(1, "AES-256-GCM", _KEY_BYTES, _OVERHEAD, _AesGcm)

_SUITES: Final = {suite.suite_id: suite for suite in (AES_256_GCM,)}


def suite_by_id(suite_id: int) -> Suite:
    """The suite with that id (0 to 255). Raises UnknownSuite."""
    suite = _SUITES.get(suite_id)
    if suite is None:
        raise UnknownSuite
    return suite
