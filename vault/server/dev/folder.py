"""Lays a development vault out in a folder, and takes up one that is there.

Order: the configuration first, since it marks the folder as ours; the authority before what it
issues; keys before the database that they seal. What a crash leaves is completed by the next start.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vault.server.dev.files import (
    PRIVATE,
    DevFolderUnusable,
    create,
    make_folder,
    replace,
)
from vault.server.dev.issuer import ensure_issuer
from vault.server.dev.keks import ensure_keks
from vault.server.dev.layout import (
    BLOBS,
    CONFIG,
    DATABASE,
    DEFAULT_FULL_PORT,
    DEFAULT_MASKED_PORT,
    FULL_SERVER,
    MASKED_NODE,
    MASKED_SERVER,
    ORIGIN,
    PEOPLE,
    Age,
    Ports,
    texts,
    uri,
)
from vault.server.dev.pki import Authority
from vault.server.dev.signing import ensure_signing
from vault.server.settings import SettingsInvalid, TierName, load

_LOCK = ".dev.lock"
# As C2SP wants it (tlog-checkpoint.md, "Note text"), and nothing that TOML would read otherwise.
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./-]{0,199}")


@dataclass(frozen=True, slots=True)
class DevVault:
    """A development vault that is laid out and may be started."""

    folder: Path
    ports: Ports
    made: bool
    """Whether it was made just now."""

    @property
    def config(self) -> Path:
        """Its vault.toml."""
        return self.folder / CONFIG

    def profile(self, name: str) -> Path:
        """The profile of one of layout.PEOPLE."""
        return self.folder / "profiles" / f"{name}.toml"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a second `vaultd dev` out of the folder, which is made where absent.

    Raises DevFolderUnusable if another holds it, or if the folder is somebody else's.
    """
    try:
        make_folder(folder)
        _refuse_foreign(folder)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    except OSError as error:
        raise DevFolderUnusable(f"{folder} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DevFolderUnusable(
                f"the vault in {folder} is running already; stop that one, or name another folder"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _refuse_foreign(folder: Path) -> None:
    ours = (folder / CONFIG).exists() or not any(
        entry.name != _LOCK and not entry.name.startswith(f".{CONFIG}.")
        for entry in folder.iterdir()
    )
    if not ours:
        raise DevFolderUnusable(
            f"{folder} holds other things and no {CONFIG}; name a new folder, or an empty one"
        )


def prepare(
    folder: Path,
    *,
    full_port: int | None = None,
    masked_port: int | None = None,
    origin: str | None = None,
    now: datetime | None = None,
) -> DevVault:
    """Lay the vault out in `folder`, or complete what is there; the caller holds it (`held`).

    Ports are by default those of the folder's configuration, or 7443 and 7444. `origin` names the
    log of a vault that is made now, and is otherwise the name that it has. A file that
    differs from what would be made is somebody's work and stays; certificates that end within 30
    days are renewed. Raises DevFolderUnusable.
    """
    now = now or datetime.now(UTC)
    try:
        made = not (folder / CONFIG).exists()
        was = Ports() if made else _ports(folder / CONFIG)
        ports = Ports(full_port or was.full, masked_port or was.masked)
        if ports.full == ports.masked:
            raise DevFolderUnusable(
                f"both tiers cannot listen on port {ports.full}; give --port-full and --port-masked"
            )
        _write_texts(folder, was, ports, _origin(folder / CONFIG, origin))
        ensure_keks(folder / "kms" / "full", folder / "kms" / "masked", _sealed(folder))
        ensure_signing(folder, folder / CONFIG)
        if load(folder / CONFIG, TierName.FULL).tokens:
            ensure_issuer(folder)
        _certificates(folder / "pki", now)
    except SettingsInvalid as error:
        raise DevFolderUnusable(str(error)) from None
    except OSError as error:
        where = error.filename or folder
        raise DevFolderUnusable(f"{where} cannot be used: {error.strerror}") from None
    return DevVault(folder, ports, made)


def _ports(config: Path) -> Ports:
    full = load(config, TierName.FULL).table.listen
    masked = load(config, TierName.MASKED).table.listen
    return Ports(_port(config, full, DEFAULT_FULL_PORT), _port(config, masked, DEFAULT_MASKED_PORT))


def _port(config: Path, listen: str, default: int) -> int:
    digits = listen.rpartition(":")[2]
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) < 65536:
        raise DevFolderUnusable(
            f"{config}: listen is not host:port; write for example localhost:{default}"
        )
    return int(digits)


def _origin(config: Path, wanted: str | None) -> str:
    if not config.exists():
        return _nameable(wanted) if wanted is not None else ORIGIN
    has = load(config, TierName.FULL).log.origin
    if wanted not in (None, has):
        raise DevFolderUnusable(
            f"the log of the vault in {config.parent} is named {has}, and a log's name never "
            "changes; leave --log-origin out, or name a new folder"
        )
    return has


def _nameable(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        raise DevFolderUnusable(
            "a log is named like an address without a scheme, in small letters, digits and .-/ ; "
            "write for example other.bank/log"
        )
    return origin


def _sealed(folder: Path) -> str:
    """The database that may hold sealed records by now; empty if there is none yet."""
    table = load(folder / CONFIG, TierName.FULL).table
    if table.database != f"sqlite:///{DATABASE}" or table.keys_database:
        return f"the database of {folder / CONFIG}"  # somebody's own, which may be anywhere
    return str(folder / DATABASE) if (folder / DATABASE).exists() else ""


def _write_texts(folder: Path, was: Ports, ports: Ports, origin: str) -> None:
    make_folder(folder / "profiles")
    make_folder(folder / BLOBS)
    config = folder / CONFIG
    # An early folder stays as it is: a log that has entries already would be refused by a second
    # place that never saw it.
    age = _age(config)
    for name, text in texts(was, age, origin).items():
        create(folder / name, text.encode(), PRIVATE)
    if ports == was:
        return
    before, after = (
        {folder / name: text.encode() for name, text in texts(of, age, origin).items()}
        for of in (was, ports)
    )
    # What has no port in it is not moved, and may be older.
    after = {path: text for path, text in after.items() if text != before[path]}
    changed = [path for path in after if path.read_bytes() not in (before[path], after[path])]
    if changed:
        raise DevFolderUnusable(
            f"{', '.join(map(str, changed))} was changed by hand and stays as it is; write the "
            "new ports there, or start without --port-full and --port-masked"
        )
    # The configuration last: until then it says the old ports, and a start after a crash knows
    # both the old and the new text of the files that were replaced already.
    for path in reversed(list(after)):
        replace(path, after[path], PRIVATE)


def _age(config: Path) -> Age:
    if not config.exists():
        return Age.NOW
    settings = load(config, TierName.FULL)
    if settings.life.custodians:
        return Age.NOW
    if settings.tokens:
        return Age.WITHOUT_CUSTODIANS
    return Age.WITHOUT_TOKENS if settings.log.second_place else Age.EARLY


def _certificates(folder: Path, now: datetime) -> None:
    make_folder(folder)
    authority = Authority.open(folder, now)
    authority.server(FULL_SERVER)
    authority.server(MASKED_SERVER)
    for name in (*(person.name for person in PEOPLE), MASKED_NODE):
        authority.client(name, uri(name))
