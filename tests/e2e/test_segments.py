"""Segments (分类): files are counted, listed and kept by them, as by branch and risk class."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial

import pytest

from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc
from recordsvault.records.v1 import completeness_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, Relationship
from recordsvault.retention.v1 import retention_pb2 as rp
from recordsvault.retention.v1 import retention_pb2_grpc
from recordsvault.type.v1 import party_pb2 as party
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

BRANCH = "NJ-01"
HOUSE = """\
name = "house"
version = 1
jurisdictions = ["*"]
effective_from = 2020-01-01

[[rule]]
name = "transactions"
kind = "transactions"
clock = "booking"
minimum_years = 30
classes = ["private-banking"]
source = "house rule"
article = "7"
checked = true
"""


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def life(vault: RunningVault) -> life_pb2_grpc.LifeStub:
    return life_pb2_grpc.LifeStub(vault.channel("custodian", TierName.FULL))


def retention(vault: RunningVault, who: str) -> retention_pb2_grpc.RetentionStub:
    return retention_pb2_grpc.RetentionStub(vault.channel(who, TierName.FULL))


def of(*segments: str, whole: bool = True, branch: str = BRANCH) -> Customer:
    record = people.person()
    record.branch = branch
    record.relationship.CopyFrom(Relationship(segments=segments))
    if not whole:
        record.ClearField("addresses")
    return record


@pytest.fixture(scope="module")
def names(vault: RunningVault) -> dict[str, str]:
    """Files of two segments, one of both, and one of none."""
    rated = of("retail")
    rated.risk_class = party.RISK_CLASS_HIGH
    made = {
        "retail": of("retail"),
        "rated": rated,
        "both": of("retail", "private-banking", whole=False),
        "none": of(),
    }
    return {key: create(vault, record).name for key, record in made.items()}


def reported(vault: RunningVault, *segments: str) -> list[lp.ReportCompletenessResponse]:
    request = lp.ReportCompletenessRequest(
        parent=PARENT, branch=BRANCH, segments=segments, name_files=True
    )
    return list(life(vault).ReportCompleteness(request))


def due(vault: RunningVault, *segments: str, **more: object) -> Iterator[lp.FileDue]:
    request = lp.ListDueRequest(
        parent=PARENT,
        branch=BRANCH,
        until=people.day(date(2090, 1, 1)),
        kinds=[cp.DUE_KIND_REVIEW],
        segments=segments,
        **more,  # type: ignore[arg-type]  # fields of the request
    )
    return (one for part in life(vault).ListDue(request) for one in part.items)


def test_the_report_counts_each_file_in_each_of_its_segments(
    vault: RunningVault, names: dict[str, str]
) -> None:
    parts = reported(vault)
    counts = {one.segment: one for part in parts for one in part.segments}
    assert {segment: one.files for segment, one in counts.items()} == {
        "": 1,
        "private-banking": 1,
        "retail": 3,
    }
    amiss = {
        segment: {element.element: element.missing for element in one.elements}.get("address", 0)
        for segment, one in counts.items()
    }
    assert amiss == {"": 0, "private-banking": 1, "retail": 1}
    # The counts by branch and risk class stand in the last message, each file once.
    assert sum(one.files for one in parts[-1].counts) == len(names)


def test_the_report_is_of_files_of_one_of_the_segments_that_are_asked_for(
    vault: RunningVault, names: dict[str, str]
) -> None:
    parts = reported(vault, "private-banking")
    assert parts[-1].examined == 1
    assert [one.customer for part in parts for one in part.files] == [names["both"]]
    assert reported(vault, "private-banking", "retail")[-1].examined == 3
    assert reported(vault, "no-such-segment")[-1].examined == 0
    twice = partial(reported, vault, "retail", "retail")
    assert refusal(twice).code == "INVALID_ARGUMENT"


def test_what_falls_due_is_listed_by_segment_and_risk_class_and_says_both(
    vault: RunningVault, names: dict[str, str]
) -> None:
    assert {one.customer for one in due(vault)} == set(names.values())
    found = {one.customer: one for one in due(vault, "private-banking")}
    assert set(found) == {names["both"]}
    assert list(found[names["both"]].segments) == ["private-banking", "retail"]
    high = [party.RISK_CLASS_HIGH]
    (one,) = due(vault, "retail", risk_classes=high)
    assert (one.customer, one.risk_class) == (names["rated"], party.RISK_CLASS_HIGH)
    assert list(due(vault, "private-banking", risk_classes=high)) == []


def test_a_customers_segment_picks_the_rule_of_retention(vault: RunningVault) -> None:
    """Two customers whose ten years are over: of one a rule of his segment asks for thirty."""

    def old(*segments: str) -> str:
        name = create(vault, of(*segments, branch="NJ-02")).name
        booked = people.booking(datetime(2012, 3, 4, 5, 6, 7, tzinfo=UTC))
        vault.records().CreateTransaction(
            pb.CreateTransactionRequest(parent=name, transaction=booked)
        )
        return name

    kept, free = old("private-banking", "retail"), old("retail")
    keeper, compliance = retention(vault, "custodian"), retention(vault, "compliance")
    preview = rp.PreviewRuleSetRequest(parent=PARENT, rule_set=HOUSE)
    effect = keeper.PreviewRuleSet(preview).effect
    assert (effect.later, effect.earlier) == (1, 0)
    assert [one.customer for one in effect.samples] == [kept]
    wanted = rp.ProposeRuleSetRequest(parent=PARENT, rule_set=HOUSE, reason="House rule.")
    proposed = keeper.ProposeRuleSet(wanted).proposal
    compliance.ApproveRules(rp.ApproveRulesRequest(name=proposed.name, etag=proposed.etag))

    def planned() -> set[str]:
        plan = keeper.PlanDisposal(rp.PlanDisposalRequest(parent=PARENT, reason="Due.")).disposal
        items = keeper.ListDisposalItems(rp.ListDisposalItemsRequest(parent=plan.name)).items
        return {one.customer for one in items}

    assert planned() == {free}
    # It goes by the file as it stands: out of the segment, the law alone holds.
    record = get(vault, kept)
    del record.relationship.segments[:]
    update(vault, record, "relationship")
    assert planned() == {free, kept}
