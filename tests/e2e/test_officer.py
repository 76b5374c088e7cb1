"""An officer's commands against the vault itself: the log proved while followed, and forwarded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordsvault.audit.v1 import audit_pb2 as ap
from tests.e2e.people import PARENT
from tests.support import forked_programs
from tests.support.running_vault import ORIGIN, OWN, ROOT, RunningVault, other
from vault.audit.signers import verifier_key
from vault.kms.signing import Purpose, read_signing_keys
from vault.server.settings import TierName
from vault.store import Database

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[RunningVault]:
    """A vault of its own: its log is tampered with."""
    with RunningVault(tmp_path, f"sqlite:///{tmp_path / 'vault.db'}") as running:
        yield running


def audit(vault: RunningVault, *arguments: object) -> subprocess.CompletedProcess[str]:
    profile = vault.folder / "officer.toml"
    profile.write_text(
        f'name = "officer"\ninstitution = "{OWN}"\n[endpoints]\n'
        f'full = "{vault.target(TierName.FULL)}"\n[tls]\nca = "pki/ca.pem"\n'
        'certificate = "pki/officer.pem"\nkey = "pki/officer.key"\n'
    )
    return subprocess.run(
        forked_programs.command("vaultctl", "-p", profile, "audit", *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def work(vault: RunningVault, calls: int) -> None:
    """Calls of two banks, each of which leaves an event."""
    for n in range(calls):
        stub = vault.audit("officer" if n % 3 else other("officer"))
        parent = PARENT if n % 3 else "institutions/other-bank"
        stub.QueryEvents(ap.QueryEventsRequest(parent=parent, page_size=1))


def key_file(vault: RunningVault) -> Path:
    (key,) = read_signing_keys(vault.folder / "kms" / "full", Purpose.LOG)
    path = vault.folder / "log.vkey"
    path.write_text(verifier_key(ORIGIN, key).vkey + "\n")
    return path


def test_the_log_is_proved_from_its_first_entry_and_an_edit_is_caught_by_its_number(
    vault: RunningVault,
) -> None:
    work(vault, 30)
    state = vault.folder / "tail.json"
    verify = ("tail", "--no-follow", "--json", "--verify", "--key", key_file(vault))
    whole = (*verify, "--from-position", 0)
    first = audit(vault, *whole, "--state", state)
    assert first.returncode == 0, first.stderr
    assert "verified up to #" in first.stderr
    assert json.loads(state.read_text())["size"] >= 20
    work(vault, 6)
    again = audit(vault, *verify, "--state", state)
    assert again.returncode == 0, again.stderr
    shown = [json.loads(line) for line in first.stdout.splitlines()]
    assert len(shown) >= 20
    assert int(json.loads(again.stdout.splitlines()[0])["position"]) > int(
        shown[0].get("position", 0)
    )

    victim = int(shown[5]["position"])
    database = Database(vault.database, role="full")
    database.write_sync(
        lambda conn: conn.exec_driver_sql(
            "UPDATE audit_events SET leaf = CAST(replace(leaf, 'officer', 'someone') AS BLOB)"
            " WHERE position = ?",
            (victim + 1,),
        )
    )
    database.dispose()
    caught = audit(vault, *whole)
    assert caught.returncode == 21
    assert f"ALERT #{victim}: the entry was altered" in caught.stderr


def test_the_log_is_forwarded_over_a_restart_of_the_vault(vault: RunningVault) -> None:
    work(vault, 12)
    out, state = vault.folder / "siem.jsonl", vault.folder / "siem.json"
    call = ("forward", "--format", "ecs", "--to", f"file:{out}", "--state", state, "--no-follow")
    assert audit(vault, *call).returncode == 0
    vault.terminate(TierName.FULL)
    vault.start(TierName.FULL)
    work(vault, 12)
    assert audit(vault, *call).returncode == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    positions = [one["event"]["sequence"] for one in found]
    query = audit(vault, "query", "--limit", 0, "--json")
    kept = [int(json.loads(line).get("position", 0)) for line in query.stdout.splitlines()]
    assert positions == kept[: len(positions)]
    # All of the bank's, and none of the other bank's.
    assert {one["organization"]["id"] for one in found} == {OWN}
    assert len(positions) >= 16
