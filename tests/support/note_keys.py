"""Keys that sign notes in tests."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from vault.audit.note import KeySigner, SignatureType, VerifierKey

NOW = 1_764_000_000


def new_signer(name: str, kind: SignatureType, clock: Callable[[], int] = lambda: NOW) -> KeySigner:
    """A new key of the kind, under the name."""
    private: Ed25519PrivateKey | MLDSA44PrivateKey
    if kind is SignatureType.COSIGNATURE_ML_DSA_44:
        private = MLDSA44PrivateKey.generate()
    else:
        private = Ed25519PrivateKey.generate()
    key = VerifierKey(name, kind, private.public_key().public_bytes_raw())
    return KeySigner(key, lambda message: private.sign(message), clock)
