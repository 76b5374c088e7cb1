"""KEKs from local files: for one machine, and for development.

A wrapped key is: format byte 1 | 96-bit nonce | AES-256-GCM ciphertext and 128-bit tag, with the
KEK's name and version and the caller's context as associated data. Nonces are random: one KEK may
wrap 2^32 keys (NIST SP 800-38D, 8.3), which is a branch key for each institution many times over.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.kms.checking import CHECK_CONTEXT
from vault.kms.errors import KekMissing, KmsError, UnwrapRefused
from vault.kms.keybytes import framed, wipe
from vault.kms.keyfiles import (
    KekVersion,
    add_kek_version,
    read_kek,
    remove_kek_version,
    retired_versions,
)
from vault.kms.port import KekName, WrappedKey

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_OVERHEAD_BYTES = len(_FORMAT) + _NONCE_BYTES + _TAG_BYTES


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

    def versions_of(self, kek: KekName) -> list[str]:
        """Those of one KEK, the newest last."""
        return [version for name, version in self._keks if name is kek]

    def continued_by(self, other: "KeksInMemory", retired: Mapping[KekName, Set[str]]) -> bool:
        """Whether `other` is what these have become: the same keys under the same names, but for
        those that were retired, and whatever is new."""
        return all(
            self._same(other, kek, version)
            if (kek, version) in other._keks
            else kek in other._newest and version in retired[kek]
            for kek, version in self._keks
        )

    def _same(self, other: "KeksInMemory", kek: KekName, version: str) -> bool:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keks[kek, version].encrypt(nonce, b"", CHECK_CONTEXT)
        try:
            other._keks[kek, version].decrypt(nonce, sealed, CHECK_CONTEXT)
        except InvalidTag:
            return False
        return True

    def check(self) -> None:
        """As Kms.check."""
        self.check_with(self)

    def check_with(self, other: "KeksInMemory") -> None:
        """That `other` opens what each of these wraps. Raises KekMissing, UnwrapRefused."""
        for kek in self._newest:
            key = self.wrap(kek, secrets.token_bytes(32), CHECK_CONTEXT)
            wipe(other.unwrap(key, CHECK_CONTEXT))


class LocalFileKms:
    """The KEKs whose files are in `directory`, held until it is dropped. Thread-safe.

    Files that have changed are read again before a key is wrapped, and where a key names a version
    that is not held: a new version serves every process that reads these files, without a restart.

    Raises KeyFileRefused or KmsUnavailable as vault.kms.keyfiles.read_kek does.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._turn = threading.Lock()
        self._seen = self._stamps()
        self._keks = self._read()

    def __repr__(self) -> str:
        names = ", ".join(kek.value for kek in self._keks.names)
        return f"<LocalFileKms with {names or 'no KEK'}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        self._level()
        return self._keks.wrap(kek, key, context)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        try:
            return self._keks.unwrap(wrapped, context)
        except KekMissing:
            if not self._level():
                raise
        return self._keks.unwrap(wrapped, context)

    def check(self) -> None:
        """As Kms.check: the files as they are now still open what the held KEKs wrap."""
        self._keks.check_with(self._read())

    def versions_of(self, kek: KekName) -> list[str]:
        """As OwnVersions.versions_of."""
        self._level()
        return self._keks.versions_of(kek)

    def new_version(self, kek: KekName) -> str:
        """As OwnVersions.new_version."""
        with self._turn:
            version = add_kek_version(self._directory, kek)
        self._level()
        return version

    def destroy_version(self, kek: KekName, version: str) -> bool:
        """As OwnVersions.destroy_version."""
        with self._turn:
            removed = remove_kek_version(self._directory, kek, version)
        self._level()
        return removed

    def _level(self) -> bool:
        """Read the files again if they are others than those that were read; whether they were.

        Files that cannot be used, or that hold other keys under the same names, change nothing:
        what is held goes on to serve, and `check` says what is wrong.
        """
        with self._turn:
            found = self._stamps()
            if found == self._seen:
                return False
            try:
                read = self._read()
                retired = {kek: retired_versions(self._directory, kek) for kek in KekName}
            except KmsError:
                return False
            if not self._keks.continued_by(read, retired):
                return False
            self._keks, self._seen = read, found
            return True

    def _read(self) -> KeksInMemory:
        return KeksInMemory({kek: read_kek(self._directory, kek) for kek in KekName})

    def _stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(self._directory / f"{kek.value}.kek") for kek in KekName)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells one state of a file from another: every change puts a new file in its place."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _aad(kek: KekName, version: str, context: bytes) -> bytes:
    return framed(b"recordsvault/kek-wrap/v1", kek.value.encode(), version.encode(), context)
