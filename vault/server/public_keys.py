"""Public keys from a file, for a node that has no key of that kind: one a line, as `vaultd keys
show` writes them. Keys of other names, such as those of receipts, are passed over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vault.audit.note import NoteInvalid, VerifierKey
from vault.audit.signers import access_name
from vault.server.settings import Settings, SettingsInvalid

_MAX_BYTES: Final = 1024 * 1024


class PublicKeys:
    """The keys as the file has them now: a rotation needs no restart. Where it cannot be read any
    more, those that it had.

    Raises SettingsInvalid at the beginning.
    """

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._read = b""
        self._keys: tuple[VerifierKey, ...] = ()
        self._look()

    @classmethod
    def of(cls, settings: Settings) -> PublicKeys:
        """Those that `log.public_keys` names. Raises SettingsInvalid."""
        if not settings.log.public_keys:
            raise SettingsInvalid(
                "a masked node with a log.second_place needs log.public_keys, a file of what "
                "`vaultd keys show` writes on the full tier's machine"
            )
        return cls(settings.path(settings.log.public_keys), settings.log.origin)

    @classmethod
    def of_access(cls, settings: Settings) -> PublicKeys:
        """Those that `access.public_keys` names: by them a masked node knows approved changes of
        access. Raises SettingsInvalid."""
        try:
            file = settings.path(settings.access.public_keys)
            return cls(file, access_name(settings.log.origin))
        except SettingsInvalid as error:
            raise SettingsInvalid(
                f"{error}; a masked node needs it (access.public_keys): put there what `vaultd "
                "keys show` writes on the full tier's machine"
            ) from None

    def verifiers(self) -> Sequence[VerifierKey]:
        """The keys."""
        try:
            self._look()
        except SettingsInvalid:
            return self._keys
        return self._keys

    def _look(self) -> None:
        try:
            with self._file.open("rb") as file:
                read = file.read(_MAX_BYTES)
        except OSError as error:
            raise SettingsInvalid(f"{self._file} cannot be read: {error.strerror}") from None
        if read == self._read and self._keys:
            return
        try:
            lines = read.decode("ascii").split("\n")
            keys = [VerifierKey.parse(line.strip()) for line in lines if line.strip()]
        except (UnicodeDecodeError, NoteInvalid):
            raise SettingsInvalid(f"{self._file} has a line that is no public key") from None
        mine = tuple(key for key in keys if key.name == self._name)
        if not mine:
            raise SettingsInvalid(f"{self._file} has no public key of {self._name}")
        self._read, self._keys = read, mine
