"""The witness's own key: one line, as Go's sumdb/note writes private keys.

PRIVATE+KEY+<name>+<key id in hex>+<base64 of type byte 0x04 and Ed25519 seed>
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.audit.canonical import decode_base64, encode_base64
from vault.audit.note import NoteInvalid, SignatureType, VerifierKey
from vault.kms.private_files import create_private, key_folder, read_private

_PREFIX: Final = "PRIVATE+KEY+"
_KIND: Final = SignatureType.COSIGNATURE_ED25519
_SEED_BYTES: Final = 32


class WitnessKeyRefused(Exception):
    """The key file cannot be used. Says how to mend it."""


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A key that makes cosignatures. `verifier` is its public half."""

    verifier: VerifierKey
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def create(cls, path: Path, name: str) -> Self:
        """Make a key file of mode 0600. Raises KeyFileRefused if there is one, KmsUnavailable,
        NoteInvalid for a name that no key may have."""
        seed = secrets.token_bytes(_SEED_BYTES)
        key = cls._of(name, seed)
        encoded = encode_base64(bytes([_KIND]) + seed)
        line = f"{_PREFIX}{name}+{key.verifier.key_id.hex()}+{encoded}\n"
        with key_folder(path.parent) as folder:
            create_private(folder, path, line.encode())
        return key

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a key file. Raises WitnessKeyRefused, and KeyFileRefused if it is open to others."""
        with key_folder(path.parent) as folder:
            content = read_private(folder, path)
        if content is None:
            raise WitnessKeyRefused(
                f"{path} is missing: restore it, or make it with `vaultd witness keygen`"
            )
        try:
            line = content.decode().removesuffix("\n")
            name, key_id, encoded = line.removeprefix(_PREFIX).split("+", 2)
            data = decode_base64(encoded)
            if not line.startswith(_PREFIX) or data[0] != _KIND or len(data) != 1 + _SEED_BYTES:
                raise ValueError
            key = cls._of(name, data[1:])
            if key.verifier.key_id.hex() != key_id:
                raise ValueError
        # `from None`: the errors of the parsers quote what they read, which here is a key.
        except (ValueError, IndexError, NoteInvalid):
            raise WitnessKeyRefused(f"{path} is no witness's key: restore it") from None
        return key

    @classmethod
    def _of(cls, name: str, seed: bytes) -> Self:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(VerifierKey(name, _KIND, private.public_key().public_bytes_raw()), private)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        return self._private.sign(message)
