"""Makes a backup: one state of the key store, whole and synced under its name, or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from vault.kms.custodians import Custodians
from vault.records import new_ulid
from vault.services.key_backup import rows
from vault.services.key_backup.file import BackupInvalid, Header, write
from vault.store import Database


@dataclass(frozen=True, slots=True)
class KekFile:
    """A file of key-encryption keys: `provider` is "" for the first one of the configuration."""

    provider: str
    name: str
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """What is in a backup: rows a table, and the names of KEK files."""

    header: Header
    rows: dict[str, int]
    keks: tuple[str, ...]


def back_up(
    keys: Database,
    custodians: Custodians,
    path: Path,
    *,
    vault: str,
    now_micros: int,
    keks: Sequence[KekFile] = (),
) -> Made:
    """Write a backup for the custodians to a new file, mode 0600.

    Raises BackupInvalid where there is such a file or it cannot be written, StoreError.
    """
    # Here, so that a command which does none of this starts without the migrations.
    from vault.store.migrate import current

    facts = {
        "backup": new_ulid(now_micros // 1000),
        "created": datetime.fromtimestamp(now_micros / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "vault": vault,
        "revision": current(keys, "keys") or "",
    }
    counted: dict[str, int] = {}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                header = keys.snapshot(
                    lambda conn: write(file, custodians, facts, _lines(conn, keks, counted))
                )
                file.flush()
                os.fsync(file.fileno())
            # The name is given to the synced whole alone, and never taken from another.
            os.link(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise BackupInvalid(f"{path} exists: a backup is never written over") from None
    except OSError as error:
        raise BackupInvalid(f"{path} cannot be written: {error.strerror}") from None
    names = tuple(f"{one.provider}/{one.name}".lstrip("/") for one in keks)
    return Made(header, counted, names)


def _lines(conn: Connection, keks: Sequence[KekFile], counted: dict[str, int]) -> Iterator[bytes]:
    for one in keks:
        entry = {"provider": one.provider, "file": one.name, "content": one.content}
        yield json.dumps(entry, ensure_ascii=True).encode() + b"\n"
    end: dict[str, dict[str, object]] = {}
    for name, table in rows.TABLES.items():
        digest = rows.Digest()
        for line in rows.lines(conn, table):
            digest.add(line)
            yield line
        counted[name] = digest.rows
        end[name] = {"rows": digest.rows, "sha256": digest.sha256}
    yield json.dumps({"end": end}, ensure_ascii=True).encode() + b"\n"


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
