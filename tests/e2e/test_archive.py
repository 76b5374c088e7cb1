"""The log's archive over the wire: moved by an operator, read and proved as before."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.audit.v1 import event_pb2 as ep
from tests.e2e.calls import create, get
from tests.e2e.people import PARENT
from tests.e2e.test_proofs import log_keys, proved
from tests.e2e.wire import refusal
from tests.support import forked_programs
from tests.support.running_vault import ORIGIN, RunningVault
from vault.audit.merkle import leaf_hash
from vault.audit.proof_file import verify_proof
from vault.server.settings import TierName

READS = 300


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("archived")
    with RunningVault(folder, "sqlite:///vault.db", log="checkpoint_interval_ms = 50") as running:
        yield running


def now() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) - timedelta(milliseconds=1))
    return stamp


def archive(vault: RunningVault) -> list[ap.ArchiveEventsResponse]:
    request = ap.ArchiveEventsRequest(before_time=now())
    return list(vault.audit("operator").ArchiveEvents(request))


def streamed(vault: RunningVault, from_position: int = 0) -> list[tuple[int, bytes]]:
    request = ap.StreamEventsRequest(parent=PARENT, from_position=from_position)
    return [
        (entry.position, entry.leaf)
        for answer in vault.audit().StreamEvents(request)
        for entry in answer.entries
    ]


def reported(vault: RunningVault, customer: str) -> list[ap.ReportLine]:
    request = ap.ReportAccessRequest(parent=PARENT, customer=customer)
    return [line for answer in vault.audit().ReportAccess(request) for line in answer.lines]


def restarted(vault: RunningVault) -> None:
    """The full tier without what it had read of the archive."""
    vault.terminate(TierName.FULL)
    vault.start(TierName.FULL)


def test_what_was_archived_is_still_streamed_queried_reported_and_proved(
    vault: RunningVault,
) -> None:
    name = create(vault).name
    for _ in range(READS):
        get(vault, name)
    proved(vault, READS - 5)  # a checkpoint covers them
    before = streamed(vault)
    lines = reported(vault, name)
    answers = archive(vault)
    assert answers[0].moved == 0
    assert answers[-1].moved == answers[-1].total == answers[-1].archived >= 256
    assert 0 < answers[-1].bytes / answers[-1].moved < 150

    after = streamed(vault)
    assert after[: len(before)] == before
    again = reported(vault, name)
    assert [line.entry.leaf for line in again[: len(lines)]] == [x.entry.leaf for x in lines]
    for line in again[:3]:
        verify_proof(line.proof, leaf_hash(line.entry.leaf), log_keys(vault), ORIGIN)
    page = vault.audit().QueryEvents(ap.QueryEventsRequest(parent=PARENT, page_size=5))
    assert [entry.position for entry in page.entries] == [p for p, _ in before[:5]]
    text = proved(vault, 3)
    verify_proof(text, leaf_hash(before[3][1]), log_keys(vault), ORIGIN)


def test_the_move_itself_is_in_the_log(vault: RunningVault) -> None:
    request = ap.QueryEventsRequest(
        parent=PARENT,
        filter=ap.EventFilter(actions=["audit.archive.write"]),
        page_size=10,
        newest_first=True,
    )
    archive(vault)
    found = vault.audit().QueryEvents(request).entries
    assert {entry.event.actor for entry in found} == {"operator"}
    assert {entry.event.phase for entry in found} == {
        ep.PHASE_OPENED,
        ep.PHASE_CLOSED,
    }


def test_export_and_verification_do_not_see_a_difference(
    vault: RunningVault, tmp_path: Path
) -> None:
    archive(vault)
    key = tmp_path / "log.vkey"
    key.write_text("\n".join(k.vkey for k in log_keys(vault)) + "\n")
    ended = subprocess.run(
        [
            *forked_programs.command("vaultctl"),
            "audit",
            "verify",
            "--live",
            "--config",
            str(vault.config),
            "--key",
            str(key),
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert told["holds"] is True
    assert told["entries_hashed"] == told["size"]


def test_an_object_store_that_is_away_stops_old_entries_only(vault: RunningVault) -> None:
    name = create(vault).name
    blobs = vault.folder / "blobs"
    archived = archive(vault)[-1].archived
    restarted(vault)
    away = blobs.rename(vault.folder / "away")
    try:
        told = refusal(lambda: streamed(vault))
        assert (told.code, told.reason) == ("UNAVAILABLE", "ARCHIVE_UNAVAILABLE")
        get(vault, name)  # records and new entries are served
        assert streamed(vault, from_position=archived)
        checks = vault.admin().CheckHealth(admin_pb2.CheckHealthRequest(parts=["blobs"])).checks
        assert checks[0].state == admin_pb2.HEALTH_STATE_WARNING
        for _ in range(260):
            get(vault, name)
        time.sleep(0.2)
        told = refusal(lambda: archive(vault))
        assert (told.code, told.reason) == ("UNAVAILABLE", "ARCHIVE_UNAVAILABLE")
    finally:
        away.rename(blobs)
    assert streamed(vault)[0][0] == 0
    assert archive(vault)[-1].moved >= 256


def test_a_damaged_object_is_data_loss_and_says_whom_to_tell(vault: RunningVault) -> None:
    archive(vault)
    restarted(vault)
    path = vault.folder / "blobs" / "log/tile/entries/000.gz"
    content = path.read_bytes()
    try:
        path.write_bytes(content[:-1] + b"x")
        told = refusal(lambda: streamed(vault))
        assert (told.code, told.reason) == ("DATA_LOSS", "ARCHIVE_DAMAGED")
    finally:
        path.write_bytes(content)
    assert streamed(vault)[0][0] == 0


def test_a_vault_without_an_object_store_says_how_to_have_one(tmp_path: Path) -> None:
    vault = RunningVault(tmp_path, "sqlite:///vault.db")
    text = vault.config.read_text().replace('[blobs]\nfolder = "blobs"\n', "")
    vault.config.write_text(text)
    try:
        vault.start(TierName.FULL)
        told = refusal(lambda: archive(vault))
    finally:
        vault.stop()
    assert (told.code, told.reason) == ("FAILED_PRECONDITION", "NO_OBJECT_STORE")


def test_entries_of_the_future_are_not_asked_for(vault: RunningVault) -> None:
    later = Timestamp()
    later.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    request = ap.ArchiveEventsRequest(before_time=later)
    told = refusal(lambda: vault.audit("operator").ArchiveEvents(request))
    assert told.code == "INVALID_ARGUMENT"
