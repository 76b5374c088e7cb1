"""`vaultctl decoy` against the vault itself, and what an officer reads of an alert."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import create, get
from tests.support import forked_programs
from tests.support.running_vault import OWN, RunningVault
from vault.server.settings import TierName

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """Both tiers, on SQLite."""
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        yield vault


def ctl(real: RunningVault, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = real.folder / f"{who}.toml"
    path.write_text(
        f'name = "{who}"\ninstitution = "{OWN}"\n[endpoints]\n'
        f'full = "{real.target(TierName.FULL)}"\nmasked = "{real.target(TierName.MASKED)}"\n'
        f'[tls]\nca = "pki/ca.pem"\ncertificate = "pki/{who}.pem"\nkey = "pki/{who}.key"\n'
    )
    return subprocess.run(
        forked_programs.command("vaultctl", "-p", path, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_officer_sets_a_decoy_sees_the_alert_and_takes_it_back(real: RunningVault) -> None:
    name = create(real).name
    assert "There is no decoy" in ctl(real, "officer", "decoy", "list").stdout
    short = name.removeprefix(f"institutions/{OWN}/")  # as `customers list` prints it
    assert ctl(real, "officer", "decoy", "add", short).returncode == 0
    assert json.loads(ctl(real, "officer", "decoy", "list", "--json").stdout) == {"decoys": [name]}
    time.sleep(2)
    get(real, name)
    told = ctl(real, "officer", "audit", "query", "--action", "watch.*").stdout
    assert "ALERT" in told
    assert "raised an alert" in told
    assert "DECOY_OPENED" in told
    assert (
        "触发警报"
        in ctl(real, "officer", "--lang", "zh", "audit", "query", "--action", "watch.alert").stdout
    )
    assert ctl(real, "officer", "decoy", "add", f"{short}/documents/{'0' * 26}").returncode == 2
    assert ctl(real, "officer", "decoy", "remove", short.rpartition("/")[2]).returncode == 0
    assert name not in ctl(real, "officer", "decoy", "list").stdout


def test_nobody_else_does(real: RunningVault) -> None:
    name = create(real).name
    for who in ("compliance", "crm"):
        refused = ctl(real, who, "decoy", "add", name)
        assert refused.returncode != 0
        assert "decoy any" not in refused.stdout
