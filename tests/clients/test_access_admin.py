"""Policies, principals and decoys by either client: what is sent, how often, what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import watch_pb2
from recordsvault.type.v1 import purpose_pb2
from recordsvault_client import (
    Aborted,
    AccessAdminClient,
    AsyncAccessAdminClient,
    AsyncDecoysClient,
    DecoysClient,
    Unavailable,
    proposal_kinds,
)
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, Refused, unavailable

PARENT = "institutions/demo-bank"
NAME = f"{PARENT}/proposals/{'0' * 26}"
CUSTOMER = f"{PARENT}/customers/{'0' * 26}"
ETAG = "0" * 32
TEXTS = {"a.cedar": "permit (principal, action, resource);", "a.tests.toml": ""}
CHANGE = pb.DirectoryChange(remove=["clerk"])
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ6aGFuZyJ9.c2lnbmVk"


def proposal(**fields: Any) -> pb.Proposal:
    return pb.Proposal(name=NAME, etag=ETAG, **fields)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "ProposePolicies": lambda c: c.access_admin.propose_policies(TEXTS, reason="Audit"),
    "ProposeDirectoryChange": lambda c: c.access_admin.propose_change(CHANGE, reason="Left"),
    "ApproveProposal": lambda c: c.access_admin.approve(NAME, etag=ETAG, comment="Seen"),
    "RejectProposal": lambda c: c.access_admin.reject(NAME, etag=ETAG, comment="Seen"),
    "WithdrawProposal": lambda c: c.access_admin.withdraw(NAME),
}
READS: dict[str, Callable[[Any], Any]] = {
    "GetPolicies": lambda c: c.access_admin.policies(),
    "TestPolicies": lambda c: c.access_admin.test_policies(TEXTS, compare=True),
    "GetProposal": lambda c: c.access_admin.get_proposal(NAME),
    "ListProposals": lambda c: c.access_admin.list_proposals(),
    "ListPrincipals": lambda c: c.access_admin.list_principals(),
    "ExplainAccess": lambda c: c.access_admin.explain("clerk", "masked.customers.get"),
    "WhoCan": lambda c: c.access_admin.who_can(),
    # Said twice it changes nothing.
    "SetDecoy": lambda c: c.decoys.add(CUSTOMER),
    "ListDecoys": lambda c: c.decoys.list(),
}

ALL = CHANGES | READS


def answers(fake: FakeVault) -> None:
    """What the vault says where a test says nothing else."""
    one = proposal(state=pb.PROPOSAL_STATE_PROPOSED)
    report = pb.PolicyReport(added=["a"])
    fake.answers |= {
        "ProposePolicies": lambda _: pb.ProposePoliciesResponse(proposal=one, report=report),
        "ProposeDirectoryChange": lambda _: pb.ProposeDirectoryChangeResponse(proposal=one),
        "ApproveProposal": lambda _: pb.ApproveProposalResponse(proposal=one),
        "RejectProposal": lambda _: pb.RejectProposalResponse(proposal=one),
        "WithdrawProposal": lambda _: pb.WithdrawProposalResponse(proposal=one),
        "GetPolicies": lambda _: pb.GetPoliciesResponse(roles=["teller"]),
        "TestPolicies": lambda _: pb.TestPoliciesResponse(report=report),
        "GetProposal": lambda _: pb.GetProposalResponse(proposal=one, report=report),
        "ListProposals": lambda _: pb.ListProposalsResponse(proposals=[one]),
        "ListPrincipals": lambda _: pb.ListPrincipalsResponse(
            principals=[pb.ListedPrincipal(active=True)]
        ),
        "ExplainAccess": lambda _: pb.ExplainAccessResponse(allowed=True),
        "WhoCan": lambda _: pb.WhoCanResponse(able=[pb.Able(principal="clerk")]),
        "SetDecoy": lambda _: watch_pb2.SetDecoyResponse(),
        "ListDecoys": lambda _: watch_pb2.ListDecoysResponse(decoys=[CUSTOMER]),
    }


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""
    answers(fake)
    return fake


def test_every_call_of_both_services_is_made_by_the_client() -> None:
    services = (
        pb.DESCRIPTOR.services_by_name["AccessAdmin"],
        watch_pb2.DESCRIPTOR.services_by_name["Watch"],
    )
    assert {m.name for service in services for m in service.methods} == {*CHANGES, *READS}


@pytest.mark.parametrize(
    ("blocking", "asynchronous"),
    [(AccessAdminClient, AsyncAccessAdminClient), (DecoysClient, AsyncDecoysClient)],
)
def test_both_clients_take_the_same(blocking: type, asynchronous: type) -> None:
    def shape(kind: type) -> dict[str, list[tuple[str, object]]]:
        return {
            name: [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(blocking) == shape(asynchronous) != {}


@pytest.mark.parametrize("method", CHANGES)
def test_what_changes_something_is_sent_once(vault: FakeVault, ask: Ask, method: str) -> None:
    vault.fail(method, unavailable())
    with pytest.raises(Unavailable):
        ask(CHANGES[method])
    assert len(vault.called(method)) == 1


@pytest.mark.parametrize("method", READS)
def test_what_may_be_repeated_is_tried_again(vault: FakeVault, ask: Ask, method: str) -> None:
    vault.fail(method, unavailable(), unavailable())
    ask(READS[method])
    assert len(vault.called(method)) == 3


@pytest.mark.parametrize("method", ALL)
def test_a_program_asks_for_a_person_by_his_token(vault: FakeVault, ask: Ask, method: str) -> None:
    ask(lambda client: ALL[method](client.acting_for(TOKEN)))
    assert {call.authorization for call in vault.calls} == {f"Bearer {TOKEN}"}


def test_what_is_proposed_is_sent_whole_and_comes_back_with_its_etag(
    vault: FakeVault, ask: Ask
) -> None:
    made = ask(CHANGES["ProposePolicies"])
    (sent,) = vault.called("ProposePolicies")
    assert {file.name: file.text for file in sent.files} == TEXTS
    assert sent.reason == "Audit"
    assert (made.proposal.etag, list(made.report.added)) == (ETAG, ["a"])
    changed = ask(CHANGES["ProposeDirectoryChange"])
    (sent,) = vault.called("ProposeDirectoryChange")
    assert (sent.parent, sent.change, sent.reason) == (PARENT, CHANGE, "Left")
    assert changed.name == NAME
    ask(
        lambda c: c.access_admin.propose_change(
            CHANGE, reason="Left", parent="institutions/other-bank"
        )
    )
    assert vault.called("ProposeDirectoryChange")[-1].parent == "institutions/other-bank"


@pytest.mark.parametrize("method", ["ApproveProposal", "RejectProposal"])
def test_a_decision_carries_what_was_read(vault: FakeVault, ask: Ask, method: str) -> None:
    ask(CHANGES[method])
    (sent,) = vault.called(method)
    assert (sent.name, sent.etag, sent.comment) == (NAME, ETAG, "Seen")


def test_who_decides_hears_that_it_has_changed(vault: FakeVault, ask: Ask) -> None:
    info = error_details_pb2.ErrorInfo(reason="ETAG_MISMATCH")
    vault.fail("ApproveProposal", Refused(grpc.StatusCode.ABORTED, "It has changed.", info))
    with pytest.raises(Aborted) as refused:
        ask(CHANGES["ApproveProposal"])
    assert refused.value.reason == "ETAG_MISMATCH"


def test_policies_are_tried_and_compared(vault: FakeVault, ask: Ask) -> None:
    assert list(ask(READS["TestPolicies"]).added) == ["a"]
    ask(lambda c: c.access_admin.test_policies(TEXTS))
    first, second = vault.called("TestPolicies")
    assert (first.compare, second.compare) == (True, False)
    assert {file.name: file.text for file in first.files} == TEXTS


def test_a_slow_comparison_has_the_time_that_it_is_given(vault: FakeVault, ask: Ask) -> None:
    ask(lambda c: c.access_admin.test_policies(TEXTS, compare=True, timeout=60))
    (call,) = vault.calls
    assert call.remaining is not None and 50 < call.remaining <= 60


def test_proposals_come_page_by_page_of_the_institution_or_of_the_vault(
    vault: FakeVault, ask: Ask
) -> None:
    def page(request: pb.ListProposalsRequest) -> pb.ListProposalsResponse:
        token = {"": "second", "second": "third", "third": ""}[request.page_token]
        return pb.ListProposalsResponse(
            proposals=[proposal(comment=request.page_token)], next_page_token=token
        )

    vault.answers["ListProposals"] = page
    found = ask(lambda c: c.access_admin.list_proposals(kind="DIRECTORY", page_size=1))
    assert [one.comment for one in found] == ["", "second", "third"]
    sent = vault.called("ListProposals")
    assert {(one.parent, one.kind, one.page_size) for one in sent} == {
        (PARENT, pb.PROPOSAL_KIND_DIRECTORY, 1)
    }
    ask(lambda c: c.access_admin.list_proposals(kind="proposal_kind_policy", parent=""))
    sent = vault.called("ListProposals")[3:]
    assert {(one.parent, one.kind) for one in sent} == {("", pb.PROPOSAL_KIND_POLICY)}
    ask(lambda c: c.access_admin.list_proposals(page_token="third"))
    assert vault.called("ListProposals")[-1].kind == pb.PROPOSAL_KIND_UNSPECIFIED


def proposals_of(kind: str, client: Any) -> Any:
    return client.access_admin.list_proposals(kind=kind)


def test_another_kind_is_refused_before_anything_is_sent(vault: FakeVault, ask: Ask) -> None:
    assert proposal_kinds() == ("POLICY", "DIRECTORY", "KEYS", "RETENTION", "MERGE")
    for kind in ("UNSPECIFIED", "ROLE"):
        with pytest.raises(ValueError, match="POLICY, DIRECTORY, KEYS, RETENTION, MERGE"):
            ask(partial(proposals_of, kind))
    assert not vault.calls


def test_principals_come_page_by_page(vault: FakeVault, ask: Ask) -> None:
    def page(request: pb.ListPrincipalsRequest) -> pb.ListPrincipalsResponse:
        entry = pb.PrincipalEntry(name=request.page_token or "a")
        return pb.ListPrincipalsResponse(
            principals=[pb.ListedPrincipal(entry=entry)],
            next_page_token="" if request.page_token else "b",
        )

    vault.answers["ListPrincipals"] = page
    found = ask(lambda c: c.access_admin.list_principals(page_size=1))
    assert [one.entry.name for one in found] == ["a", "b"]
    assert {one.parent for one in vault.called("ListPrincipals")} == {PARENT}


def test_a_question_says_all_that_enters_the_decision(vault: FakeVault, ask: Ask) -> None:
    answer = ask(
        lambda c: c.access_admin.explain(
            "crm",
            "records.customers.get",
            resource=CUSTOMER,
            purpose="INTERNAL_AUDIT",
            case_reference=True,
            check_out=True,
            bearer="clerk",
        )
    )
    assert answer.allowed
    ask(READS["ExplainAccess"])
    full, bare = vault.called("ExplainAccess")
    assert full == pb.ExplainAccessRequest(
        parent=PARENT,
        principal="crm",
        action="records.customers.get",
        resource=CUSTOMER,
        purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
        case_reference=True,
        check_out=True,
        bearer="clerk",
    )
    assert bare == pb.ExplainAccessRequest(
        parent=PARENT, principal="clerk", action="masked.customers.get"
    )
    with pytest.raises(ValueError, match="no such purpose"):
        ask(lambda c: c.access_admin.explain("crm", "records.customers.get", purpose="FUN"))


def test_who_can_is_asked_of_a_customer_or_of_all(vault: FakeVault, ask: Ask) -> None:
    assert [one.principal for one in ask(READS["WhoCan"]).able] == ["clerk"]
    ask(lambda c: c.access_admin.who_can(CUSTOMER, action="masked.customers.get"))
    assert [(one.resource, one.action) for one in vault.called("WhoCan")] == [
        (PARENT, ""),
        (CUSTOMER, "masked.customers.get"),
    ]


def test_decoys_are_added_removed_and_listed(vault: FakeVault, ask: Ask) -> None:
    ask(lambda c: c.decoys.add(CUSTOMER))
    ask(lambda c: c.decoys.remove(CUSTOMER))
    assert [(one.name, one.decoy) for one in vault.called("SetDecoy")] == [
        (CUSTOMER, True),
        (CUSTOMER, False),
    ]
    assert ask(lambda c: c.decoys.list()) == (CUSTOMER,)
    ask(lambda c: c.decoys.list(parent="institutions/other-bank"))
    assert [one.parent for one in vault.called("ListDecoys")] == [
        PARENT,
        "institutions/other-bank",
    ]
