"""The configuration file of a witness, `witness.toml`. Paths in it are relative to the file.

listen = "localhost:7450"       # http on this machine; with `tls`, https on any address
key = "witness.key"             # made by `vaultd witness keygen`
state = "state"                 # folder: what was cosigned last
tls = { certificate = "witness.pem", key = "witness.pem.key" }    # optional

[[logs]]
origin = "demo.bank/log"
vkeys = ["demo.bank/log+..."]   # as `vaultd keys show` writes them
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from vault.audit.note import NoteInvalid, VerifierKey
from vault.audit.witness.asking import is_loopback
from vault.server.settings import SettingsInvalid


class WitnessTlsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The witness's certificate."""

    certificate: str
    key: str


class WitnessedLogTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A log that is cosigned for."""

    origin: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    vkeys: Annotated[list[str], msgspec.Meta(min_length=1, max_length=50)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    listen: str
    key: str
    state: str
    logs: Annotated[list[WitnessedLogTable], msgspec.Meta(min_length=1)]
    tls: WitnessTlsTable | None = None


class WitnessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A read configuration file."""

    host: str
    port: int
    key: Path
    state: Path
    logs: dict[str, tuple[VerifierKey, ...]]
    certificate: Path | None = None
    certificate_key: Path | None = None


def load_witness(path: Path) -> WitnessSettings:
    """Read the file. Raises SettingsInvalid with what is wrong."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"{path}: {error}") from None
    host, _, port = file.listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsInvalid(f"{path}: listen is not host:port; write for example localhost:7450")
    host = host.removeprefix("[").removesuffix("]")
    if file.tls is None and not is_loopback(host):
        raise SettingsInvalid(f"{path}: listen on localhost, or add `tls`: plain HTTP stays here")
    folder = path.parent.resolve()
    return WitnessSettings(
        host=host,
        port=int(port),
        key=folder / file.key,
        state=folder / file.state,
        logs=_logs(path, file.logs),
        certificate=folder / file.tls.certificate if file.tls else None,
        certificate_key=folder / file.tls.key if file.tls else None,
    )


def _logs(path: Path, tables: list[WitnessedLogTable]) -> dict[str, tuple[VerifierKey, ...]]:
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for table in tables:
        try:
            keys = tuple(VerifierKey.parse(vkey) for vkey in table.vkeys)
        except NoteInvalid as error:
            raise SettingsInvalid(f"{path}: a key of the log {table.origin}: {error}") from None
        if table.origin in logs:
            raise SettingsInvalid(f"{path}: the log {table.origin} stands there twice")
        if any(key.name != table.origin for key in keys):
            raise SettingsInvalid(f"{path}: a key of the log {table.origin} has another name")
        logs[table.origin] = keys
    return logs
