"""`vaultctl audit verify` over the vault of a machine: its database, and its log as an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import Machine
from tests.support.log_keys import log_signers
from tests.support.signed_access import access_signers
from vault.audit.checkpoint import read_checkpoint
from vault.audit.log_sources import CHECKPOINT_FILE, StoreSource
from vault.audit.tiles import bundles_of, encode_bundle, entries_path, tiles_of
from vault.cli.vaultctl.app import run

_CONFIG = """\
[log]
origin = "demo.bank/log"

[blobs]
folder = "blobs"

[tiers.full]
listen = "127.0.0.1:1"
database = "{data}"
keys_database = "{keys}"
principals = "principals.toml"
kms = {{ provider = "local-file", directory = "kms" }}
tls = {{ certificate = "none", key = "none", client_ca = "none" }}
"""


class Auditor:
    """Has the public keys, and looks from outside."""

    def __init__(self, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._keys = machine.folder / "keys.txt"
        signers = (log_signers(machine.folder), access_signers(machine.folder))
        keys = [key for one in signers for key in one.verifiers()]
        self._keys.write_text("".join(f"{key.vkey}\n" for key in keys))

    def live(self, machine: Machine, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer, of the database with each row that the log names."""
        config = machine.folder / "vault.toml"
        config.write_text(_CONFIG.format(data=machine.data_url, keys=machine.keys_url))
        return self._verify("--live", "--config", str(config), *arguments)

    def exported(self, machine: Machine, folder: Path) -> tuple[int, dict[str, Any]]:
        """The same, of the whole log as files, where the vault is not."""
        export(StoreSource(machine.data_url), folder)
        return self._verify(str(folder))

    def _verify(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        self._capsys.readouterr()
        code = run(["audit", "verify", *arguments, "--key", str(self._keys), "--json", "-j", "1"])
        told = self._capsys.readouterr()
        assert told.out, told.err
        return code, json.loads(told.out)


def export(source: StoreSource, folder: Path) -> None:
    """Write a log's tree as `vaultctl audit export` does."""
    note = source.checkpoint()
    assert note is not None
    size = read_checkpoint(note).body.size
    for tile in tiles_of(size):
        _put(folder / tile.path(), source.tile(tile))
    for index, width in bundles_of(size):
        leaves = source.leaves(index, width)
        assert leaves is not None
        _put(folder / entries_path(index, width), encode_bundle([x for x in leaves if x]))
    _put(folder / CHECKPOINT_FILE, note)


def _put(path: Path, data: bytes | None) -> None:
    assert data is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
