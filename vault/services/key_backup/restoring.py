"""Brings a backup back: into a key store that is thrown away, or into the vault's own.

In this order, for the vault's own: everything is tried in a key store that is thrown away; the
event is written; then one transaction empties the tables, puts all rows there and replays the shred
list. A process that dies in between leaves the key store as it was. A key store that comes back by
other ways than this one is caught at the start: a full tier replays the list before it serves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection

from vault.kms import Kms
from vault.services.key_backup import rows
from vault.services.key_backup.file import BackupInvalid, OpenedBackup
from vault.services.key_backup.making import KekFile
from vault.services.key_backup.opening import Opened, try_keys
from vault.store import Database
from vault.store.shredding import replay, replay_into

_AT_ONCE = 500


class KeyStoreNotEmpty(Exception):
    """The key store has keys, and was not to be replaced."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """A table in the backup, and in the vault's key store now: -1 where that cannot be read."""

    name: str
    rows: int
    rows_now: int
    same: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup gave. `scopes` on the shred list were not yet buried in it, and `destroyed` of
    their keys were still there; `opened` is what the key-encryption keys opened of it."""

    tables: tuple[TableReport, ...]
    scopes: int
    destroyed: int
    opened: Opened
    keks: tuple[KekFile, ...] = field(repr=False)


KmsOf = Callable[[tuple[KekFile, ...]], Kms | None]
"""The provider to try the keys with, given the KEK files of the backup; None: not to be tried."""


def drill(backup: OpenedBackup, data: Database, live: Database | None, kms_of: KmsOf) -> Restored:
    """Bring it back into a key store that is thrown away, replay the shred list of `data`, open
    every key there, and compare with the key store that there is.

    Raises BackupInvalid, StoreError, KmsError, SealBroken where a key does not open.
    """
    with _thrown_away() as store:
        keks = store.write_sync(lambda conn: _load(conn, backup))
        told = store.snapshot(_digests)
        tables = tuple(_compared(name, digest, live) for name, digest in told.items())
        scopes, destroyed = replay(data, store)
        kms = kms_of(keks)
        opened = try_keys(store, kms) if kms is not None else Opened(0, 0, "")
    return Restored(tables, scopes, destroyed, opened, keks)


def restore(
    backup: OpenedBackup,
    data: Database,
    keys: Database,
    kms_of: KmsOf,
    tell: Callable[[Restored], None],
    *,
    replace: bool,
) -> Restored:
    """Bring it back into the vault's key store, once a drill has shown that it can be, and `tell`
    has written that it is.

    Raises KeyStoreNotEmpty unless it is empty or to be replaced, and what `drill` raises.
    """
    # Here, so that a command which does none of this starts without the migrations.
    from vault.store.migrate import current, head

    if current(keys, "keys") != head("keys"):
        raise BackupInvalid("the key store is not of this release's schema: run `vaultd migrate`")
    if not replace and keys.read_sync(_any):
        raise KeyStoreNotEmpty
    found = drill(backup, data, keys, kms_of)
    if found.opened.problem:
        raise BackupInvalid(f"its keys cannot be used: {found.opened.problem}")
    tell(found)

    def put(conn: Connection) -> None:
        rows.empty(conn)
        _load(conn, backup)
        replay_into(data, conn)

    keys.write_sync(put)
    return found


@contextmanager
def _thrown_away() -> Iterator[Database]:
    """A key store of its own in a private folder, in memory where there is such a place: what is
    in it is wrapped, and gone with it."""
    from vault.store.migrate import upgrade

    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it, mode 0700
    place = memory if memory.is_dir() else None
    with TemporaryDirectory(prefix="vault-drill-", dir=place) as folder:
        store = Database(f"sqlite:///{folder}/keys.db")
        try:
            upgrade(store, "keys")
            yield store
        finally:
            store.dispose()


def _any(conn: Connection) -> bool:
    return any(rows.count(conn, table) for table in rows.TABLES.values())


def _digests(conn: Connection) -> dict[str, rows.Digest]:
    return {name: rows.digest(conn, table) for name, table in rows.TABLES.items()}


def _compared(name: str, digest: rows.Digest, live: Database | None) -> TableReport:
    if live is None:
        return TableReport(name, digest.rows, -1, same=False)
    now = live.snapshot(lambda conn: rows.digest(conn, rows.TABLES[name]))
    return TableReport(name, digest.rows, now.rows, same=now.sha256 == digest.sha256)


def _load(conn: Connection, backup: OpenedBackup) -> tuple[KekFile, ...]:
    """Insert all rows; the KEK files. Raises BackupInvalid unless all is there to the end."""
    keks: list[KekFile] = []
    digests = {name: rows.Digest() for name in rows.TABLES}
    waiting: list[tuple[Any, ...]] = []
    at, end = "", None
    for line in backup.lines():
        if end is not None:
            raise BackupInvalid("the backup goes on behind its end")
        try:
            entry = json.loads(line)
            if "table" in entry:
                name = str(entry["table"])
                if name != at or len(waiting) >= _AT_ONCE:
                    _insert(conn, at, waiting)
                    at = name
                waiting.append(rows.decode(rows.TABLES[name], entry["row"]))
                digests[name].add(line)
            elif "file" in entry:
                keks.append(KekFile(entry["provider"], entry["file"], entry["content"]))
            else:
                end = entry["end"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise BackupInvalid(
                "the backup has a line that this release does not know: take the release that "
                "wrote it, or a later one"
            ) from None
    _insert(conn, at, waiting)
    if end != {name: {"rows": one.rows, "sha256": one.sha256} for name, one in digests.items()}:
        raise BackupInvalid("the backup does not hold what its end says")
    return tuple(keks)


def _insert(conn: Connection, name: str, waiting: list[tuple[Any, ...]]) -> None:
    if waiting:
        rows.insert_all(conn, rows.TABLES[name], waiting)
        waiting.clear()
