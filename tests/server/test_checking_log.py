"""`vaultd check-config` on what keeps the log from being set back."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.events import event
from tests.support.log_keys import ORIGIN, log_signers
from tests.support.running_vault import RunningVault
from tests.support.witness_process import WitnessProcess
from vault.audit import AuditLog
from vault.audit.checkpoint import CheckpointBody
from vault.audit.second_place import FolderPlace
from vault.audit.sequencer import Sequencer
from vault.audit.signers import Signers
from vault.cli.vaultd.app import run
from vault.kms.signing import Purpose, SigningKeys
from vault.server.checking import Finding, examine
from vault.server.settings import SettingsInvalid, TierName, load
from vault.store import Database

SECOND = 'second_place = "second"'


@pytest.fixture
def vault(tmp_path: Path) -> RunningVault:
    """Laid out and migrated, never started."""
    return RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db", log=SECOND)


def finding(
    vault: RunningVault, tier: TierName = TierName.FULL, subject: str = "second_place"
) -> Finding:
    (found,) = [
        one for one in examine(load(vault.config, tier), vault.config) if one.subject == subject
    ]
    return found


def keys(vault: RunningVault) -> Signers:
    return Signers(
        SigningKeys(vault.folder / "kms" / "full", Purpose.LOG), ORIGIN, lambda: 0, check_every=0
    )


def place(vault: RunningVault) -> FolderPlace:
    return FolderPlace(vault.folder / "second", ORIGIN, keys(vault).verifiers)


def signed_entries(vault: RunningVault, count: int) -> bytes:
    """So many entries, signed for; the checkpoint."""
    database = Database(vault.database)

    async def write() -> None:
        log = AuditLog(database, lambda: 1)
        await log.start()
        for n in range(count):
            await log.record(event(f"e{n}"))
        await log.stop()

    notes: list[bytes] = []
    try:
        asyncio.run(write())
        made = Sequencer(
            database, keys(vault), lambda: 1, publish=[lambda row: notes.append(row.note)]
        )
        made.step()
    finally:
        database.dispose()
    return notes[-1]


def test_a_new_vault_begins_it_at_the_first_start(vault: RunningVault) -> None:
    assert finding(vault).detail == "begun at the first start"
    assert not (vault.folder / "second").exists()
    # A masked node makes nothing.
    found = finding(vault, TierName.MASKED)
    assert "is it mounted" in found.warning and not found.problem


def test_a_log_that_goes_on_is_well_on_both_tiers(vault: RunningVault) -> None:
    place(vault).begin()
    place(vault).put(signed_entries(vault, 3))
    for tier in TierName:
        found = finding(vault, tier)
        assert (found.problem, found.warning) == ("", "")
        assert "continues the 3 entries" in found.detail


def test_a_log_that_is_behind_is_a_problem_on_both_tiers(vault: RunningVault) -> None:
    place(vault).begin()
    body = CheckpointBody(ORIGIN, 9, b"r" * 32)
    place(vault).put(keys(vault).sign(body.text()))
    signed_entries(vault, 3)
    for tier in TierName:
        assert "older" in finding(vault, tier).problem
    assert run(["check-config", "--config", str(vault.config)]) == 2


def test_a_folder_that_never_saw_the_log_or_a_foreign_checkpoint_is_a_problem(
    vault: RunningVault, tmp_path: Path
) -> None:
    signed_entries(vault, 1)
    assert "never seen" in finding(vault).problem
    place(vault).begin()
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    foreign = log_signers(other).sign(CheckpointBody(ORIGIN, 1, b"r" * 32).text())
    (vault.folder / "second" / "checkpoint").write_bytes(foreign)
    for tier in TierName:
        assert "not signed" in finding(vault, tier).problem
    (vault.folder / "second" / "origin").write_text("x.y/z\n")
    assert "another log" in finding(vault).problem


def test_a_folder_that_cannot_be_written_to_or_by_too_many_is_told(vault: RunningVault) -> None:
    place(vault).begin()
    folder = vault.folder / "second"
    folder.chmod(0o500)
    assert "cannot be written to" in finding(vault).problem
    # A masked node only reads.
    assert not finding(vault, TierName.MASKED).problem
    folder.chmod(0o722)
    assert "chmod go-w" in finding(vault).warning
    folder.rmdir() if not any(folder.iterdir()) else None
    aside = folder.rename(vault.folder / "aside")
    folder.write_text("")
    assert "no folder" in finding(vault).problem
    folder.unlink()
    aside.rename(folder)
    text = vault.config.read_text()
    vault.config.write_text(text.replace(SECOND, 'second_place = "not/there"'))
    assert "cannot be made" in finding(vault).problem


def test_a_database_that_is_not_ready_is_told_once(vault: RunningVault) -> None:
    os.unlink(vault.folder / "vault.db")
    assert "not ready" in finding(vault).detail
    assert "vaultd migrate" in finding(vault, subject="database").problem


def test_a_masked_node_without_the_public_key_is_told(vault: RunningVault) -> None:
    place(vault).begin()
    (vault.folder / "log.vkey").unlink()
    assert "log.vkey cannot be read" in finding(vault, TierName.MASKED).problem
    assert not finding(vault).problem
    (vault.folder / "log.vkey").write_text("x.y/z+00000000+AAAA\n")
    assert "no public key" in finding(vault, TierName.MASKED).problem


@pytest.fixture
def witness(vault: RunningVault) -> Iterator[WitnessProcess]:
    made = WitnessProcess(vault.folder / "w", keys(vault).verifiers())
    text = vault.config.read_text()
    origin = f'origin = "{ORIGIN}"\n'
    vault.config.write_text(text.replace("[limits]", f"witness_quorum = 1\n{made.toml}\n[limits]"))
    assert origin in vault.config.read_text()
    yield made
    made.stop()


def test_a_witness_that_is_away_is_a_warning_and_the_vault_may_be_served(
    vault: RunningVault, witness: WitnessProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    found = finding(vault, subject="witnesses")
    assert "w.example/1: it cannot be reached" in found.warning
    assert "1, of which 1 must cosign" in found.warning
    assert run(["check-config", "--config", str(vault.config), "--tier", "full"]) == 0
    assert "warning" in capsys.readouterr().out
    witness.start()
    assert finding(vault, subject="witnesses").detail == "1, of which 1 must cosign"
    # A masked node asks none.
    settings = load(vault.config, TierName.MASKED)
    assert "witnesses" not in {one.subject for one in examine(settings, vault.config)}


def test_a_witnesss_authorities_key_and_number_are_looked_at(
    vault: RunningVault, witness: WitnessProcess
) -> None:
    text = vault.config.read_text()
    table = f'url = "{witness.url}"\n'
    https = f'url = "{witness.url.replace("http:", "https:")}"\nca = "vault.toml"\n'
    vault.config.write_text(text.replace(table, https))
    assert "no file of authorities" in finding(vault, subject="witnesses").problem
    for wrong, why in (
        (text.replace("witness_quorum = 1", "witness_quorum = 2"), "witness_quorum"),
        (text.replace(witness.key.vkey, "x"), "vkey"),
        (text.replace(witness.url, "http://example.com"), "https"),
    ):
        vault.config.write_text(wrong)
        with pytest.raises(SettingsInvalid, match=why):
            load(vault.config, TierName.FULL)
