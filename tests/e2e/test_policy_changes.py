"""Policies of the store over the wire: tested, approved by a second person, in force on both tiers
within a second, and for good."""

import threading
import time
from functools import partial

import grpc
import pytest

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.type.v1 import purpose_pb2
from tests.e2e.access_changes import (
    WITHIN_SECONDS,
    approve,
    certify,
    code,
    entry,
    health,
    propose,
    propose_policies,
    seconds_until,
    state,
    until_health,
)
from tests.e2e.people import PARENT
from tests.e2e.wire import LogBook, refusal
from tests.support.running_vault import RunningVault, other
from vault.server.settings import TierName

ROLE = """
@id("auditor-reads")
@en("An auditor reads masked views and the log.")
@zh("审计人员可查看脱敏视图与日志。")
permit (
  principal in RecordsVault::Role::"auditor",
  action in [RecordsVault::Action::"masked_read", RecordsVault::Action::"audit_read"],
  resource
);
"""
TESTS = """
[[test]]
name = "an auditor reads masked views"
roles = ["auditor"]
action = "masked.customers.get"
expect = "allow"
by = "auditor-reads"
"""
FAILING = """
[[test]]
name = "an auditor imports"
roles = ["auditor"]
action = "records.import"
expect = "allow"
"""


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With an auditor, whose role no policy names yet."""
    certify(each_vault, "auditor")
    approve(each_vault, propose(each_vault, entry("auditor", "auditor", person="p-auditor")))
    return each_vault


def in_force(vault: RunningVault) -> pb.GetPoliciesResponse:
    return vault.access_admin("officer").GetPolicies(pb.GetPoliciesRequest())


def files(vault: RunningVault, **changed: str) -> list[pb.PolicyFile]:
    """The files in force, with others (by name, `_` for the dot) in place of or beside them."""
    texts = {file.name: file.text for file in in_force(vault).files}
    texts |= {name.replace("__", "."): text for name, text in changed.items()}
    return [pb.PolicyFile(name=name, text=text) for name, text in texts.items() if text]


def masked_list(vault: RunningVault, who: str = "auditor") -> object:
    return vault.masked(who).ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT))


def read_log(vault: RunningVault, who: str = "auditor") -> object:
    return vault.audit(who).QueryEvents(ap.QueryEventsRequest(parent=PARENT))


def test_a_role_is_added_without_touching_the_program(vault: RunningVault, log: LogBook) -> None:
    assert health(vault, "principals")[0] == "WARNING"  # a role that no policy names
    seconds_until(partial(masked_list, vault), "PERMISSION_DENIED")
    proposed = propose_policies(
        vault, files(vault, auditor__cedar=ROLE, auditor__tests__toml=TESTS)
    )
    assert proposed.name.startswith("proposals/")
    assert code(partial(read_log, vault)) == "PERMISSION_DENIED"
    size = log.size()
    approve(vault, proposed)
    assert code(partial(read_log, vault)) == "OK"
    assert seconds_until(partial(masked_list, vault), "OK") < WITHIN_SECONDS
    assert in_force(vault).proposal == proposed.name
    assert health(vault, "principals")[0] == "OK"
    event = next(e for e in log.since(size) if e.action == "access.proposals.approve")
    assert [row.name for row in event.rows] == [f"vault/{proposed.name}@2"]
    assert (event.actor, event.resource) == ("officer", proposed.name)


def test_a_failing_test_stands_in_the_way(vault: RunningVault) -> None:
    wrong = files(vault, wrong__tests__toml=FAILING)
    asked = pb.ProposePoliciesRequest(files=wrong, reason="Try.")
    answer = vault.access_admin().ProposePolicies(asked)
    assert [t.name for t in answer.report.tests if not t.passed] == ["an auditor imports"]
    refused = refusal(partial(approve, vault, answer.proposal))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "POLICY_TESTS_FAILED")
    assert "an auditor imports" in refused.en and "an auditor imports" in refused.zh
    assert state(vault, answer.proposal) == "PROPOSED"


def test_policies_without_tests_are_not_approved(vault: RunningVault) -> None:
    bare = [file for file in files(vault) if file.name.endswith(".cedar")]
    refused = refusal(partial(approve, vault, propose_policies(vault, bare)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "POLICY_TESTS_FAILED")


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource);",
        '@id("x") @en("x") @zh("x") permit (principal, action, resource) when { context.mood };',
        '@id("x") @en("x") @zh("x") permit (principal, action == Action::"fly", resource);',
        "permit",
    ],
    ids=["without id", "an attribute that is none", "an action that is none", "not Cedar"],
)
def test_policies_that_are_not_valid_are_not_even_proposed(vault: RunningVault, text: str) -> None:
    refused = refusal(partial(propose_policies, vault, files(vault, wrong__cedar=text)))
    assert refused.fields == {("files", "POLICY_INVALID")}


def test_the_proposer_and_programs_approve_nothing(vault: RunningVault) -> None:
    proposed = propose_policies(vault, files(vault))
    for who in ("keeper", "backend", "operator", "auditor"):
        refused = refusal(partial(approve, vault, proposed, who))
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_MISSING"), who
    for who in ("officer", "operator", "crm"):
        refused = refusal(partial(propose_policies, vault, files(vault), who))
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_MISSING"), who


def test_policies_under_which_nothing_could_be_changed_any_more_are_not_approved(
    vault: RunningVault,
) -> None:
    texts = {file.name: file.text for file in files(vault)}
    roles = texts["roles.cedar"].replace(
        '"security_officer",\n  action in RecordsVault::Action::"access_decision"',
        '"nobody",\n  action in RecordsVault::Action::"access_decision"',
    )
    assert roles != texts["roles.cedar"]
    shut = [
        pb.PolicyFile(name="roles.cedar", text=roles),
        pb.PolicyFile(name="limits.cedar", text=texts["limits.cedar"]),
        pb.PolicyFile(name="auditor.cedar", text=ROLE),
        pb.PolicyFile(name="auditor.tests.toml", text=TESTS),
    ]
    refused = refusal(partial(approve, vault, propose_policies(vault, shut)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "LOCKS_OUT")


def test_a_dry_run_shows_tests_and_which_decisions_would_differ(vault: RunningVault) -> None:
    scope = (
        'principal in RecordsVault::Role::"teller", action in RecordsVault::Action::"audit_read"'
    )
    more = f'@id("new") @en("new") @zh("新") permit ({scope}, resource);'
    asked = pb.TestPoliciesRequest(files=files(vault, new__cedar=more), compare=True)
    report = vault.access_admin("officer").TestPolicies(asked).report
    assert not report.problem and all(test.passed for test in report.tests)
    assert {(c.role, c.where, c.before, c.after) for c in report.changes} == {
        ("teller", "own", "-", "yes")
    }
    assert list(report.added) == ["new"] and not report.removed
    broken = pb.TestPoliciesRequest(files=files(vault, new__cedar="permit"), compare=True)
    assert vault.access_admin("officer").TestPolicies(broken).report.problem


def test_calls_are_decided_by_the_old_or_the_new_policies_while_they_change(
    vault: RunningVault,
) -> None:
    """Never by neither: what both allow is answered throughout."""
    stop, codes = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            codes.append(code(partial(masked_list, vault, "crm")))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        for n in range(5):
            words = ROLE.replace("An auditor reads", f"An auditor ({n}) reads")
            approve(vault, propose_policies(vault, files(vault, auditor__cedar=words)))
            time.sleep(0.4)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert len(codes) > 50
    assert {*codes} == {"OK"}


def test_a_decision_is_explained_by_the_policies_in_force(vault: RunningVault) -> None:
    stub = vault.access_admin("officer")
    customer = f"{PARENT}/customers/{'0' * 26}"

    def explained(principal: str, action: str, **more: object) -> pb.ExplainAccessResponse:
        request = pb.ExplainAccessRequest(
            parent=PARENT,
            principal=principal,
            action=action,
            resource=str(more.pop("resource", customer)),
            **more,  # type: ignore[arg-type]  # fields of the request
        )
        return stub.ExplainAccess(request)

    allowed = explained("auditor", "masked.customers.get")
    assert allowed.allowed
    assert [p.id for p in allowed.explanations[0].policies] == ["auditor-reads"]
    full = explained("auditor", "records.customers.get", purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT)
    (why,) = full.explanations
    assert (full.allowed, why.reason) == (False, "ROLE_MISSING")
    assert list(why.roles_that_would) == ["compliance"]
    purpose = explained("compliance", "records.customers.get").explanations[0]
    assert purpose.reason == "PURPOSE_REQUIRED"
    assert "INTERNAL_AUDIT" in purpose.purposes_that_would
    theirs = f"institutions/other-bank/customers/{'0' * 26}"
    assert explained("crm", "masked.customers.get", resource=theirs).explanations[0].reason == (
        "OTHER_INSTITUTION"
    )
    lent = explained(
        "crm",
        "records.customers.get",
        bearer="teller",
        check_out=True,
        purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE,
    )
    assert lent.allowed and [one.principal for one in lent.explanations] == ["crm", "teller"]
    unknown = refusal(partial(explained, "nobody", "masked.customers.get"))
    assert unknown.code == "NOT_FOUND"
    odd = refusal(partial(explained, "crm", "masked.customers.steal"))
    assert odd.fields == {("action", "NO_SUCH_ACTION")}


def test_who_can_names_everybody_and_on_what_condition(vault: RunningVault) -> None:
    stub = vault.access_admin("officer")
    customer = f"{PARENT}/customers/{'0' * 26}"
    found = {one.principal: one for one in stub.WhoCan(pb.WhoCanRequest(resource=customer)).able}
    assert {"backend", "compliance", "teller", "crm"} <= found.keys()
    assert not any(name.endswith("of-other-bank") for name in found)
    assert "auditor" not in found and "officer" not in found
    assert "REGULATOR_REQUEST" in found["compliance"].purposes_with_case
    assert found["teller"].with_check_out and not found["teller"].purposes
    assert found["crm"].with_check_out and found["crm"].for_person
    masked = pb.WhoCanRequest(resource=customer, action="masked.customers.get")
    assert "auditor" in {one.principal for one in stub.WhoCan(masked).able}


def test_a_running_stream_ends_when_policy_no_longer_allows_it(vault: RunningVault) -> None:
    request = ap.StreamEventsRequest(parent=PARENT, follow=True, from_end=True)
    stream = vault.audit("auditor").StreamEvents(request)
    assert "vault-receipt-bin" in dict(stream.initial_metadata())  # it was opened
    less = ROLE.replace(', RecordsVault::Action::"audit_read"', "")
    approve(vault, propose_policies(vault, files(vault, auditor__cedar=less)))
    start = time.monotonic()
    with pytest.raises(grpc.RpcError) as ended:
        for _ in stream:
            pass
    assert ended.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert time.monotonic() - start < WITHIN_SECONDS


def test_a_restart_keeps_what_was_approved(vault: RunningVault) -> None:
    before = in_force(vault)
    for tier in TierName:
        vault.kill(tier)
    vault.start()
    assert code(partial(masked_list, vault)) == "OK"
    assert in_force(vault) == before


def test_a_server_does_not_start_on_approved_rows_that_were_altered(
    vault: RunningVault, log: LogBook
) -> None:
    def run(sql: str) -> None:
        log.database.write_sync(lambda conn: conn.exec_driver_sql(sql))

    vault.terminate(TierName.MASKED)
    run("UPDATE proposals SET person = person || '-x' WHERE applied = 1")
    try:
        with pytest.raises(RuntimeError, match="did not start"):
            vault.start(TierName.MASKED)
        # The one that runs keeps what it has read.
        assert code(
            partial(vault.access_admin("officer").GetPolicies, pb.GetPoliciesRequest())
        ) == ("OK")
        until_health(vault, "access", "CRITICAL")
    finally:
        shorter = "substr(person, 1, length(person) - 2)"
        run(f"UPDATE proposals SET person = {shorter} WHERE applied = 1")
    vault.start(TierName.MASKED)
    until_health(vault, "access", "OK")


def test_policies_are_the_vaults_so_any_banks_officer_may_approve_them(vault: RunningVault) -> None:
    proposed = propose_policies(vault, files(vault))
    assert code(partial(approve, vault, proposed, other("officer"))) == "OK"
