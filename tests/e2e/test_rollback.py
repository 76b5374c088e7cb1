"""An old backup, or another history, put in the database's place while the vault was down."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from recordsvault.admin.v1 import admin_pb2 as pb
from recordsvault.audit.v1 import audit_pb2
from tests.e2e.wire import refusal
from tests.support.running_vault import OWN, RunningVault
from vault.audit import decode
from vault.audit.checkpoint import read_checkpoint
from vault.audit.reader import read
from vault.server.settings import TierName
from vault.store import Database, log_tree
from vault.store.log_tree import CheckpointRow

FULL = TierName.FULL
SECOND = 'second_place = "second"'


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[RunningVault]:
    made = RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db", log=SECOND)
    yield made
    made.stop()


def work(vault: RunningVault, count: int) -> None:
    """So many entries."""
    for _ in range(count):
        vault.admin().CheckHealth(pb.CheckHealthRequest(parts=["kms"]), timeout=10)


def database(vault: RunningVault) -> Database:
    return Database(vault.database)


def latest(vault: RunningVault) -> CheckpointRow | None:
    opened = database(vault)
    try:
        return opened.read_sync(log_tree.latest)
    finally:
        opened.dispose()


def kept(vault: RunningVault) -> int:
    file = vault.folder / "second" / "checkpoint"
    return read_checkpoint(file.read_bytes()).body.size if file.exists() else 0


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def run(vault: RunningVault, count: int) -> int:
    """Start, make entries, see them kept, stop; how many are kept."""
    before = kept(vault)
    vault.start(FULL)
    work(vault, count)
    until(lambda: kept(vault) >= before + count or SECOND not in vault.config.read_text())
    vault.terminate(FULL)
    return kept(vault)


def backup(vault: RunningVault, name: str) -> None:
    for part in ("", "-wal", "-shm"):
        file = vault.folder / f"vault.db{part}"
        if file.exists():
            shutil.copy(file, vault.folder / f"{name}{part}")


def restore(vault: RunningVault, name: str) -> None:
    for part in ("", "-wal", "-shm"):
        (vault.folder / f"vault.db{part}").unlink(missing_ok=True)
        if (vault.folder / f"{name}{part}").exists():
            shutil.copy(vault.folder / f"{name}{part}", vault.folder / f"vault.db{part}")


def recovery(vault: RunningVault, who: str = "operator") -> pb.Recovery:
    return vault.admin(who).GetRecovery(pb.GetRecoveryRequest(), timeout=10).recovery


def acknowledge(vault: RunningVault, who: str, incident: str) -> pb.Recovery:
    request = pb.AcknowledgeRecoveryRequest(incident=incident)
    return vault.admin(who).AcknowledgeRecovery(request, timeout=10).recovery


def checks(vault: RunningVault) -> dict[str, pb.HealthCheck]:
    answer = vault.admin().CheckHealth(pb.CheckHealthRequest(), timeout=10)
    return {check.part: check for check in answer.checks}


def query(vault: RunningVault) -> object:
    request = audit_pb2.QueryEventsRequest(parent=f"institutions/{OWN}")
    return vault.audit().QueryEvents(request, timeout=10)


def size(vault: RunningVault) -> int:
    return len(entries(vault))


def test_the_folder_of_objects_may_be_the_second_place(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vault.db"
    vault = RunningVault(tmp_path, url, log='second_place = "blobs/second"')
    (vault.folder / "second").symlink_to("blobs/second")  # where `kept` looks
    try:
        run(vault, 20)
        backup(vault, "early")
        run(vault, 300)
        vault.start(FULL)
        before = Timestamp()
        before.FromMicroseconds(time.time_ns() // 1_000 - 1_000)
        request = audit_pb2.ArchiveEventsRequest(before_time=before)
        *_, last = vault.audit("operator").ArchiveEvents(request)
        assert last.moved >= 256
        query(vault)  # the two do not get in each other's way
        vault.terminate(FULL)
        restore(vault, "early")
        vault.start(FULL)
        assert refusal(partial(query, vault)).reason == "LOG_ROLLED_BACK"
    finally:
        vault.stop()


def entries(vault: RunningVault) -> list[str]:
    opened = database(vault)
    try:
        stored = opened.read_sync(lambda conn: read(conn, 0, 1_000)).events
        return [f"{event.action} {event.actor}" for event in (decode(one.leaf) for one in stored)]
    finally:
        opened.dispose()


def roll_back(vault: RunningVault) -> tuple[int, int]:
    """Sizes: of the backup that was restored, and of what is kept."""
    old = run(vault, 3)
    backup(vault, "old")
    new = run(vault, 4)
    assert new > old > 0
    restore(vault, "old")
    vault.start(FULL)
    return old, new


def test_a_log_that_goes_on_is_served_and_followed(vault: RunningVault) -> None:
    assert run(vault, 3) == 3
    vault.start(FULL)
    assert recovery(vault).state == pb.RECOVERY_STATE_NONE
    found = checks(vault)
    assert {found[part].state for part in ("recovery", "second_place")} == {pb.HEALTH_STATE_OK}


def test_an_old_backup_is_refused_until_two_persons_acknowledge(vault: RunningVault) -> None:
    old, new = roll_back(vault)
    refused = refusal(partial(query, vault))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "LOG_ROLLED_BACK")
    assert refused.en and refused.zh and refused.retry_seconds
    state = checks(vault)["recovery"]
    assert state.state == pb.HEALTH_STATE_CRITICAL
    assert "older" in state.detail and "recovery acknowledge" in state.remedy
    stub: Any = health_pb2_grpc.HealthStub(vault.channel("operator", FULL))
    not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
    assert stub.Check(health_pb2.HealthCheckRequest()).status == not_serving

    found = recovery(vault)
    assert (found.kept_size, found.signed_size, found.log_size) == (new, old, old)
    first = acknowledge(vault, "operator", found.incident)
    assert first.state == pb.RECOVERY_STATE_REFUSED
    assert [word.principal for word in first.acknowledgements] == ["operator"]
    assert refusal(partial(query, vault)).reason == "LOG_ROLLED_BACK"
    # Nothing of all this is in the log: it is not written to until it may go on.
    assert size(vault) == old

    last = acknowledge(vault, "officer", found.incident)
    assert last.state == pb.RECOVERY_STATE_NONE
    assert entries(vault)[old:] == [
        "admin.recovery.acknowledge operator",
        "admin.recovery.acknowledge officer",
    ]
    query(vault)
    until(lambda: stub.Check(health_pb2.HealthCheckRequest()).status != not_serving)
    (evidence,) = (vault.folder / "second" / "superseded").iterdir()
    assert read_checkpoint(evidence.read_bytes()).body.size == new
    until(lambda: old < kept(vault))
    row = latest(vault)
    assert row is not None and row.size >= kept(vault)
    # From here on the new history is the one that is guarded.
    vault.terminate(FULL)
    vault.start(FULL)
    assert recovery(vault).state == pb.RECOVERY_STATE_NONE


def test_one_person_under_both_roles_is_one_person(vault: RunningVault) -> None:
    file = vault.folder / "principals.toml"
    both = '"operator", "security_officer"'
    file.write_text(file.read_text().replace('roles = ["operator"]', f"roles = [{both}]"))
    roll_back(vault)
    incident = recovery(vault).incident
    assert acknowledge(vault, "operator", incident).state == pb.RECOVERY_STATE_REFUSED
    again = refusal(partial(acknowledge, vault, "operator", incident))
    assert (again.code, again.reason) == ("FAILED_PRECONDITION", "SECOND_PERSON_NEEDED")
    assert recovery(vault).state == pb.RECOVERY_STATE_REFUSED
    assert acknowledge(vault, "officer", incident).state == pb.RECOVERY_STATE_NONE


def test_two_of_one_role_are_not_enough(vault: RunningVault) -> None:
    roll_back(vault)
    incident = recovery(vault).incident
    for who in ("operator", "operator-of-other-bank"):
        assert acknowledge(vault, who, incident).state == pb.RECOVERY_STATE_REFUSED
    assert refusal(partial(query, vault)).reason == "LOG_ROLLED_BACK"


def test_only_the_two_roles_and_only_what_was_seen(vault: RunningVault) -> None:
    roll_back(vault)
    incident = recovery(vault).incident
    for who in ("backend", "compliance", "crm"):
        assert refusal(partial(acknowledge, vault, who, incident)).code == "PERMISSION_DENIED"
    other = "a" * 16
    changed = refusal(partial(acknowledge, vault, "operator", other))
    assert (changed.code, changed.reason) == ("ABORTED", "RECOVERY_CHANGED")
    assert not recovery(vault).acknowledgements


def test_an_acknowledgement_does_not_outlive_the_server(vault: RunningVault) -> None:
    roll_back(vault)
    incident = recovery(vault).incident
    acknowledge(vault, "operator", incident)
    vault.kill(FULL)
    vault.start(FULL)
    assert not recovery(vault).acknowledgements
    assert recovery(vault).incident == incident
    assert acknowledge(vault, "officer", incident).state == pb.RECOVERY_STATE_REFUSED


def test_another_history_of_the_same_size_is_refused(vault: RunningVault) -> None:
    run(vault, 3)
    backup(vault, "old")
    new = run(vault, 4)
    restore(vault, "old")
    text = vault.config.read_text()
    vault.config.write_text(text.replace(SECOND, ""))
    run(vault, 4)
    row = latest(vault)
    assert row is not None and row.size == new
    vault.config.write_text(text)
    vault.start(FULL)
    assert refusal(partial(query, vault)).reason == "LOG_ROLLED_BACK"
    found = recovery(vault)
    assert found.kept_size == found.signed_size and found.kept_root != found.signed_root
    assert "not the one" in found.detail


def test_a_longer_log_of_another_history_is_refused(vault: RunningVault) -> None:
    run(vault, 3)
    backup(vault, "old")
    new = run(vault, 2)
    restore(vault, "old")
    text = vault.config.read_text()
    vault.config.write_text(text.replace(SECOND, ""))
    run(vault, 9)
    vault.config.write_text(text)
    vault.start(FULL)
    found = recovery(vault)
    assert found.state == pb.RECOVERY_STATE_REFUSED
    assert found.signed_size > new == found.kept_size


def test_a_log_that_the_second_place_has_never_seen_is_acknowledged_once(
    vault: RunningVault,
) -> None:
    text = vault.config.read_text()
    vault.config.write_text(text.replace(SECOND, ""))
    run(vault, 3)
    vault.config.write_text(text)
    (vault.folder / "second").mkdir()
    vault.start(FULL)
    found = recovery(vault)
    assert "never seen" in found.detail
    for who in ("officer", "operator"):
        found = acknowledge(vault, who, recovery(vault).incident)
    assert found.state == pb.RECOVERY_STATE_NONE
    until(lambda: kept(vault) >= 5)
    assert not (vault.folder / "second" / "superseded").exists()


def test_a_forged_checkpoint_in_the_second_place_is_no_way_in(vault: RunningVault) -> None:
    run(vault, 3)
    file = vault.folder / "second" / "checkpoint"
    file.write_bytes(file.read_bytes().replace(b"\n3\n", b"\n1\n"))
    vault.start(FULL)
    assert "not signed" in recovery(vault).detail


def test_a_second_place_that_is_away_at_the_start_closes_the_vault_and_heals(
    vault: RunningVault,
) -> None:
    run(vault, 3)
    second, aside = vault.folder / "second", vault.folder / "aside"
    second.rename(aside)
    vault.start(FULL)
    refused = refusal(partial(query, vault))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "SECOND_PLACE_AWAY")
    assert checks(vault)["recovery"].state == pb.HEALTH_STATE_CRITICAL
    assert recovery(vault).state == pb.RECOVERY_STATE_COMPARING
    aside.rename(second)
    until(lambda: recovery(vault).state == pb.RECOVERY_STATE_NONE)
    query(vault)


def test_a_second_place_that_goes_away_is_told_and_caught_up_with(vault: RunningVault) -> None:
    vault.start(FULL)
    work(vault, 2)
    until(lambda: kept(vault) >= 2)
    second, aside = vault.folder / "second", vault.folder / "aside"
    second.rename(aside)
    work(vault, 1)
    until(lambda: checks(vault)["second_place"].state == pb.HEALTH_STATE_WARNING)
    until(lambda: "ALERT second_place" in vault.log_text(FULL))
    aside.rename(second)
    until(lambda: checks(vault)["second_place"].state == pb.HEALTH_STATE_OK)
    count = size(vault)
    until(lambda: kept(vault) >= count)


def test_a_second_place_that_hangs_holds_up_neither_calls_nor_the_end(
    vault: RunningVault,
) -> None:
    """A FIFO in the checkpoint's place: whoever opens it waits for ever."""
    vault.start(FULL)
    work(vault, 2)
    until(lambda: kept(vault) >= 2)
    file = vault.folder / "second" / "checkpoint"
    note = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    began = time.monotonic()
    work(vault, 5)
    assert time.monotonic() - began < 5
    until(lambda: "hangs" in checks(vault)["second_place"].detail)
    began = time.monotonic()
    vault.terminate(FULL)
    assert time.monotonic() - began < 20
    # At the start it closes the vault, in bounded time, and heals.
    vault.start(FULL)
    assert refusal(partial(query, vault)).reason == "SECOND_PLACE_AWAY"
    assert "not answered" in recovery(vault).detail
    with file.open("wb") as writer:  # lets the look that hangs go on, with nothing
        writer.write(note)
    file.unlink()
    file.write_bytes(note)
    until(lambda: recovery(vault).state == pb.RECOVERY_STATE_NONE)


def test_without_a_rollback_there_is_nothing_to_acknowledge(vault: RunningVault) -> None:
    vault.start(FULL)
    with pytest.raises(grpc.RpcError):
        acknowledge(vault, "operator", "")
    refused = refusal(partial(acknowledge, vault, "operator", "a" * 16))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "NOTHING_TO_RECOVER")


def test_a_database_file_taken_from_under_the_server_stops_calls_and_heals(
    vault: RunningVault,
) -> None:
    vault.start(FULL)
    work(vault, 2)
    file, aside = vault.folder / "vault.db", vault.folder / "aside.db"
    file.rename(aside)
    refused = refusal(partial(query, vault))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "LOG_UNAVAILABLE")
    assert not file.exists()
    aside.rename(file)
    query(vault)
    work(vault, 1)
