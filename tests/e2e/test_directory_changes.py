"""Principals of the store over the wire: changed by two persons, in force on both tiers within a
second, and for good."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from tests.e2e.access_changes import (
    WITHIN_SECONDS,
    approve,
    certify,
    code,
    entry,
    health,
    propose,
    seconds_until,
    state,
)
from tests.e2e.people import OTHER_PARENT, PARENT
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault, other
from vault.audit import Decision
from vault.audit.log_sources import StoreSource
from vault.audit.reader import head
from vault.audit.verify_rows import verify_rows
from vault.server.settings import TierName

CALLERS = ("clerk", "clerk-2", "second-officer", "keeper-at-home", "visitor", "watcher", "ender")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    certify(each_vault, *CALLERS)
    # A second officer, so that the first one may be changed; and the keeper's other account.
    second = entry("second-officer", "security_officer", person="p-second-officer")
    home = entry("keeper-at-home", "security_officer", "access_admin", person="p-keeper")
    approve(each_vault, propose(each_vault, second, home))
    return each_vault


def masked_list(vault: RunningVault, who: str) -> object:
    return vault.masked(who).ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT))


def full_health(vault: RunningVault, who: str) -> object:
    return vault.admin(who).CheckHealth(admin_pb2.CheckHealthRequest(parts=["disk"]))


def in_seconds(seconds: float) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return made


# -- four eyes -----------------------------------------------------------------------------------


def test_an_approved_principal_is_served_by_both_tiers_within_a_second(
    vault: RunningVault, log: LogBook
) -> None:
    proposed = propose(vault, entry("clerk", "crm_viewer", "operator", person="p-clerk"))
    assert code(partial(masked_list, vault, "clerk")) == "UNAUTHENTICATED"
    assert state(vault, proposed) == "PROPOSED"
    size = log.size()
    approved = approve(vault, proposed)
    # The tier that took the approval has it in force when it answers.
    assert code(partial(full_health, vault, "clerk")) == "OK"
    assert seconds_until(partial(masked_list, vault, "clerk"), "OK") < WITHIN_SECONDS
    assert (state(vault, proposed), approved.decided_by) == ("APPROVED", "officer")
    event = next(e for e in log.since(size) if e.action == "access.proposals.approve")
    assert (event.decision, event.resource) == (Decision.ALLOWED, proposed.name)
    assert [row.name for row in event.rows] == [f"{proposed.name.split('/', 2)[2]}@2"]


@pytest.mark.parametrize("who", ["keeper", "keeper-at-home"])
def test_the_proposer_approves_nothing_under_no_account(vault: RunningVault, who: str) -> None:
    proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    refused = refusal(partial(approve, vault, proposed, who))
    reason = "ROLE_MISSING" if who == "keeper" else "PROPOSAL_OWN"
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", reason)
    assert state(vault, proposed) == "PROPOSED"


@pytest.mark.parametrize(
    ("upsert", "remove"),
    [
        ([], ("officer",)),
        ([entry("officer", "security_officer", "compliance", person="p-officer")], ()),
        ([entry("officer", "security_officer", person="p-somebody")], ()),
        ([entry("visitor", "compliance", person="p-officer")], ()),
    ],
    ids=["removed", "one more role", "said to be somebody else", "another account"],
)
def test_nobody_approves_a_change_of_his_own_entry(
    vault: RunningVault, upsert: list[pb.PrincipalEntry], remove: tuple[str, ...]
) -> None:
    proposed = propose(vault, *upsert, remove=remove)
    refused = refusal(partial(approve, vault, proposed))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "PROPOSAL_OWN_ENTRY")
    vault.access_admin("second-officer").RejectProposal(
        pb.RejectProposalRequest(name=proposed.name, etag=proposed.etag)
    )
    assert state(vault, proposed) == "REJECTED"


def test_an_approval_is_of_exactly_the_content_that_was_read(vault: RunningVault) -> None:
    first = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    second = propose(vault, entry("visitor", "compliance", person="p-visitor"))
    mixed = pb.Proposal(name=second.name, etag=first.etag)
    refused = refusal(partial(approve, vault, mixed))
    assert (refused.code, refused.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert (state(vault, first), state(vault, second)) == ("PROPOSED", "PROPOSED")


def test_a_proposal_is_decided_once(vault: RunningVault) -> None:
    proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    request = pb.RejectProposalRequest(name=proposed.name, etag=proposed.etag, comment="No.")
    vault.access_admin("officer").RejectProposal(request)
    refused = refusal(partial(approve, vault, proposed))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "PROPOSAL_NOT_OPEN")


def test_only_the_proposer_withdraws(vault: RunningVault) -> None:
    proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    asked = pb.WithdrawProposalRequest(name=proposed.name)
    refused = refusal(partial(vault.access_admin("officer").WithdrawProposal, asked))
    assert refused.code == "PERMISSION_DENIED"
    vault.access_admin("keeper-at-home").WithdrawProposal(asked)
    assert state(vault, proposed) == "WITHDRAWN"


def test_of_many_approvals_at_once_one_counts(vault: RunningVault) -> None:
    proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    people = ["officer", "second-officer"] * 10

    def one(who: str) -> str:
        return code(partial(approve, vault, proposed, who))

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(one, people))
    assert codes.count("OK") == 1
    assert set(codes) <= {"OK", "ABORTED", "FAILED_PRECONDITION"}
    approve(vault, propose(vault, remove=("visitor",)))


def test_the_other_banks_people_neither_see_nor_decide(vault: RunningVault) -> None:
    proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    theirs = other("officer")
    for call in (
        partial(approve, vault, proposed, theirs),
        partial(vault.access_admin(theirs).GetProposal, pb.GetProposalRequest(name=proposed.name)),
        partial(vault.access_admin(theirs).ListPrincipals, pb.ListPrincipalsRequest(parent=PARENT)),
        partial(propose, vault, entry("visitor", "crm_viewer"), who=other("keeper")),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "OTHER_INSTITUTION")


def test_a_bank_takes_nobodys_name_uri_or_node(vault: RunningVault) -> None:
    for wrong in (
        entry(other("backend"), "ingestor"),
        entry("clerk-2", "ingestor", uri=f"spiffe://demo.bank/{other('backend')}"),
        entry("masked-node", "ingestor"),
        entry("clerk-2", "masked_node"),
    ):
        refused = refusal(partial(propose, vault, wrong))
        assert refused.fields == {("change", "PRINCIPALS_INVALID")}
    theirs = refusal(
        partial(propose, vault, remove=("crm",), who=other("keeper"), parent=OTHER_PARENT)
    )
    assert theirs.fields == {("change", "PRINCIPALS_INVALID")}


def test_nobody_locks_everybody_out(vault: RunningVault) -> None:
    proposed = propose(vault, remove=("keeper", "keeper-at-home"))
    refused = refusal(partial(approve, vault, proposed))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "LOCKS_OUT")


# -- in time -------------------------------------------------------------------------------------


def test_a_role_that_has_ended_no_longer_counts(vault: RunningVault) -> None:
    ending = pb.RoleBinding(role="crm_viewer", not_after=in_seconds(2.5))
    approve(vault, propose(vault, entry("ender", ending, "operator", person="p-ender")))
    seconds_until(partial(masked_list, vault, "ender"), "OK")
    while time.time() < ending.not_after.ToDatetime(UTC).timestamp():
        time.sleep(0.02)
    assert code(partial(masked_list, vault, "ender")) == "PERMISSION_DENIED"
    assert code(partial(full_health, vault, "ender")) == "OK"


def followed(vault: RunningVault, who: str) -> Any:
    """The log as a stream that was opened, and goes on for longer than anybody waits."""
    request = ap.StreamEventsRequest(parent=PARENT, follow=True, from_end=True)
    stream = vault.audit(who).StreamEvents(request, timeout=15)
    assert "vault-receipt-bin" in dict(stream.initial_metadata())
    return stream


def test_a_stream_ends_with_the_role_that_it_stands_on(vault: RunningVault) -> None:
    ending = pb.RoleBinding(role="security_officer", not_after=in_seconds(2.5))
    approve(vault, propose(vault, entry("ender", ending, "operator", person="p-ender")))
    stream = followed(vault, "ender")
    ended = refusal(lambda: stream)
    late = time.time() - ending.not_after.ToDatetime(UTC).timestamp()
    assert (ended.code, ended.reason) == ("PERMISSION_DENIED", "ROLE_MISSING")
    assert 0 <= late < WITHIN_SECONDS


def test_a_certificate_that_an_approved_change_replaces_is_gone_from_calls_and_streams(
    vault: RunningVault,
) -> None:
    def held_to(digest: str) -> pb.PrincipalEntry:
        roles = ("security_officer", "crm_viewer", "operator")
        held = [f"sha256:{digest}"]
        return entry("watcher", *roles, person="p-watcher", certificates=held)

    approve(vault, propose(vault, held_to(vault.certificate_digest("watcher"))))
    seconds_until(partial(masked_list, vault, "watcher"), "OK")
    stream = followed(vault, "watcher")
    approve(vault, propose(vault, held_to(vault.certificate_digest("clerk"))))
    start = time.monotonic()
    assert refusal(partial(full_health, vault, "watcher")).reason == "CERTIFICATE_REFUSED"
    assert refusal(lambda: stream).reason == "CERTIFICATE_REFUSED"
    assert time.monotonic() - start < WITHIN_SECONDS
    assert seconds_until(partial(masked_list, vault, "watcher"), "UNAUTHENTICATED") < WITHIN_SECONDS
    approve(vault, propose(vault, remove=("watcher",)))


def test_a_removed_principal_is_gone_from_calls_and_running_streams(vault: RunningVault) -> None:
    approve(vault, propose(vault, entry("watcher", "security_officer", person="p-watcher")))
    stream = followed(vault, "watcher")
    approve(vault, propose(vault, remove=("watcher",)))
    start = time.monotonic()
    with pytest.raises(grpc.RpcError) as ended:
        for _ in stream:
            pass
    assert ended.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert time.monotonic() - start < WITHIN_SECONDS
    assert code(partial(vault.audit("watcher").QueryEvents, ap.QueryEventsRequest(parent=PARENT)))


def test_a_principal_of_the_file_is_gone_although_the_file_has_him(vault: RunningVault) -> None:
    assert code(partial(masked_list, vault, "crm")) == "OK"
    approve(vault, propose(vault, remove=("crm",)))
    took = seconds_until(partial(masked_list, vault, "crm"), "UNAUTHENTICATED")
    assert took < WITHIN_SECONDS
    vault.principals(before="# written again\n")
    time.sleep(0.7)
    assert code(partial(masked_list, vault, "crm")) == "UNAUTHENTICATED"
    approve(vault, propose(vault, entry("crm", "crm_viewer")))
    seconds_until(partial(masked_list, vault, "crm"), "OK")


# -- for good ------------------------------------------------------------------------------------


def test_a_restart_keeps_what_was_approved(vault: RunningVault) -> None:
    approve(vault, propose(vault, entry("clerk-2", "crm_viewer"), remove=("custodian",)))
    for tier in TierName:
        vault.kill(tier)
    vault.start()
    assert code(partial(masked_list, vault, "clerk-2")) == "OK"
    assert code(partial(masked_list, vault, "custodian")) == "UNAUTHENTICATED"


def test_everybody_is_listed_page_by_page(vault: RunningVault) -> None:
    stub = vault.access_admin("officer")
    found: list[pb.ListedPrincipal] = []
    token = ""
    while True:
        request = pb.ListPrincipalsRequest(parent=PARENT, page_size=3, page_token=token)
        page = stub.ListPrincipals(request)
        found += page.principals
        token = page.next_page_token
        if not token:
            break
    names = [one.entry.name for one in found]
    assert names == sorted(names) and {"officer", "second-officer"} <= {*names}
    sources = {one.entry.name: one.source for one in found}
    assert sources["officer"] == pb.PRINCIPAL_SOURCE_FILE
    assert sources["second-officer"] == pb.PRINCIPAL_SOURCE_STORE
    assert not any(name.endswith("of-other-bank") for name in names)


# -- beside the vault ----------------------------------------------------------------------------


def test_a_row_that_was_altered_changes_nothing_and_is_found(
    vault: RunningVault, log: LogBook
) -> None:
    vault.until_covered()
    size = log.database.read_sync(head).size
    source = StoreSource(vault.database)
    assert list(verify_rows(source, size)) == []
    applied = log.database.read_sync(
        lambda conn: conn.exec_driver_sql("SELECT max(applied) FROM proposals").scalar_one()
    )
    where = f"WHERE applied = {applied}"

    def run(sql: str) -> None:
        log.database.write_sync(lambda conn: conn.exec_driver_sql(sql))

    person = log.database.read_sync(
        lambda conn: conn.exec_driver_sql(f"SELECT person FROM proposals {where}").scalar_one()
    )
    run(f"UPDATE proposals SET person = 'p-forged' {where}")
    try:
        found = [(f.kind.name, f.place) for f in verify_rows(source, size)]
        assert len(found) == 1 and found[0][0] == "ROW_CHANGED" and "/proposals/" in found[0][1]
    finally:
        run(f"UPDATE proposals SET person = '{person}' {where}")
    # One that was put in: nobody is let in by it, and the vault says that something is wrong.
    run(
        "INSERT INTO proposals SELECT institution, proposal, version + 7, kind, stage, proposer, "
        f"person, applied + 1, recorded_at, recorded_by, body FROM proposals {where}"
    )
    run("UPDATE approved_head SET size = size + 1")
    try:
        for tier in TierName:
            start = time.monotonic()
            while health(vault, "access", tier)[0] != "CRITICAL":
                assert time.monotonic() - start < 5
                time.sleep(0.05)
        assert code(partial(masked_list, vault, "clerk")) == "OK"
        assert ("ROWS_UNLOGGED", "proposals") in [
            (f.kind.name, f.place) for f in verify_rows(source, size)
        ]
        # Nothing is approved on such ground.
        proposed = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
        assert code(partial(approve, vault, proposed)) != "OK"
    finally:
        run(f"DELETE FROM proposals WHERE applied = {applied} + 1")
        run("UPDATE approved_head SET size = size - 1")
    for tier in TierName:
        start = time.monotonic()
        while health(vault, "access", tier)[0] != "OK":
            assert time.monotonic() - start < 5
            time.sleep(0.05)
