"""Retention and holds by either client: what is sent, and what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from recordsvault.retention.v1 import retention_pb2 as pb
from recordsvault_client import (
    AsyncHoldsClient,
    AsyncRetentionClient,
    HoldsClient,
    RetentionClient,
    Unavailable,
)
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, unavailable
from tests.clients.test_access_admin import PARENT

ID = "0" * 26
PLAN, CASE = f"{PARENT}/disposals/{ID}", f"{PARENT}/compartments/{ID}"
HOLD = f"{CASE}/holds/{ID}"
ONE, HELD = pb.Disposal(name=PLAN, plan_sha256="a" * 64), pb.Hold(name=HOLD)
CHANGES: dict[str, Callable[[Any], Any]] = {
    "ProposeRuleSet": lambda c: c.retention.propose("text", reason="A law", shortens=True),
    "ProposeRuling": lambda c: c.retention.propose_ruling("a/x", "b/x", reason="Counsel"),
    "ApproveRules": lambda c: c.retention.approve_rules(f"{PARENT}/proposals/{ID}", etag="e"),
    "PlanDisposal": lambda c: c.retention.plan(reason="Due"),
    "ApproveDisposal": lambda c: c.retention.approve(PLAN, plan_sha256="a" * 64),
    "ExecuteDisposal": lambda c: c.retention.execute(PLAN),
    "ProposeHoldRelease": lambda c: c.holds.propose_release(HOLD, reason="Over"),
    "AgreeHoldRelease": lambda c: c.holds.agree_release(HOLD, etag="e"),
}
READS: dict[str, Callable[[Any], Any]] = {
    "ListRuleSets": lambda c: c.retention.rule_sets(),
    "PreviewRuleSet": lambda c: c.retention.preview("text"),
    "GetDisposal": lambda c: c.retention.get(PLAN),
    "GetDisposalCertificate": lambda c: c.retention.certificate(PLAN),
    # With a request_id the same hold is placed once, however often it is sent.
    "PlaceHold": lambda c: c.holds.place(CASE, HELD),
}
PAGES = {"ListDisposals", "ListDisposalItems", "ListHolds"}


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""
    proposal = pb.RulesProposal(name=f"{PARENT}/proposals/{ID}", etag="e")
    fake.answers |= {
        "ListRuleSets": lambda _: pb.ListRuleSetsResponse(rule_sets=[pb.RuleSet(name="cn")]),
        "PreviewRuleSet": lambda _: pb.PreviewRuleSetResponse(effect=pb.Effect(later=3)),
        "ProposeRuleSet": lambda _: pb.ProposeRuleSetResponse(proposal=proposal),
        "ProposeRuling": lambda _: pb.ProposeRulingResponse(proposal=proposal),
        "ApproveRules": lambda _: pb.ApproveRulesResponse(proposal=proposal),
        "PlanDisposal": lambda _: pb.PlanDisposalResponse(disposal=ONE),
        "GetDisposal": lambda _: pb.GetDisposalResponse(disposal=ONE),
        "ListDisposals": lambda _: pb.ListDisposalsResponse(disposals=[ONE]),
        "ListDisposalItems": lambda _: pb.ListDisposalItemsResponse(
            items=[pb.DisposalItem(number=1)]
        ),
        "ApproveDisposal": lambda _: pb.ApproveDisposalResponse(disposal=ONE),
        "ExecuteDisposal": lambda _: pb.ExecuteDisposalResponse(disposal=ONE),
        "GetDisposalCertificate": lambda _: pb.GetDisposalCertificateResponse(proof="p"),
        "PlaceHold": lambda _: pb.PlaceHoldResponse(hold=HELD),
        "ListHolds": lambda _: pb.ListHoldsResponse(holds=[HELD]),
        "ProposeHoldRelease": lambda _: pb.ProposeHoldReleaseResponse(hold=HELD),
        "AgreeHoldRelease": lambda _: pb.AgreeHoldReleaseResponse(hold=HELD),
    }
    return fake


def test_every_call_of_the_services_is_made_by_the_clients() -> None:
    services = pb.DESCRIPTOR.services_by_name
    methods = {m.name for name in ("Retention", "Holds") for m in services[name].methods}
    assert methods == {*CHANGES, *READS, *PAGES}


@pytest.mark.parametrize(
    ("one", "other"), [(RetentionClient, AsyncRetentionClient), (HoldsClient, AsyncHoldsClient)]
)
def test_both_clients_take_the_same(one: type, other: type) -> None:
    def shape(kind: type) -> dict[str, list[tuple[str, object]]]:
        return {
            name: [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(one) == shape(other) != {}


@pytest.mark.parametrize("method", [*CHANGES, *READS])
def test_what_is_asked_for_is_sent_and_what_is_answered_comes_back(
    vault: FakeVault, ask: Ask, method: str
) -> None:
    assert ask({**CHANGES, **READS}[method]) is not None
    assert len(vault.called(method)) == 1


@pytest.mark.parametrize("method", CHANGES)
def test_what_changes_something_is_sent_once(vault: FakeVault, ask: Ask, method: str) -> None:
    vault.fail(method, unavailable())
    with pytest.raises(Unavailable):
        ask(CHANGES[method])
    assert len(vault.called(method)) == 1
