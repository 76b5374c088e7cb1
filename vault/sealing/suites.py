"""Cipher suites by id: authenticated encryption (AEAD) and the hash that keys are derived with.

The id stands in front of every key and in every sealed header, so that data sealed under one suite
stays readable when new data takes another, and data of both lies in one database.

    1  AES-256-GCM   HKDF and HMAC with SHA-256
    2  SM4-GCM       HKDF and HMAC with SM3 (China's commercial cryptography, GB/T 39786-2021)
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SM3, HashAlgorithm

from vault.sealing import sm4
from vault.sealing.errors import SealBroken, UnknownSuite

KeyBytes = bytes | bytearray | memoryview
Buffer = bytes | bytearray | memoryview

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_OVERHEAD: Final = NONCE_BYTES + TAG_BYTES


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


class Cipher(Protocol):
    """A suite's cipher with a key in it, for those who see to it that no nonce comes twice."""

    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """Ciphertext and tag. `nonce` is 12 bytes."""
        ...

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None) -> bytes:
        """The plaintext. Raises InvalidTag."""
        ...

    def decrypt_into(
        self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, buf: bytearray
    ) -> int:
        """As `decrypt`, into `buf`, which is exactly as long as the plaintext."""
        ...


@dataclass(frozen=True, slots=True)
class Suite:
    """`overhead` is what sealing adds, in bytes. `keyed` and `cipher` copy the key that they are
    given. `aead` is the cipher's name in IANA's registry of AEAD algorithms, `hash` what keys are
    derived and tokens are made with.
    """

    suite_id: int
    name: str
    key_bytes: int
    overhead: int
    keyed: Callable[[KeyBytes], Aead]
    cipher: Callable[[KeyBytes], Cipher]
    aead: str
    hash: type[HashAlgorithm]


class _Gcm:
    """GCM (NIST SP 800-38D) with 96-bit random nonces and 128-bit tags.

    Random nonces allow 2^32 messages a key (8.3 there). Keys here stay far below: a data key seals
    one message, a file key the views of one customer's scope, a branch key the scopes' file keys.
    """

    __slots__ = ("_cipher",)

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def seal(self, plaintext: bytes | bytearray, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        if len(sealed) < _OVERHEAD:
            raise SealBroken
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
        except InvalidTag:
            raise SealBroken from None

    def open_key(self, sealed: bytes, aad: bytes) -> bytearray:
        if len(sealed) < _OVERHEAD:
            raise SealBroken
        key = bytearray(len(sealed) - _OVERHEAD)
        try:
            self._cipher.decrypt_into(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad, key)
        except InvalidTag:
            raise SealBroken from None
        return key


_AES_KEY_BYTES: Final = 32


def _aes(key: KeyBytes) -> Cipher:
    # The key lives in OpenSSL's context only, which clears its memory when it is freed.
    if len(key) != _AES_KEY_BYTES:
        raise ValueError(f"AES-256 takes a key of {_AES_KEY_BYTES} bytes")
    return AESGCM(key)


def _sm4(key: KeyBytes) -> Cipher:
    if len(key) != sm4.KEY_BYTES:
        raise ValueError(f"SM4 takes a key of {sm4.KEY_BYTES} bytes")
    return sm4.Sm4Gcm(key)


AES_256_GCM: Final = Suite(
    1,
    "AES-256-GCM",
    _AES_KEY_BYTES,
    _OVERHEAD,
    lambda key: _Gcm(_aes(key)),
    _aes,
    "AEAD_AES_256_GCM",
    SHA256,
)
SM4_GCM: Final = Suite(
    2,
    "SM4-GCM",
    sm4.KEY_BYTES,
    _OVERHEAD,
    lambda key: _Gcm(_sm4(key)),
    _sm4,
    "AEAD_SM4_GCM",
    SM3,
)
SUITES: Final = (AES_256_GCM, SM4_GCM)

_BY_ID: Final = {suite.suite_id: suite for suite in SUITES}


def suite_by_id(suite_id: int) -> Suite:
    """The suite with that id (0 to 255). Raises UnknownSuite."""
    suite = _BY_ID.get(suite_id)
    if suite is None:
        raise UnknownSuite
    return suite
