"""Merges by either client: what is sent, what comes back, and that no step is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recordsvault.life.v1 import merges_pb2 as pb
from recordsvault_client import Unavailable
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, unavailable
from tests.clients.test_access_admin import PARENT

OLD, KEPT = (f"{PARENT}/customers/{digit * 26}" for digit in "01")
PROPOSAL = f"{PARENT}/proposals/{'2' * 26}"
MADE = pb.MergeProposal(name=PROPOSAL, etag="e", customer=OLD, into=KEPT)
STEPS: dict[str, Callable[[Any], Any]] = {
    "ProposeMerge": lambda c: c.files.propose_merge(OLD, KEPT, reason="Twice"),
    "ProposeUnmerge": lambda c: c.files.propose_unmerge(OLD, reason="Twins"),
    "ApproveMerge": lambda c: c.files.approve_merge(PROPOSAL, etag="e"),
}


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""
    fake.answers |= {
        "ProposeMerge": lambda _: pb.ProposeMergeResponse(proposal=MADE),
        "ProposeUnmerge": lambda _: pb.ProposeUnmergeResponse(proposal=MADE),
        "ApproveMerge": lambda _: pb.ApproveMergeResponse(proposal=MADE),
        "ListMerges": lambda _: pb.ListMergesResponse(waiting=[MADE]),
    }
    return fake


def test_every_call_of_the_service_is_made() -> None:
    methods = {m.name for m in pb.DESCRIPTOR.services_by_name["Merges"].methods}
    assert methods == {*STEPS, "ListMerges"}


@pytest.mark.parametrize("method", STEPS)
def test_a_step_is_answered_and_not_sent_twice(vault: FakeVault, ask: Ask, method: str) -> None:
    assert ask(STEPS[method]) == MADE
    vault.fail(method, unavailable())
    with pytest.raises(Unavailable):
        ask(STEPS[method])
    assert len(vault.called(method)) == 2


def test_the_list_names_the_institution_of_the_profile(vault: FakeVault, ask: Ask) -> None:
    assert list(ask(lambda c: c.files.merges()).waiting) == [MADE]
    (sent,) = vault.called("ListMerges")
    assert sent.parent == PARENT
