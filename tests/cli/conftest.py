"""vaultctl as a function: a command line in; exit code, stdout and stderr out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.fake_vault import FakeVault
from vault.cli.vaultctl.app import run
from vault.cli.vaultctl.language import Language, speak


@dataclass(frozen=True)
class Ran:
    """What one run left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """A JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Vaultctl = Callable[..., Ran]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeVault]:
    """A vault of the test's own."""
    vault = FakeVault(tmp_path)
    yield vault
    vault.stop()


@pytest.fixture
def vaultctl(
    fake: FakeVault, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Vaultctl]:
    """Runs vaultctl with the profile of the fake vault."""
    monkeypatch.delenv("VAULTCTL_PROFILE", raising=False)
    monkeypatch.delenv("VAULTCTL_LANG", raising=False)
    # Rich asks the environment how wide it is and whether it may colour.
    monkeypatch.setenv("NO_COLOR", "1")
    profile = str(fake.profile())

    def call(*arguments: object, stdin: str = "", profile: str = profile) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = run(["--profile", profile, *map(str, arguments)])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    yield call
    speak(Language.EN)
