"""A database that is set back under the running servers, or under a masked node that runs alone."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from recordsvault.admin.v1 import admin_pb2 as pb
from recordsvault.audit.v1 import audit_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from tests.e2e.wire import refusal
from tests.hostile.driving import reason_of
from tests.support.databases import PostgresServer
from tests.support.running_vault import OWN
from tests.support.set_back import SetBackVault, copy, eventually, set_back_vault
from vault.audit.checkpoint import read_checkpoint
from vault.server.settings import TierName

FULL, MASKED = TierName.FULL, TierName.MASKED
SECOND = 'second_place = "second"'
BOUND = 2.0
"""Seconds within which a log that was set back is refused."""


@pytest.fixture
def server(dialect: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    if dialect == "sqlite":
        return None
    made: PostgresServer = request.getfixturevalue("postgres_server")
    return made


@pytest.fixture
def vault(tmp_path: Path, server: PostgresServer | None) -> Iterator[SetBackVault]:
    with set_back_vault(tmp_path, server, SECOND) as made:
        yield made


@pytest.fixture
def alone(tmp_path: Path, server: PostgresServer | None) -> Iterator[SetBackVault]:
    """Without a second place."""
    with set_back_vault(tmp_path, server, "") as made:
        yield made


def work(vault: SetBackVault, count: int) -> None:
    for _ in range(count):
        vault.admin().CheckHealth(pb.CheckHealthRequest(parts=["kms"]), timeout=10)


def kept(vault: SetBackVault) -> int:
    file = vault.second / "checkpoint"
    return read_checkpoint(file.read_bytes()).body.size if file.exists() else 0


def query(vault: SetBackVault) -> object:
    request = audit_pb2.QueryEventsRequest(parent=f"institutions/{OWN}")
    return vault.audit().QueryEvents(request, timeout=10)


def listed(vault: SetBackVault) -> object:
    request = mp.ListMaskedCustomersRequest(parent=f"institutions/{OWN}")
    return vault.masked().ListMaskedCustomers(request, timeout=10)


def reason(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return reason_of(error)[1]
    return ""


def check(vault: SetBackVault, tier: TierName = FULL, part: str = "recovery") -> pb.HealthCheck:
    request = pb.CheckHealthRequest(parts=[part])
    (found,) = vault.admin("operator", tier).CheckHealth(request, timeout=10).checks
    return found


def says_that_it_does_not_serve(vault: SetBackVault, tier: TierName) -> bool:
    stub: Any = health_pb2_grpc.HealthStub(vault.channel("operator", tier))
    status = stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status
    return bool(status == health_pb2.HealthCheckResponse.NOT_SERVING)


def report(vault: SetBackVault, tier: TierName = FULL) -> pb.Recovery:
    return vault.admin("operator", tier).GetRecovery(pb.GetRecoveryRequest(), timeout=10).recovery


def acknowledge(vault: SetBackVault, who: str, tier: TierName = FULL) -> pb.Recovery:
    request = pb.AcknowledgeRecoveryRequest(incident=report(vault).incident)
    return vault.admin(who, tier).AcknowledgeRecovery(request, timeout=10).recovery


def _replace(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.chmod(0o600)
    fresh.replace(file)


def with_an_old_state(vault: SetBackVault, *, signed: bool = True) -> int:
    """Run it, keep a state, run on, until that is kept too where it is signed; the old size."""
    vault.start(FULL)
    work(vault, 3)
    vault.terminate(FULL)
    vault.save("old")
    old = vault.size()
    vault.start(FULL)
    vault.start(MASKED)
    work(vault, 4)
    listed(vault)
    if signed:
        eventually(lambda: kept(vault) >= old + 4)
    return old


def refused(vault: SetBackVault, *calls: partial[object]) -> None:
    """Within the bound all calls are refused for what it is."""
    took = eventually(lambda: all(reason(call) == "LOG_ROLLED_BACK" for call in calls))
    assert took < BOUND + 1  # and the calls themselves


def test_a_log_set_back_under_both_tiers_is_refused_until_two_acknowledge(
    vault: SetBackVault,
) -> None:
    old = with_an_old_state(vault)
    vault.set_back("old")
    calls = partial(query, vault), partial(listed, vault)
    refused(vault, *calls)
    for tier in TierName:
        eventually(lambda tier=tier: report(vault, tier).state == pb.RECOVERY_STATE_REFUSED)  # type: ignore[misc]
        state = check(vault, tier)
        assert state.state == pb.HEALTH_STATE_CRITICAL
        assert "older" in state.detail and "acknowledge" in state.remedy
        eventually(partial(says_that_it_does_not_serve, vault, tier))
    assert "ALERT: the log was set back" in vault.log_text(FULL)
    assert vault.size() == old  # nothing is written to it

    elsewhere = refusal(partial(acknowledge, vault, "operator", MASKED))
    assert (elsewhere.code, elsewhere.reason) == ("FAILED_PRECONDITION", "RECOVERY_ELSEWHERE")
    acknowledge(vault, "operator")
    assert [reason(call) for call in calls] == ["LOG_ROLLED_BACK"] * 2
    assert acknowledge(vault, "officer").state == pb.RECOVERY_STATE_NONE
    query(vault)
    eventually(lambda: not reason(calls[1]))
    # It is signed and kept again, without a restart.
    work(vault, 3)
    eventually(lambda: kept(vault) >= old + 5)
    assert check(vault, part="checkpoints").state == pb.HEALTH_STATE_OK
    assert check(vault, part="second_place").state == pb.HEALTH_STATE_OK
    assert check(vault, MASKED).state == pb.HEALTH_STATE_OK


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_second_place_that_fails_behind_both_words_is_waited_for(vault: SetBackVault) -> None:
    old = with_an_old_state(vault)
    vault.set_back("old")
    calls = partial(query, vault), partial(listed, vault)
    refused(vault, *calls)
    eventually(lambda: report(vault).state == pb.RECOVERY_STATE_REFUSED)
    obstacle = vault.second / "superseded"
    obstacle.write_text("")
    acknowledge(vault, "operator")
    incident = report(vault).incident
    assert refusal(partial(acknowledge, vault, "officer")).reason == "SECOND_PLACE_AWAY"
    assert vault.size() == old + 2  # both words, once
    assert [reason(call) for call in calls] == ["LOG_ROLLED_BACK"] * 2
    assert refusal(partial(acknowledge, vault, "officer")).reason == "SECOND_PLACE_AWAY"
    assert (vault.size(), report(vault).incident) == (old + 2, incident)
    obstacle.unlink()
    eventually(lambda: [reason(call) for call in calls] == ["", ""])
    assert report(vault).state == pb.RECOVERY_STATE_NONE
    work(vault, 1)
    eventually(lambda: kept(vault) >= old + 2)


def test_entries_that_no_checkpoint_covers_are_missed_too(
    tmp_path: Path, server: PostgresServer | None
) -> None:
    """What was kept is still there; the servers remember what came behind it."""
    slow = f"{SECOND}\ncheckpoint_interval_ms = 600000\npromise_seconds = 3600"
    with set_back_vault(tmp_path, server, slow) as vault:
        with_an_old_state(vault, signed=False)
        kept_then = kept(vault)
        vault.set_back("old")
        calls = partial(query, vault), partial(listed, vault)
        refused(vault, *calls)
        eventually(lambda: report(vault).state == pb.RECOVERY_STATE_REFUSED)
        assert kept(vault) == kept_then == report(vault).kept_size
        assert "this server has seen" in report(vault).detail
        assert check(vault, MASKED).state == pb.HEALTH_STATE_CRITICAL
        acknowledge(vault, "officer")
        assert reason(calls[0]) == "LOG_ROLLED_BACK"
        assert acknowledge(vault, "operator").state == pb.RECOVERY_STATE_NONE
        query(vault)
        eventually(lambda: not reason(calls[1]))


def test_two_accounts_of_one_person_are_one_word(vault: SetBackVault) -> None:
    with_an_old_state(vault)
    vault.set_back("old")
    refused(vault, partial(query, vault))
    eventually(lambda: report(vault).state == pb.RECOVERY_STATE_REFUSED)
    file = vault.folder / "principals.toml"
    written = file.read_text("utf-8")
    known_as = written.replace('person = "p-officer"', 'person = "p-operator"')
    unknown = written.replace('person = "p-officer"\n', "")
    _replace(file, unknown)
    eventually(lambda: reason(partial(acknowledge, vault, "officer")) == "PERSON_REQUIRED")
    _replace(file, known_as)
    eventually(lambda: reason(partial(acknowledge, vault, "officer")) == "")
    assert reason(partial(acknowledge, vault, "operator")) == "SECOND_PERSON_NEEDED"
    assert report(vault).state == pb.RECOVERY_STATE_REFUSED


def test_without_a_second_place_the_memory_of_the_servers_stands_for_it(
    alone: SetBackVault,
) -> None:
    old = with_an_old_state(alone, signed=False)
    alone.set_back("old")
    calls = partial(query, alone), partial(listed, alone)
    refused(alone, *calls)
    eventually(lambda: report(alone).state == pb.RECOVERY_STATE_REFUSED)
    acknowledge(alone, "operator")
    assert acknowledge(alone, "officer").state == pb.RECOVERY_STATE_NONE
    query(alone)
    assert alone.size() == old + 3
    # Nothing tells a masked node of it; it says so.
    assert reason(calls[1]) == "LOG_ROLLED_BACK"
    assert "restart" in check(alone, MASKED).remedy
    alone.terminate(MASKED)
    alone.start(MASKED)
    listed(alone)


def test_a_masked_node_that_runs_alone_refuses_a_log_that_was_set_back(
    vault: SetBackVault,
) -> None:
    old = with_an_old_state(vault)
    vault.terminate(MASKED)
    vault.terminate(FULL)
    vault.set_back("old")
    vault.start(MASKED)
    call = partial(listed, vault)
    answer = refusal(call)
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "LOG_ROLLED_BACK")
    assert check(vault, MASKED).state == pb.HEALTH_STATE_CRITICAL
    assert vault.size() == old
    vault.start(FULL)
    for who in ("operator", "officer"):
        acknowledge(vault, who)
    eventually(lambda: not reason(call))


def test_a_masked_node_that_runs_alone_notices_it_under_itself(vault: SetBackVault) -> None:
    with_an_old_state(vault)
    vault.terminate(FULL)
    vault.set_back("old")
    refused(vault, partial(listed, vault))


def test_the_right_database_put_back_is_served_again(vault: SetBackVault) -> None:
    with_an_old_state(vault)
    if vault.server is None:
        vault.save("right")
    vault.set_back("old")
    calls = partial(query, vault), partial(listed, vault)
    refused(vault, *calls)
    if vault.server is not None:
        vault.server.execute(f"ALTER DATABASE {vault.name}_gone RENAME TO {vault.name}_right")
        vault.server.execute(f"ALTER DATABASE {vault.name}_right WITH ALLOW_CONNECTIONS true")
    vault.set_back("right")
    eventually(lambda: [reason(call) for call in calls] == ["", ""])
    assert report(vault).state == pb.RECOVERY_STATE_NONE


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_follower_who_only_waits_is_sent_away(vault: SetBackVault) -> None:
    with_an_old_state(vault)
    request = audit_pb2.StreamEventsRequest(parent=f"institutions/{OWN}")
    stream = vault.audit().StreamEvents(request, timeout=60)
    ended: list[grpc.RpcError] = []

    def follow() -> None:
        try:
            for _ in stream:
                pass
        except grpc.RpcError as error:
            ended.append(error)

    follower = threading.Thread(target=follow)
    follower.start()
    vault.set_back("old")
    follower.join(BOUND + 3)
    assert not follower.is_alive()
    assert ended[0].code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_file_renamed_into_the_databases_place_stops_both_tiers_and_is_compared_at_the_start(
    vault: SetBackVault,
) -> None:
    with_an_old_state(vault)
    old, file = vault.folder / "old.db", vault.folder / "vault.db"
    os.rename(old, file)
    calls = partial(query, vault), partial(listed, vault)
    assert [reason(call) for call in calls] == ["LOG_UNAVAILABLE"] * 2
    for tier in TierName:
        assert check_fails(vault, tier)
        vault.kill(tier)
    for part in ("-wal", "-shm"):
        (vault.folder / f"vault.db{part}").unlink(missing_ok=True)
    vault.start(MASKED)
    assert reason(calls[1]) == "LOG_ROLLED_BACK"
    vault.start(FULL)
    assert reason(calls[0]) == "LOG_ROLLED_BACK"


def check_fails(vault: SetBackVault, tier: TierName) -> bool:
    """Even health is a call, and has its entry."""
    call = partial(check, vault, tier, "kms")
    return reason(call) == "LOG_UNAVAILABLE"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_masked_node_waits_for_the_full_tier_to_begin_the_second_place(
    vault: SetBackVault,
) -> None:
    vault.second.mkdir()
    vault.start(MASKED)
    assert reason(partial(listed, vault)) == "SECOND_PLACE_AWAY"
    assert "start the full tier" in check(vault, MASKED).detail
    assert vault.size() == 0
    vault.start(FULL)
    eventually(lambda: not reason(partial(listed, vault)))
    assert report(vault).state == pb.RECOVERY_STATE_NONE


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_masked_node_needs_the_logs_public_key(vault: SetBackVault) -> None:
    text = vault.config.read_text()
    vault.config.write_text(text.replace('public_keys = "log.vkey"', ""))
    with pytest.raises(RuntimeError, match=r"log\.public_keys"):
        vault.start(MASKED)
    vault.config.write_text(text)
    (vault.folder / "log.vkey").write_text("x\n")
    with pytest.raises(RuntimeError, match="no public key"):
        vault.start(MASKED)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_second_place_that_goes_away_under_a_masked_node_is_told_and_waited_for(
    vault: SetBackVault,
) -> None:
    with_an_old_state(vault)
    aside = vault.second.rename(vault.folder / "aside")
    eventually(lambda: check(vault, MASKED).state == pb.HEALTH_STATE_WARNING)
    listed(vault)
    # An empty folder, as where a disk was mounted, is no log that was set back.
    vault.second.mkdir()
    eventually(lambda: "never seen" in check(vault, MASKED).detail)
    listed(vault)
    vault.second.rmdir()
    aside.rename(vault.second)
    eventually(lambda: check(vault, MASKED).state == pb.HEALTH_STATE_OK)
    copy(vault.folder / "old.db", vault.folder / "vault.db")
    refused(vault, partial(listed, vault))
