"""Each file is kept by somebody who may: none is stored without, nobody leaves files behind unseen,
and whoever has to go at once goes at once. Over TLS, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc
from recordsvault.records.v1 import completeness_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, Relationship
from tests.e2e import people
from tests.e2e.access_changes import (
    WITHIN_SECONDS,
    approve,
    certify,
    code,
    entry,
    propose,
    seconds_until,
    state,
)
from tests.e2e.calls import create, get, update
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal, refused_status
from tests.support.running_vault import RunningVault, other
from vault.server.settings import TierName

FIELD = "customer.relationship.custodian"
CALLERS = ("anna", "ben", "cleo", "dora", "emil")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases, with some more custodians."""
    certify(each_vault, *CALLERS)
    more = [entry(name, "custodian", person=f"p-{name}") for name in CALLERS]
    approve(each_vault, propose(each_vault, *more))
    return each_vault


def life(vault: RunningVault, who: str = "custodian") -> life_pb2_grpc.LifeStub:
    return life_pb2_grpc.LifeStub(vault.channel(who, TierName.FULL))


def kept_by(name: str, branch: str = "BJ-01") -> Customer:
    record = people.person()
    record.branch = branch
    record.relationship.CopyFrom(Relationship(custodian=name))
    return record


def due(vault: RunningVault, branch: str, *kinds: cp.DueKind.ValueType) -> list[lp.FileDue]:
    request = lp.ListDueRequest(
        parent=PARENT, branch=branch, kinds=kinds or (cp.DUE_KIND_CUSTODIAN_LEFT,)
    )
    return [one for part in life(vault).ListDue(request) for one in part.items]


def hand_over(vault: RunningVault, giver: str, taker: str) -> int:
    request: Any = {"parent": PARENT, "from": giver, "to": taker, "reason": "Staff change."}
    parts = list(life(vault).HandOver(lp.HandOverRequest(**request)))
    return parts[-1].handed_over if parts else 0


def listed(vault: RunningVault, who: str) -> object:
    return list(life(vault, who).ReportCustodians(lp.ReportCustodiansRequest(parent=PARENT)))


@contextmanager
def file_without(vault: RunningVault, name: str) -> Iterator[None]:
    """The principals file without somebody, until he is in it again."""
    vault.principals(without=name)
    try:
        seconds_until(partial(listed, vault, name), "UNAUTHENTICATED")
        yield
    finally:
        vault.principals()
        seconds_until(partial(listed, vault, name), "OK")


# -- none without --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["nobody-here", "backend", "counter", other("custodian"), "Anna", " "],
    ids=["unknown", "a program", "without the right", "of another bank", "no name", "blank"],
)
def test_no_file_is_stored_under_somebody_who_may_keep_none(vault: RunningVault, name: str) -> None:
    refused = refusal(partial(create, vault, kept_by(name)))
    assert refused.code == "INVALID_ARGUMENT"
    assert {field for field, _ in refused.fields} == {FIELD}
    if name.strip():
        assert refused.reason == "NO_SUCH_CUSTODIAN"
        assert "vaultctl access propose" in refused.violations[0].en
        assert name not in refused.text


def test_whoever_the_policies_let_keep_files_may(vault: RunningVault) -> None:
    assert create(vault, kept_by("compliance")).version == 1


def test_of_a_batch_the_item_is_named_and_of_an_import_it_alone_is_refused(
    vault: RunningVault,
) -> None:
    some = [people.person(), kept_by("nobody-here")]
    batch = pb.BatchCreateCustomersRequest(parent=PARENT, customers=some)
    refused = refusal(partial(vault.records().BatchCreateCustomers, batch))
    assert refused.fields == {("customers[1].relationship.custodian", "NO_SUCH_CUSTODIAN")}
    items = [pb.ImportItem(new_customer=one) for one in some]
    wanted = pb.ImportRecordsRequest(parent=PARENT, request_id=people.new_id(), items=items)
    (answer,) = vault.records().ImportRecords(iter([wanted]))
    stored, failed = answer.results
    assert stored.name
    assert refused_status(failed.error).reason == "NO_SUCH_CUSTODIAN"


def test_a_file_that_names_nobody_is_the_institutions_and_refused_where_it_has_none(
    vault: RunningVault,
) -> None:
    first = create(vault)
    with file_without(vault, "custodian"):
        refused = refusal(partial(create, vault))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "NO_CUSTODIAN")
        assert "life.custodians" in refused.en and "life.custodians" in refused.zh
        # Of one that is there something else may be changed, and one that names somebody is stored.
        first.branch = "BJ-02"
        assert update(vault, first, "branch").version == 2
        named = create(vault, kept_by("anna"))
        named.relationship.custodian = ""
        assert refusal(partial(update, vault, named, "relationship")).reason == "NO_CUSTODIAN"
    assert create(vault).version == 1


def test_no_file_is_given_by_an_update_or_a_hand_over_to_somebody_who_may_keep_none(
    vault: RunningVault,
) -> None:
    stored = create(vault, kept_by("anna"))
    stored.relationship.custodian = "counter"
    refused = refusal(partial(update, vault, stored, "relationship"))
    assert refused.fields == {(FIELD, "NO_SUCH_CUSTODIAN")}
    refused = refusal(partial(hand_over, vault, "anna", "counter"))
    assert refused.fields == {("to", "NO_SUCH_CUSTODIAN")}
    stored.relationship.custodian = "ben"
    assert update(vault, stored, "relationship").version == 2


# -- whoever leaves ------------------------------------------------------------------------------


def test_nobody_is_removed_who_keeps_files_and_the_refusal_says_how_many_and_what_to_do(
    vault: RunningVault,
) -> None:
    # Proposed while he kept none, and he keeps some when it is approved.
    early = propose(vault, remove=("cleo",))
    names = {create(vault, kept_by("cleo")).name for _ in range(3)}
    lesser = entry("cleo", "teller", person="p-cleo")
    elsewhere = entry("cleo-2", "custodian", person="p-cleo")
    for call in (
        partial(approve, vault, early),
        partial(propose, vault, remove=("cleo",)),
        partial(propose, vault, lesser),
        # The name counts: it is what the files say.
        partial(propose, vault, elsewhere, remove=("cleo",)),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CUSTODIAN_KEEPS_FILES")
        assert refused.metadata["files"] == "3"
        assert "vaultctl records hand-over --from" in refused.en
        assert "vaultctl records hand-over --from" in refused.zh
        assert "cleo" not in refused.text
    assert state(vault, early) == "PROPOSED"
    # What takes nothing from him, and what concerns others, goes on.
    both = entry("cleo", "teller", "custodian", person="p-cleo")
    approve(vault, propose(vault, both))
    assert hand_over(vault, "cleo", "ben") == 3
    assert {get(vault, name).relationship.custodian for name in names} == {"ben"}
    approve(vault, early)
    assert code(partial(listed, vault, "cleo")) == "UNAUTHENTICATED"


def test_a_revocation_acts_within_a_second_and_the_files_fall_due_until_they_are_handed_over(
    vault: RunningVault,
) -> None:
    name = create(vault, kept_by("dora", "WH-01")).name
    assert due(vault, "WH-01") == []
    proposed = propose(vault, remove=("dora",), leaves_files=True)
    asked = ap.GetProposalRequest(name=proposed.name)
    shown = vault.access_admin("officer").GetProposal(asked).proposal
    assert shown.directory_change.leaves_files
    approve(vault, proposed)
    assert seconds_until(partial(listed, vault, "dora"), "UNAUTHENTICATED") < WITHIN_SECONDS
    for _ in range(2):
        (item,) = due(vault, "WH-01")
        assert (item.customer, item.custodian) == (name, "dora")
    assert cp.DUE_KIND_CUSTODIAN_LEFT in {
        one.kind for one in get(vault, name, 0, "completeness").completeness.due
    }
    counts = {
        one.custodian: one
        for part in life(vault).ReportCustodians(lp.ReportCustodiansRequest(parent=PARENT))
        for one in part.custodians
    }
    assert (counts["dora"].files, counts["dora"].left) == (1, True)
    assert hand_over(vault, "dora", "ben") == 1
    assert due(vault, "WH-01") == []


def test_who_is_taken_out_of_the_file_is_gone_at_once_whatever_he_keeps(
    vault: RunningVault,
) -> None:
    name = create(vault, kept_by("compliance", "WH-02")).name
    with file_without(vault, "compliance"):
        (item,) = due(vault, "WH-02")
        assert (item.customer, item.custodian) == (name, "compliance")
    # He is there again, and keeps it as before.
    assert due(vault, "WH-02") == []


def test_a_file_whose_relationship_has_ended_still_needs_somebody(vault: RunningVault) -> None:
    record = kept_by("emil", "WH-03")
    record.relationship.end_date.CopyFrom(people.day(people.MORNING.date()))
    name = create(vault, record).name
    approve(vault, propose(vault, remove=("emil",), leaves_files=True))
    every = (
        cp.DUE_KIND_CUSTODIAN_LEFT,
        cp.DUE_KIND_DORMANT,
        cp.DUE_KIND_REVIEW,
        cp.DUE_KIND_DOCUMENT_EXPIRY,
        cp.DUE_KIND_SUBJECT_REQUEST,
    )
    (item,) = due(vault, "WH-03", *every)
    assert (item.customer, item.due.kind) == (name, cp.DUE_KIND_CUSTODIAN_LEFT)
    # It was kept by somebody when it was stored: what else is said of it can be changed.
    stored = get(vault, name)
    stored.customer_number += "-1"
    assert update(vault, stored, "customer_number").version == 2
