"""The kinds of signature that a note may carry, and the bytes that each of them signs.

    0x01  Ed25519 over the note text                       C2SP signed-note
    0x04  Ed25519 cosignature/v1: a time and a checkpoint  C2SP tlog-cosignature
    0x06  ML-DSA-44 subtree/v1: name, time, tree head      C2SP tlog-cosignature

The latter two carry the time (POSIX seconds, 8 bytes, big-endian) in front of the signature. 0x06
signs origin, size and root only: it can sign nothing but a checkpoint, and no extension lines.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vault.audit.canonical import MAX_NUMBER
from vault.audit.checkpoint_body import CheckpointBody

TIMESTAMP_BYTES: Final = 8


class SignatureType(IntEnum):
    """The identifier byte of C2SP signed-note."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06

    @property
    def timestamped(self) -> bool:
        """Whether a time stands in front of the signature."""
        return self is not SignatureType.ED25519

    @property
    def public_key_bytes(self) -> int:
        """Length of the raw public key."""
        return 1312 if self is SignatureType.COSIGNATURE_ML_DSA_44 else 32

    @property
    def signature_bytes(self) -> int:
        """Length of the raw signature, without the time."""
        return 2420 if self is SignatureType.COSIGNATURE_ML_DSA_44 else 64


class AlgorithmMissing(RuntimeError):
    """The installed cryptography library has no ML-DSA-44."""


def signed_bytes(kind: SignatureType, name: str, text: str, timestamp: int = 0) -> bytes:
    """What the key called `name` signs for the note `text`. `timestamp` in POSIX seconds.

    Raises ValueError where this kind cannot sign it: CheckpointInvalid for a text that is no
    checkpoint, others for a time or a name that does not fit.
    """
    if not 0 <= timestamp <= MAX_NUMBER:
        raise ValueError("a time is a number of 63 bits")
    if kind is SignatureType.ED25519:
        return text.encode()
    body = CheckpointBody.parse(text)
    if kind is SignatureType.COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    if body.extensions:
        # They would stand in the note as if signed, and anybody could change them.
        raise ValueError("ML-DSA-44 does not sign extension lines")
    return b"".join(
        (
            b"subtree/v1\n\0",
            _opaque(name),
            timestamp.to_bytes(8, "big"),
            _opaque(body.origin),
            (0).to_bytes(8, "big"),
            body.size.to_bytes(8, "big"),
            body.root,
        )
    )


def is_signature(kind: SignatureType, public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the raw `signature` is one of `public_key` over `message`.

    Raises AlgorithmMissing.
    """
    try:
        _verifier(kind, public_key)(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _verifier(kind: SignatureType, public_key: bytes) -> Callable[[bytes, bytes], None]:
    """A key made ready: to unpack one of ML-DSA costs as much as to verify with it."""
    if kind is not SignatureType.COSIGNATURE_ML_DSA_44:
        return Ed25519PublicKey.from_public_bytes(public_key).verify
    try:
        # Not in every version of the library that the rest of the vault is content with.
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

        return MLDSA44PublicKey.from_public_bytes(public_key).verify
    except (ImportError, UnsupportedAlgorithm) as error:
        raise AlgorithmMissing("this build of cryptography has no ML-DSA-44") from error


def _opaque(text: str) -> bytes:
    """opaque<1..2^8-1> of RFC 8446, section 3.4."""
    data = text.encode()
    if not 1 <= len(data) <= 0xFF:
        raise ValueError("a name that ML-DSA-44 signs has 1 to 255 bytes")
    return len(data).to_bytes(1, "big") + data
