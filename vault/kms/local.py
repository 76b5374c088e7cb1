"""KEKs from local files: for one machine, and for development.

A wrapped key is: format byte 1 | 96-bit nonce | AES-256-GCM ciphertext and 128-bit tag, with the
KEK's name and version and the caller's context as associated data. Nonces are random: one KEK may
wrap 2^32 keys (NIST SP 800-38D, 8.3), which is a branch key for each institution many times over.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.kms.errors import KekMissing, UnwrapRefused
from vault.kms.keybytes import framed, wipe
from vault.kms.keyfiles import KekVersion, read_kek
from vault.kms.port import KekName, WrappedKey

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_OVERHEAD_BYTES = len(_FORMAT) + _NONCE_BYTES + _TAG_BYTES
_CHECK_CONTEXT = b"recordsvault/kms-check/v1"


class KeksInMemory:
    """KEKs by version, newest last, held until this is dropped; what comes in is wiped."""

    def __init__(self, versions: Mapping[KekName, Sequence[KekVersion]]) -> None:
        self._newest: dict[KekName, str] = {}
        self._keks: dict[tuple[KekName, str], AESGCM] = {}
        for kek, entries in versions.items():
            for entry in entries:
                self._keks[kek, entry.version] = AESGCM(entry.key)
                self._newest[kek] = entry.version
                wipe(entry.key)

    @property
    def names(self) -> tuple[KekName, ...]:
        """Those that are here."""
        return tuple(self._newest)

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        version = self._newest.get(kek)
        if version is None:
            raise KekMissing(f"this node has no KEK {kek.value!r}")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keks[kek, version].encrypt(nonce, key, _aad(kek, version, context))
        return WrappedKey(kek, version, _FORMAT + nonce + sealed)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        cipher = self._keks.get((wrapped.kek, wrapped.kek_version))
        if cipher is None:
            raise KekMissing(f"this node has no KEK {wrapped.kek.value!r} of that version")
        blob = wrapped.blob
        if len(blob) < _OVERHEAD_BYTES or not blob.startswith(_FORMAT):
            raise UnwrapRefused("not a key that this provider wrapped")
        nonce, sealed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        key = bytearray(len(sealed) - _TAG_BYTES)
        try:
            cipher.decrypt_into(nonce, sealed, _aad(wrapped.kek, wrapped.kek_version, context), key)
        except InvalidTag:
            raise UnwrapRefused("the wrapped key was changed or belongs elsewhere") from None
        return key

    def check_with(self, other: "KeksInMemory") -> None:
        """That `other` opens what each of these wraps. Raises KekMissing, UnwrapRefused."""
        for kek in self._newest:
            key = self.wrap(kek, secrets.token_bytes(32), _CHECK_CONTEXT)
            wipe(other.unwrap(key, _CHECK_CONTEXT))


class LocalFileKms:
    """The KEKs whose files are in `directory` when it is made, held until it is dropped.

    Raises KeyFileRefused or KmsUnavailable as vault.kms.keyfiles.read_kek does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keks = KeksInMemory({kek: read_kek(directory, kek) for kek in KekName})

    def __repr__(self) -> str:
        names = ", ".join(kek.value for kek in self._keks.names)
        return f"<LocalFileKms with {names or 'no KEK'}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        return self._keks.wrap(kek, key, context)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        return self._keks.unwrap(wrapped, context)

    def check(self) -> None:
        """As Kms.check: the files as they are now still open what the held KEKs wrap."""
        self._keks.check_with(
            KeksInMemory({kek: read_kek(self._directory, kek) for kek in KekName})
        )


def _aad(kek: KekName, version: str, context: bytes) -> bytes:
    return framed(b"recordsvault/kek-wrap/v1", kek.value.encode(), version.encode(), context)
