"""Persons who ask about their own data, over TLS on both databases: answered by compliance, and
told the same bytes whether or not somebody investigates them or holds their records."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc, subjects_pb2_grpc
from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import completeness_pb2 as dp
from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.records.v1.customer_pb2 import Customer, ElementSource
from recordsvault.retention.v1 import retention_pb2 as hp
from recordsvault.retention.v1 import retention_pb2_grpc
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.e2e import people
from tests.e2e.calls import SERVING, create, get, query
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

ACCESS = pb.SUBJECT_REQUEST_KIND_ACCESS
CORRECTION = pb.SUBJECT_REQUEST_KIND_CORRECTION
ERASURE = pb.SUBJECT_REQUEST_KIND_ERASURE
WORDS = "Was speichern Sie über mich, Nachtigall?"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def desk(vault: RunningVault, who: str = "compliance") -> subjects_pb2_grpc.SubjectRequestsStub:
    return subjects_pb2_grpc.SubjectRequestsStub(vault.channel(who, TierName.FULL))


def file(
    vault: RunningVault, customer: str, kind: pb.SubjectRequestKind.ValueType
) -> pb.SubjectRequest:
    today = people.day(datetime.now(UTC).date())
    request = pb.FileSubjectRequestRequest(
        parent=customer, kind=kind, receive_date=today, text=WORDS
    )
    return desk(vault).FileSubjectRequest(request).request


def look(vault: RunningVault, one: pb.SubjectRequest) -> pb.SubjectRequest:
    return desk(vault).GetSubjectRequest(pb.GetSubjectRequestRequest(name=one.name)).request


def close(vault: RunningVault, one: pb.SubjectRequest, **how: Any) -> pb.SubjectRequest:
    request = pb.CloseSubjectRequestRequest(name=one.name, etag=one.etag, **how)
    return desk(vault).CloseSubjectRequest(request).request


def use(vault: RunningVault, one: pb.SubjectRequest) -> list[bytes]:
    answers = desk(vault).ReportUse(pb.ReportUseRequest(name=one.name))
    return [answer.SerializeToString(deterministic=True) for answer in answers]


def listed(vault: RunningVault) -> bytes:
    request = pb.ListSubjectRequestsRequest(parent=PARENT, show_closed=True, page_size=200)
    return desk(vault).ListSubjectRequests(request).SerializeToString(deterministic=True)


def investigate(vault: RunningVault, customer: str) -> None:
    """All that somebody does who suspects him: a compartment of each kind, a hold, full reads for
    an investigation and an authority, masked looks, the security officer's report."""
    cases, holds = (
        vault.compartments(),
        retention_pb2_grpc.HoldsStub(vault.channel("investigator", TierName.FULL)),
    )
    for kind in cp.CompartmentKind.values()[1:]:
        about = cp.Compartment(kind=kind, title="Nightjar")
        request = cp.CreateCompartmentRequest(parent=PARENT, compartment=about)
        name = cases.CreateCompartment(request).compartment.name
        cases.AddItem(cp.AddItemRequest(parent=name, item=cp.Item(customer=customer, text="Odd.")))
        hold = hp.Hold(customer=customer, authority="A court")
        holds.PlaceHold(hp.PlaceHoldRequest(parent=name, hold=hold, request_id=people.new_id()))
    for purpose in (
        purpose_pb2.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION,
        purpose_pb2.PURPOSE_REGULATOR_REQUEST,
        purpose_pb2.PURPOSE_JUDICIAL_REQUEST,
        purpose_pb2.PURPOSE_TRANSACTION_MONITORING,
    ):
        read = rp.GetCustomerRequest(name=customer, purpose=purpose, case_reference="AML-7")
        vault.records("compliance").GetCustomer(read)
    for who in ("investigator", "compliance", "custodian"):
        vault.masked(who).GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=customer))
    list(vault.audit().ReportAccess(ap.ReportAccessRequest(parent=PARENT, customer=customer)))


def test_who_has_used_his_data_is_told_with_and_without_an_investigation_in_the_same_bytes(
    vault: RunningVault,
) -> None:
    customer = create(vault).name
    get(vault, customer)
    vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=customer))
    read = rp.GetCustomerRequest(name=customer, purpose=purpose_pb2.PURPOSE_ONBOARDING_CDD)
    vault.records("compliance").GetCustomer(read)
    asked = file(vault, customer, ACCESS)
    assert [one.text for one in look(vault, asked).said] == [WORDS]
    before = (use(vault, asked), look(vault, asked), listed(vault))
    investigate(vault, customer)
    assert (use(vault, asked), look(vault, asked), listed(vault)) == before

    first, second = (pb.ReportUseResponse.FromString(data) for data in before[0])
    named = {one.name for one in first.categories}
    assert [(one.use, one.purpose, one.category) for one in second.lines] == [
        (pb.DATA_USE_READ, SERVING, "systems"),
        (pb.DATA_USE_READ_MASKED, purpose_pb2.PURPOSE_UNSPECIFIED, "front-office"),
        (pb.DATA_USE_READ, purpose_pb2.PURPOSE_ONBOARDING_CDD, "compliance"),
    ]
    assert {one.category for one in second.lines} < named
    done = close(vault, asked, outcome=pb.SUBJECT_REQUEST_OUTCOME_ANSWERED, text="Enclosed.")
    assert [one.text for one in done.said] == [WORDS, "Enclosed."]
    assert refusal(partial(use, vault, done)).reason == "SUBJECT_REQUEST_STAGE"


@pytest.mark.parametrize("ended", [False, True])
def test_an_erasure_is_answered_by_the_rules_alone_with_and_without_a_hold(
    vault: RunningVault, ended: bool
) -> None:
    """Of a relationship that goes on, a refusal with its law; of one that ended so long ago that
    every minimum is over, that it is to be disposed of."""
    customer = people.person()
    if ended:
        customer.relationship.start_date.CopyFrom(people.day(date(2001, 1, 1)))
        customer.relationship.end_date.CopyFrom(people.day(date(2004, 1, 1)))
    name = create(vault, customer).name
    asked = file(vault, name, ERASURE)
    before = look(vault, asked)
    refuse = partial(close, vault, asked, outcome=pb.SUBJECT_REQUEST_OUTCOME_REFUSED)
    erased = partial(close, vault, asked, outcome=pb.SUBJECT_REQUEST_OUTCOME_ERASED)
    told = refusal(erased)
    assert told.reason == "SUBJECT_ERASURE_REFUSED"
    not_refused = refusal(refuse) if ended else None
    investigate(vault, name)
    assert look(vault, asked) == before
    assert refusal(erased) == told
    if ended:
        assert before.erasure.verdict == pb.ERASURE_VERDICT_DUE
        assert refusal(refuse) == not_refused
        return
    assert before.erasure.verdict == pb.ERASURE_VERDICT_KEPT
    done = refuse()
    (ground,) = done.said[-1].grounds
    assert (ground.what, ground.standing, ground.clock) == (
        "identity",
        "RUNNING",
        "relationship_end",
    )
    assert "反洗钱法" in ground.source and ground.minimum_years == 10
    assert not ground.HasField("kept_through")


def test_a_correction_is_closed_by_the_version_that_made_it(vault: RunningVault) -> None:
    customer = create(vault)
    asked = file(vault, customer.name, CORRECTION)
    paper = vault.records().CreateIdentityDocument(
        rp.CreateIdentityDocumentRequest(parent=customer.name, identity_document=people.passport())
    )
    wanted = Customer(
        name=customer.name,
        etag=customer.etag,
        branch="BJ-09",
        correction="Taken down wrongly.",
        sources=[
            ElementSource(
                path="branch",
                kind=party_pb2.ELEMENT_SOURCE_KIND_DOCUMENT,
                reference=paper.identity_document.name,
            )
        ],
    )
    mask = FieldMask(paths=["branch", "correction", "sources"])
    request = rp.UpdateCustomerRequest(customer=wanted, update_mask=mask)
    made = vault.records().UpdateCustomer(request).customer
    corrected = pb.SUBJECT_REQUEST_OUTCOME_CORRECTED
    wrong = partial(close, vault, asked, outcome=corrected, version=1)
    assert refusal(wrong).reason == "SUBJECT_CORRECTION_REFUSED"
    done = close(vault, asked, outcome=corrected, version=made.version)
    assert (done.corrected, done.version) == (customer.name, made.version)
    assert refusal(partial(close, vault, done, outcome=corrected, version=made.version)).reason == (
        "SUBJECT_REQUEST_STAGE"
    )


def test_what_was_said_is_not_in_the_log_but_that_it_was_shown_is(vault: RunningVault) -> None:
    asked = file(vault, create(vault).name, ACCESS)
    look(vault, asked)
    entries = query(vault, filter={"actions": ["life.subject_requests.*"]})
    mine = [one.event for one in entries if one.event.resource == asked.name]
    assert {one.action.rpartition(".")[2] for one in mine} >= {"file", "get"}
    assert "Nachtigall" not in str(mine)
    shown = [list(one.fields) for one in mine if one.action.endswith(".get")]
    assert shown == [["subject_request.said"]]
    filed = [one for one in mine if one.action.endswith(".file")]
    assert {row.row.rpartition("/")[2].partition("@")[0] for row in filed[0].rows} == {
        asked.name.rpartition("/")[2],
        "words",
    }


def test_a_request_is_listed_page_by_page_and_by_customer(vault: RunningVault) -> None:
    customer = create(vault).name
    made = {file(vault, customer, kind).name for kind in (ACCESS, CORRECTION, ERASURE)}
    found, request = (
        [],
        pb.ListSubjectRequestsRequest(parent=PARENT, customer=customer, page_size=1),
    )
    while True:
        page = desk(vault).ListSubjectRequests(request)
        found += [one.name for one in page.requests]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert len(found) == 3 and set(found) == made
    request.page_token = "AAAA"
    assert refusal(partial(desk(vault).ListSubjectRequests, request)).reason == "PAGE_TOKEN"


def test_a_request_whose_answer_was_lost_is_sent_again_and_is_one(vault: RunningVault) -> None:
    customer = create(vault).name
    asked = pb.FileSubjectRequestRequest(
        parent=customer,
        kind=ACCESS,
        receive_date=people.day(datetime.now(UTC).date()),
        text=WORDS,
        request_id=people.new_id(),
    )
    first = desk(vault).FileSubjectRequest(asked)
    assert desk(vault).FileSubjectRequest(asked) == first
    other = pb.FileSubjectRequestRequest()
    other.CopyFrom(asked)
    other.text += "!"
    assert refusal(lambda: desk(vault).FileSubjectRequest(other)).reason == "REQUEST_ID_REUSED"
    other.request_id = "mine"
    told = refusal(lambda: desk(vault).FileSubjectRequest(other))
    assert {path for path, _ in told.fields} == {"request_id"}
    of = pb.ListSubjectRequestsRequest(parent=PARENT, customer=customer)
    assert len(desk(vault).ListSubjectRequests(of).requests) == 1


def test_a_day_to_come_is_no_day_of_receipt(vault: RunningVault) -> None:
    later = people.day(datetime.now(UTC).date() + timedelta(days=3))
    request = pb.FileSubjectRequestRequest(
        parent=create(vault).name, kind=ACCESS, receive_date=later, text="Soon."
    )
    found = refusal(partial(desk(vault).FileSubjectRequest, request))
    assert found.fields == {("receive_date", "FUTURE_DATE")}


def test_it_falls_due_beside_documents_and_reviews(vault: RunningVault) -> None:
    customer = create(vault).name
    asked = file(vault, customer, ACCESS)
    request = lp.ListDueRequest(parent=PARENT, kinds=[dp.DUE_KIND_SUBJECT_REQUEST])
    life = life_pb2_grpc.LifeStub(vault.channel("custodian", TierName.FULL))
    found = [one for answer in life.ListDue(request) for one in answer.items]
    (mine,) = [one for one in found if one.customer == customer]
    assert mine.due.path == asked.name.removeprefix(f"{customer}/")
    assert mine.due.due_date == asked.due_date
