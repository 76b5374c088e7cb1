"""Sealed to one recipient: a fresh key by HPKE (RFC 9180), the content as a stream under that key.

    recordsvault-sealed@v1
    to <kem> <base64 of the SHA-256 of the recipient's public key>
    key <base64 of enc || ciphertext, HPKE base mode, of the stream's 32-byte key>
    <empty line>
    <C2SP chunked-encryption stream, AES-256-GCM, SHA-256>

HPKE's `info` are the first two lines, the stream's context all four: neither line can be
exchanged. The KEM is X25519 (DHKEM, RFC 9180 section 7.1), or ML-KEM-768 with X25519 (X-Wing,
draft-connolly-cfrg-xwing-kem, id 0x647a) for what must stay secret from who records it today and
has a quantum computer later. KDF HKDF-SHA256, AEAD AES-256-GCM.

Nothing authenticates the sender: that a bundle is of the vault, its manifest's signature says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from os import urandom
from typing import Final, Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from vault.audit.canonical import decode_base64, encode_base64
from vault.sealing import SealBroken
from vault.sealing.stream import StreamSealer, open_
from vault.sealing.suites import AES_256_GCM

FORMAT: Final = "recordsvault-sealed@v1"
# The longest first lines there are: ML-KEM's ciphertext has 1,088 bytes.
_MAX_HEADER: Final = 4096
_X25519_BYTES: Final = 32
_ML_KEM_BYTES: Final = 1184
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\s*")


class RecipientRefused(ValueError):
    """Not a public (or private) key that anything is sealed to."""


class EnvelopeBroken(Exception):
    """Not an envelope, or not as it was sealed."""


class NotForThisKey(EnvelopeBroken):
    """The envelope names another recipient."""


class Kem(StrEnum):
    """How the stream's key reaches the recipient."""

    X25519 = "x25519"
    HYBRID = "mlkem768x25519"


_SUITES: Final = {
    Kem.X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    Kem.HYBRID: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient's public key: X25519's 32 bytes, and where it is hybrid ML-KEM-768's 1,184.
    Raises RecipientRefused."""

    x25519: bytes
    ml_kem: bytes = b""

    def __post_init__(self) -> None:
        if len(self.x25519) != _X25519_BYTES or len(self.ml_kem) not in (0, _ML_KEM_BYTES):
            raise RecipientRefused(
                "a recipient has an X25519 key of 32 bytes, and with it perhaps an ML-KEM-768 key "
                "of 1184 bytes"
            )
        try:
            # A point of small order would be found out only when sealing.
            self.encrypt(b"", b"")
        except (ValueError, UnsupportedAlgorithm) as error:
            raise RecipientRefused("nothing can be sealed to this key") from error

    @classmethod
    def of_pem(cls, data: bytes) -> Self:
        """The key of a PEM file: a PUBLIC KEY of X25519 (RFC 8410), and where it is hybrid one of
        ML-KEM-768 (RFC 9935) beside it. Raises RecipientRefused."""
        found: dict[type, bytes] = {}
        for block in _blocks(data, b"PUBLIC KEY"):
            try:
                key = serialization.load_pem_public_key(block)
            except (ValueError, UnsupportedAlgorithm) as error:
                raise RecipientRefused("not a public key in PEM") from error
            kind = X25519PublicKey if isinstance(key, X25519PublicKey) else MLKEM768PublicKey
            if not isinstance(key, X25519PublicKey | MLKEM768PublicKey) or kind in found:
                raise RecipientRefused("a recipient's keys are X25519 and ML-KEM-768, each once")
            found[kind] = key.public_bytes_raw()
        return cls(found.get(X25519PublicKey, b""), found.get(MLKEM768PublicKey, b""))

    @property
    def kem(self) -> Kem:
        """How keys are sealed to it."""
        return Kem.HYBRID if self.ml_kem else Kem.X25519

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the public key, 32 bytes."""
        return sha256(self.ml_kem + self.x25519).digest()

    def encrypt(self, plaintext: bytes, info: bytes) -> bytes:
        """HPKE's enc || ciphertext."""
        return _SUITES[self.kem].encrypt(plaintext, self._key(), info)

    def _key(self) -> X25519PublicKey | hpke.MLKEM768X25519PublicKey:
        x25519 = X25519PublicKey.from_public_bytes(self.x25519)
        if not self.ml_kem:
            return x25519
        return hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.ml_kem), x25519
        )


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """A recipient's private key; hybrid where `ml_kem` is set."""

    x25519: X25519PrivateKey = field(repr=False)
    ml_kem: MLKEM768PrivateKey | None = field(repr=False, default=None)

    @classmethod
    def generate(cls, *, hybrid: bool) -> Self:
        """A new key. Raises RecipientRefused where this machine's OpenSSL has no ML-KEM."""
        try:
            return cls(
                X25519PrivateKey.generate(), MLKEM768PrivateKey.generate() if hybrid else None
            )
        except UnsupportedAlgorithm:
            raise RecipientRefused("this machine's OpenSSL has no ML-KEM-768") from None

    @classmethod
    def of_pem(cls, data: bytes) -> Self:
        """The key of a PEM file that `pem` or `openssl genpkey` wrote. Raises RecipientRefused."""
        x25519: X25519PrivateKey | None = None
        ml_kem: MLKEM768PrivateKey | None = None
        for block in _blocks(data, b"PRIVATE KEY"):
            try:
                key = serialization.load_pem_private_key(block, None)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                # `from None`: what the parser quotes is a key.
                raise RecipientRefused("not a private key in PEM without a password") from None
            if isinstance(key, X25519PrivateKey) and x25519 is None:
                x25519 = key
            elif isinstance(key, MLKEM768PrivateKey) and ml_kem is None:
                ml_kem = key
            else:
                raise RecipientRefused("a recipient's keys are X25519 and ML-KEM-768, each once")
        if x25519 is None:
            raise RecipientRefused("a recipient has a private key of X25519")
        return cls(x25519, ml_kem)

    @property
    def recipient(self) -> Recipient:
        """The public half."""
        ml_kem = self.ml_kem.public_key().public_bytes_raw() if self.ml_kem is not None else b""
        return Recipient(self.x25519.public_key().public_bytes_raw(), ml_kem)

    def pem(self) -> bytes:
        """The private key in PEM (PKCS #8, not encrypted)."""
        form = serialization.PrivateFormat.PKCS8
        none = serialization.NoEncryption()
        return b"".join(
            key.private_bytes(serialization.Encoding.PEM, form, none) for key in self._keys()
        )

    def public_pem(self) -> bytes:
        """The public key in PEM, as `Recipient.of_pem` reads it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return b"".join(
            key.public_key().public_bytes(serialization.Encoding.PEM, form) for key in self._keys()
        )

    def decrypt(self, sealed: bytes, info: bytes) -> bytes:
        """What was encrypted to it. Raises EnvelopeBroken."""
        key: X25519PrivateKey | hpke.MLKEM768X25519PrivateKey = self.x25519
        if self.ml_kem is not None:
            key = hpke.MLKEM768X25519PrivateKey(self.ml_kem, self.x25519)
        try:
            return _SUITES[self.recipient.kem].decrypt(sealed, key, info)
        except (InvalidTag, ValueError):
            raise EnvelopeBroken("the envelope's key does not open") from None

    def _keys(self) -> tuple[X25519PrivateKey | MLKEM768PrivateKey, ...]:
        return (self.x25519,) if self.ml_kem is None else (self.x25519, self.ml_kem)


class Sealing:
    """An envelope in the making. What its methods return is to be written in that order."""

    def __init__(self, recipient: Recipient) -> None:
        key = urandom(AES_256_GCM.key_bytes)
        info = _info(recipient)
        self._header = info + f"key {encode_base64(recipient.encrypt(key, info))}\n\n".encode()
        self._stream = StreamSealer(AES_256_GCM, key, self._header)

    def begin(self) -> bytes:
        """What stands in front."""
        return self._header + self._stream.header

    def update(self, data: bytes) -> bytes:
        """What `data` makes whole by now; may be empty."""
        return self._stream.update(data)

    def finish(self) -> bytes:
        """The rest. Without it the envelope does not open to its end."""
        return self._stream.finish()


def open_envelope(key: RecipientKey, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """What was sealed to `key`, piece by piece; whoever needs the whole reads to the end.

    `sealed` comes in pieces of any size. Raises NotForThisKey, and EnvelopeBroken, also in the
    midst: at the first chunk that is not what was sealed there.
    """
    pieces = iter(sealed)
    head, rest = _header(pieces)
    info = _info(key.recipient)
    lines = head.split(b"\n")
    if lines[0] != FORMAT.encode() or len(lines) != 5 or not lines[2].startswith(b"key "):
        raise EnvelopeBroken("not an envelope of a known version")
    if not head.startswith(info):
        raise NotForThisKey("the envelope is sealed to another key")
    try:
        wrapped = decode_base64(lines[2].removeprefix(b"key ").decode("ascii"))
    except ValueError:
        raise EnvelopeBroken("the envelope's key is malformed") from None
    stream_key = key.decrypt(wrapped, info)
    if len(stream_key) != AES_256_GCM.key_bytes:
        raise EnvelopeBroken("the envelope's key has another length")
    try:
        yield from open_(AES_256_GCM, stream_key, head, _chain(rest, pieces))
    except SealBroken:
        raise EnvelopeBroken("the envelope was altered, or is not whole") from None


def _info(recipient: Recipient) -> bytes:
    return f"{FORMAT}\nto {recipient.kem} {encode_base64(recipient.fingerprint)}\n".encode()


def _header(pieces: Iterator[bytes]) -> tuple[bytes, bytes]:
    held = b""
    for piece in pieces:
        held += piece
        head, parted, rest = held.partition(b"\n\n")
        if parted:
            return head + parted, rest
        if len(held) > _MAX_HEADER:
            break
    raise EnvelopeBroken("not an envelope")


def _chain(first: bytes, then: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from then


def _blocks(data: bytes, kind: bytes) -> list[bytes]:
    """The PEM blocks of that kind; other text between them is passed over (RFC 7468)."""
    found = [one.group(0) for one in _PEM.finditer(data) if one.group(1) == kind]
    if not found:
        raise RecipientRefused(f"no {kind.decode()} in PEM is there")
    return found


__all__ = [
    "EnvelopeBroken",
    "Kem",
    "NotForThisKey",
    "Recipient",
    "RecipientKey",
    "RecipientRefused",
    "Sealing",
    "open_envelope",
]
