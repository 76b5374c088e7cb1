"""Backups of the key store as the settings have it: its databases, its KEK files, its provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.kms import KekName, Kms
from vault.kms.keyfiles import kek_file, parse_kek
from vault.kms.local import KeksInMemory
from vault.kms.private_files import (
    create_private,
    key_folder,
    make_key_folder,
    read_private,
)
from vault.kms.several import SeveralKms
from vault.kms.split import FILE as SEALED
from vault.server.kms import open_kms
from vault.server.kms_settings import KmsTable
from vault.server.parts import databases
from vault.server.settings import Settings
from vault.services.key_backup import KekFile
from vault.store import Database


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Database, Database]]:
    """The data database and the key store's. Raises SettingsInvalid, StoreError."""
    data, keys = databases(settings)
    try:
        yield data, keys
    finally:
        data.dispose()
        keys.dispose()


def kek_files(settings: Settings) -> list[KekFile]:
    """The files of key-encryption keys of all providers that have some; split ones stay sealed.

    Raises KeyFileRefused, KmsUnavailable.
    """
    found: list[KekFile] = []
    for provider, table in _tables(settings).items():
        folder = settings.path(table.directory)
        if table.provider == "local-file":
            for kek in KekName:
                content = kek_file(folder, kek)
                if content is not None:
                    found.append(KekFile(provider, f"{kek.value}.kek", content.decode()))
        elif table.provider == "split":
            with key_folder(folder) as opened_folder:
                content = read_private(opened_folder, folder / SEALED)
            if content is not None:
                found.append(KekFile(provider, SEALED, content.decode()))
    return found


def kms_of_backup(settings: Settings, files: tuple[KekFile, ...]) -> Kms | None:
    """What opens a backup's keys: of files those in the backup, of others the providers that are
    configured. None where split keys would have to be opened first.

    Raises KmsError, SettingsInvalid.
    """
    made: dict[str, Kms] = {}
    for provider, table in _tables(settings).items():
        if table.provider == "split":
            return None
        made[provider] = (
            _of_files(files, provider)
            if table.provider == "local-file"
            else open_kms(settings, table)
        )
    first = made.pop("")
    return SeveralKms(first, made)


def _of_files(files: tuple[KekFile, ...], provider: str) -> Kms:
    by_name = {one.name: one for one in files if one.provider == provider}
    versions = {}
    for kek in KekName:
        one = by_name.get(f"{kek.value}.kek")
        if one is not None:
            versions[kek] = parse_kek(one.content.encode(), kek, Path(one.name))
    return KeksInMemory(versions)


def _tables(settings: Settings) -> dict[str, KmsTable]:
    return {"": settings.table.kms, **settings.table.kms_others}


def put_kek_files(folder: Path, files: tuple[KekFile, ...]) -> list[str]:
    """Put the KEK files of a backup into a folder, those of another provider below it by its name;
    the names of those that were put. A key file that is there is never replaced, nor is it taken
    for restored. Raises KeyFileRefused, KmsUnavailable."""
    put: list[str] = []
    for one in files:
        target = folder / one.provider if one.provider else folder
        make_key_folder(target)
        with key_folder(target) as opened_folder:
            if read_private(opened_folder, target / one.name) is None:
                create_private(opened_folder, target / one.name, one.content.encode())
                put.append(str(target / one.name))
    return put
