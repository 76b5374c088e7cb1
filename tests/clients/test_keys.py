"""Versions of keys and steps with them by either client: what is sent, and what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from recordsvault_client import AsyncKeysClient, KeysClient, Unavailable, step_of
from tests.clients.conftest import Ask
from tests.clients.fake_vault import FakeVault, unavailable
from tests.clients.test_access_admin import ETAG, NAME, PARENT, TOKEN

STEP = step_of("branch-full", "rewrap", rate=500)
CHANGES: dict[str, Callable[[Any], Any]] = {
    "ProposeKeyStep": lambda c: c.keys.propose(STEP, reason="Yearly"),
    "WithdrawKeyStep": lambda c: c.keys.withdraw(NAME),
}
READS: dict[str, Callable[[Any], Any]] = {
    "ListKeyVersions": lambda c: c.keys.versions(),
    "ListKeySteps": lambda c: c.keys.steps(),
    "GetKeyStep": lambda c: c.keys.get(NAME),
}


@pytest.fixture
def vault(fake: FakeVault) -> FakeVault:
    """A vault that answers."""
    one = ap.Proposal(name=NAME, etag=ETAG, kind=ap.PROPOSAL_KIND_KEYS, key_step=STEP)
    fake.answers |= {
        "ProposeKeyStep": lambda _: pb.ProposeKeyStepResponse(proposal=one),
        "WithdrawKeyStep": lambda _: pb.WithdrawKeyStepResponse(proposal=one),
        "ListKeyVersions": lambda _: pb.ListKeyVersionsResponse(
            versions=[pb.KeyVersion(key=ap.KEY_BRANCH_FULL, version="1", hanging=7)]
        ),
        "ListKeySteps": lambda _: pb.ListKeyStepsResponse(waiting=[one]),
        "GetKeyStep": lambda _: pb.GetKeyStepResponse(proposal=one),
    }
    return fake


def test_every_call_of_the_service_is_made_by_the_client() -> None:
    methods = pb.DESCRIPTOR.services_by_name["KeyAdmin"].methods
    assert {method.name for method in methods} == {*CHANGES, *READS}


def test_both_clients_take_the_same() -> None:
    def shape(kind: type) -> dict[str, list[tuple[str, object]]]:
        return {
            name: [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(KeysClient) == shape(AsyncKeysClient) != {}


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


@pytest.mark.parametrize("method", CHANGES | READS)
def test_a_program_asks_for_a_person_by_his_token(vault: FakeVault, ask: Ask, method: str) -> None:
    ask(lambda client: (CHANGES | READS)[method](client.acting_for(TOKEN)))
    assert {call.authorization for call in vault.calls} == {f"Bearer {TOKEN}"}


def _asked(method: str, given: dict[str, Any], client: Any) -> Any:
    return getattr(client.keys, method)(**given)


def test_keys_are_the_institutions_unless_the_vault_as_a_whole_is_meant(
    vault: FakeVault,
    ask: Ask,
) -> None:
    for parent in (None, "", "institutions/other-bank"):
        ask(partial(_asked, "versions", {"parent": parent}))
        ask(partial(_asked, "steps", {"parent": parent, "page_size": 3}))
        ask(partial(_asked, "propose", {"step": STEP, "reason": "x", "parent": parent}))
    wanted = [PARENT, "", "institutions/other-bank"]
    for method in ("ListKeyVersions", "ListKeySteps", "ProposeKeyStep"):
        assert [one.parent for one in vault.called(method)] == wanted
    assert {one.page_size for one in vault.called("ListKeySteps")} == {3}


def test_a_step_is_sent_whole_and_comes_back_with_its_etag(vault: FakeVault, ask: Ask) -> None:
    made = ask(CHANGES["ProposeKeyStep"])
    (sent,) = vault.called("ProposeKeyStep")
    assert (sent.step, sent.reason) == (STEP, "Yearly")
    assert (made.name, made.etag, made.key_step) == (NAME, ETAG, STEP)
    assert [one.hanging for one in ask(READS["ListKeyVersions"]).versions] == [7]


def test_steps_are_named_as_people_name_them() -> None:
    assert step_of("kek-index", "rotate", provider="hsm") == ap.KeyStep(
        key=ap.KEY_KEK_INDEX, verb=ap.KEY_VERB_ROTATE, provider="hsm"
    )
    assert step_of("index", "retire", version="1").version == "1"
    for key, verb in (("kek", "rotate"), ("index", "burn")):
        with pytest.raises(ValueError, match="no value defined"):
            step_of(key, verb)
