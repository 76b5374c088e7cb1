"""A log exported by the command line, checked by Go's own note and tlog code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recordsvault.masked.v1 import masked_pb2
from tests.cli.test_with_the_vault import ctl
from tests.support import go_tool
from tests.support.running_vault import ORIGIN, RunningVault
from vault.kms.signing import Purpose
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Exported:
    """Two exports of one vault, the second into the same folder; and the Go program."""

    folder: Path
    earlier: Path
    key: str
    program: Path

    def check(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *map(str, arguments)], capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("exported")
    program = go_tool.build(Path(__file__).parent / "logcheck", folder / "logcheck")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        key = verifier_keys(load(vault.config, TierName.FULL), Purpose.LOG)[0].vkey
        target = folder / "log"
        earlier = folder / "earlier"
        request = masked_pb2.ListMaskedCustomersRequest(parent="institutions/demo-bank")
        for number in (270, 30):
            for _ in range(number):
                vault.masked().ListMaskedCustomers(request)
            vault.until_covered()
            if target.exists():
                earlier.write_bytes((target / "checkpoint").read_bytes())
            ran = ctl(vault, "officer", "audit", "export", "--dir", str(target))
            assert ran.returncode == 0, ran.stderr
        yield Exported(target, earlier, key, Path(program))


def test_go_verifies_what_the_command_exported(exported: Exported) -> None:
    ran = exported.check("log", exported.folder, ORIGIN, exported.key)
    assert ran.returncode == 0, ran.stderr
    ran = exported.check("since", exported.folder, ORIGIN, exported.earlier, exported.key)
    assert ran.returncode == 0, ran.stderr


def test_go_refuses_it_damaged(exported: Exported) -> None:
    for path in ("tile/entries/000", "tile/0/000"):
        file = exported.folder / path
        whole = file.read_bytes()
        file.write_bytes(whole[:99] + bytes([whole[99] ^ 1]) + whole[100:])
        try:
            assert exported.check("log", exported.folder, ORIGIN, exported.key).returncode == 1
        finally:
            file.write_bytes(whole)
