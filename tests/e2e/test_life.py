"""Files for life, over TLS on both databases: complete, current, readable as of a day, kept by
somebody, and followed by whoever has to know."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc
from recordsvault.records.v1 import completeness_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer, ElementSource, Relationship
from recordsvault.type.v1 import party_pb2 as party
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import SERVING, create, get, query, update
from tests.e2e.people import PARENT, day, stamp
from tests.e2e.wire import refusal
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

QUALITY = purpose_pb2.PURPOSE_DATA_QUALITY
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def life(vault: RunningVault, who: str = "custodian") -> life_pb2_grpc.LifeStub:
    return life_pb2_grpc.LifeStub(vault.channel(who, TierName.FULL))


def seen(path: str) -> ElementSource:
    return ElementSource(
        path=path,
        kind=party.ELEMENT_SOURCE_KIND_DOCUMENT,
        verified_by="custodian",
        verify_time=stamp(datetime.now(UTC)),
        method="original seen",
    )


def whole(branch: str = "BJ-01", **changes: Any) -> Customer:
    """A file in which nothing is amiss."""
    record = people.person()
    record.branch = branch
    record.sources.extend([seen("natural_person.full_name"), seen("natural_person.identity")])
    record.MergeFrom(Customer(**changes))
    return record


def assessed(vault: RunningVault, name: str) -> cp.Completeness:
    return get(vault, name, 0, "completeness").completeness


def states(found: cp.Completeness) -> dict[str, str]:
    return {
        one.element: cp.ElementState.Name(one.state).removeprefix("ELEMENT_STATE_")
        for one in found.elements
    }


# -- complete ------------------------------------------------------------------------------------


def test_a_file_says_what_it_lacks_where_it_is_asked_to(vault: RunningVault) -> None:
    name = create(vault, whole()).name
    found = assessed(vault, name)
    assert found.complete
    assert not get(vault, name).HasField("completeness")
    record = people.person()
    record.natural_person.occupation = ""
    found = assessed(vault, create(vault, record).name)
    assert not found.complete
    assert states(found)["occupation"] == "MISSING"
    assert states(found)["full_name"] == "UNVERIFIED"
    assert [one.rule for one in found.broken_rules] == ["account-with-incomplete-file"]


def test_no_account_is_opened_without_an_identity_and_the_answer_names_what_is_missing(
    vault: RunningVault,
) -> None:
    record = people.person()
    record.natural_person.ClearField("identity")
    refused = refusal(partial(create, vault, record))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "ELEMENTS_MISSING")
    assert refused.metadata["elements"] == "identity_number"
    record.ClearField("accounts")
    stored = create(vault, record)
    # It cannot be got round by an update, and what is no worse than before goes on.
    stored.accounts.append(people.card(9_000_001))
    refused = refusal(partial(update, vault, stored, "accounts"))
    assert refused.reason == "ELEMENTS_MISSING"
    stored.ClearField("accounts")
    stored.risk_class = party.RISK_CLASS_HIGH
    assert update(vault, stored, "risk_class").version == 2


def test_a_document_that_contradicts_the_file_is_reported(vault: RunningVault) -> None:
    record = whole()
    name = create(vault, record).name
    paper = people.passport()
    paper.kind = party.DOCUMENT_KIND_CN_RESIDENT_ID
    paper.issuing_country = "CN"
    paper.number = record.natural_person.identity.number
    paper.holder_name = "Somebody Else"
    paper.ClearField("machine_readable_zone")
    paper.ClearField("expiry_date")
    paper.long_term = True
    document = vault.records().CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=name, identity_document=paper)
    )
    (conflict,) = assessed(vault, name).conflicts
    assert (conflict.path, conflict.differs) == ("natural_person.full_name", "NAME")
    assert conflict.document == document.identity_document.name


def test_a_report_counts_by_branch_and_risk_class_and_names_the_files(
    vault: RunningVault,
) -> None:
    good = create(vault, whole("SH-07")).name
    bad = whole("SH-07")
    bad.ClearField("addresses")
    name = create(vault, bad).name
    request = lp.ReportCompletenessRequest(parent=PARENT, branch="SH-07", name_files=True)
    parts = list(life(vault).ReportCompleteness(request))
    (count,) = [one for part in parts for one in part.counts]
    assert (count.branch, count.files, count.complete) == ("SH-07", 2, 1)
    assert [(one.element, one.missing) for one in count.elements] == [("address", 1)]
    (file,) = [one for part in parts for one in part.files]
    assert (file.customer, list(file.missing)) == (name, ["address"])
    assert good != name
    assert all(
        not part.files
        for part in life(vault).ReportCompleteness(
            lp.ReportCompletenessRequest(parent=PARENT, branch="SH-07")
        )
    )


# -- true ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corrected(vault: RunningVault) -> Customer:
    """A customer who moved, and whose name was corrected after that."""
    began = TODAY - timedelta(days=100)
    stored = create(vault, whole(valid_from=day(began)))
    stored.branch = "GZ-02"
    stored.valid_from.CopyFrom(day(TODAY - timedelta(days=50)))
    stored = update(vault, stored, "branch", "valid_from")
    stored.natural_person.latin_name = "Corrected Name"
    stored.valid_from.CopyFrom(day(began))
    stored.correction = "the Latin name was misspelt from the beginning"
    stored = update(vault, stored, "natural_person.latin_name")
    stored.phones.append(people.phone(77))
    return update(vault, stored, "phones")


def at(vault: RunningVault, name: str, **times: Any) -> Customer:
    request = pb.GetCustomerRequest(name=name, purpose=SERVING, **times)
    return vault.records().GetCustomer(request).customer


def test_a_read_as_of_a_day_gives_the_version_that_was_true_as_is_known_now_or_was_then(
    vault: RunningVault, corrected: Customer
) -> None:
    name = corrected.name
    versions = [get(vault, name, number) for number in (1, 2, 3, 4)]
    before, between = (day(TODAY - timedelta(days=d)) for d in (75, 25))
    assert at(vault, name, as_of=before).version == 3
    assert at(vault, name, as_of=day(TODAY)).version == 4
    known = versions[1].update_time
    assert at(vault, name, as_of=before, known_at=known).version == 1
    assert at(vault, name, as_of=between, known_at=known).version == 2
    assert at(vault, name, known_at=versions[0].update_time).version == 1
    refused = refusal(partial(at, vault, name, as_of=day(TODAY - timedelta(days=101))))
    assert refused.code == "NOT_FOUND"
    refused = refusal(partial(at, vault, name, as_of=before, version=1))
    assert refused.reason == "VERSION_OR_TIME"


def test_a_change_without_a_day_begins_today_and_carries_no_correction_along(
    vault: RunningVault, corrected: Customer
) -> None:
    current = get(vault, corrected.name)
    assert (current.correction, current.HasField("valid_from")) == ("", False)
    assert get(vault, corrected.name, 3).correction != ""


def test_lists_and_versions_have_both_times(vault: RunningVault, corrected: Customer) -> None:
    name = corrected.name
    known = get(vault, name, 2).update_time
    listed = vault.records().ListCustomerVersions(
        pb.ListCustomerVersionsRequest(name=name, purpose=SERVING, known_at=known)
    )
    assert [one.version for one in listed.customers] == [2, 1]
    listed = vault.records().ListCustomerVersions(
        pb.ListCustomerVersionsRequest(
            name=name, purpose=SERVING, as_of=day(TODAY - timedelta(days=75))
        )
    )
    assert [one.version for one in listed.customers] == [3, 1]
    found = {one.name: one.version for one in _all(vault, known_at=known)}
    assert found[name] == 2
    # Of those who came later nothing was known then.
    later = create(vault).name
    assert later not in {one.name for one in _all(vault, known_at=known)}
    assert later in {one.name for one in _all(vault)}


def test_documents_and_bookings_are_read_as_they_were_known(vault: RunningVault) -> None:
    owner = create(vault, whole()).name
    records = vault.records()
    paper = records.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner, identity_document=people.passport())
    ).identity_document
    booked = records.CreateTransaction(
        pb.CreateTransactionRequest(parent=owner, transaction=people.booking())
    ).transaction.name
    known = records.GetTransaction(
        pb.GetTransactionRequest(name=booked, purpose=SERVING)
    ).transaction.create_time
    correction = people.booking()
    correction.corrects = booked
    records.CreateTransaction(pb.CreateTransactionRequest(parent=owner, transaction=correction))
    paper.issuer = "Another office"
    records.UpdateIdentityDocument(
        pb.UpdateIdentityDocumentRequest(
            identity_document=paper, update_mask=FieldMask(paths=["issuer"])
        )
    )
    then = records.GetIdentityDocument(
        pb.GetIdentityDocumentRequest(name=paper.name, purpose=SERVING, known_at=known)
    ).identity_document
    assert then.version == 1
    listed = records.ListIdentityDocuments(
        pb.ListIdentityDocumentsRequest(parent=owner, purpose=SERVING, known_at=known)
    ).identity_documents
    assert list(listed) == [then]
    versions = records.ListIdentityDocumentVersions(
        pb.ListIdentityDocumentVersionsRequest(name=paper.name, purpose=SERVING, known_at=known)
    ).identity_documents
    assert list(versions) == [then]
    (found,) = records.ListTransactions(
        pb.ListTransactionsRequest(parent=owner, purpose=SERVING, known_at=known)
    ).transactions
    assert (found.name, list(found.corrected_by)) == (booked, [])
    now = records.ListTransactions(pb.ListTransactionsRequest(parent=owner, purpose=SERVING))
    assert len(now.transactions) == 2


def test_documents_and_bookings_are_read_as_of_a_day(vault: RunningVault) -> None:
    owner = create(vault, whole()).name
    records = vault.records()
    issued = TODAY - timedelta(days=400)
    stated = people.passport()
    stated.issue_date.CopyFrom(day(issued))
    paper = records.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner, identity_document=stated)
    ).identity_document.name
    name = records.CreateTransaction(
        pb.CreateTransactionRequest(parent=owner, transaction=people.booking())
    ).transaction.name
    booked = people.MORNING.date()
    early, late = day(issued - timedelta(days=1)), day(issued)

    def document(**times: Any) -> object:
        request = pb.GetIdentityDocumentRequest(name=paper, purpose=SERVING, **times)
        return records.GetIdentityDocument(request)

    def documents(**times: Any) -> list[str]:
        request = pb.ListIdentityDocumentsRequest(parent=owner, purpose=SERVING, **times)
        return [one.name for one in records.ListIdentityDocuments(request).identity_documents]

    def booking(**times: Any) -> object:
        request = pb.GetTransactionRequest(name=name, purpose=SERVING, **times)
        return records.GetTransaction(request)

    def bookings(**times: Any) -> list[str]:
        request = pb.ListTransactionsRequest(parent=owner, purpose=SERVING, **times)
        return [one.name for one in records.ListTransactions(request).transactions]

    document(as_of=late)
    assert refusal(partial(document, as_of=early)).code == "NOT_FOUND"
    assert refusal(partial(document, as_of=late, version=1)).reason == "VERSION_OR_TIME"
    assert (documents(as_of=early), documents(as_of=late)) == ([], [paper])
    request = pb.ListIdentityDocumentVersionsRequest(name=paper, purpose=SERVING, as_of=late)
    assert len(records.ListIdentityDocumentVersions(request).identity_documents) == 1
    before = day(booked - timedelta(days=2))
    booking(as_of=day(booked + timedelta(days=1)))
    assert refusal(partial(booking, as_of=before)).code == "NOT_FOUND"
    assert (bookings(as_of=before), bookings(as_of=day(TODAY))) == ([], [name])


def _all(vault: RunningVault, **times: Any) -> Iterator[Customer]:
    token = ""
    while True:
        page = vault.records().ListCustomers(
            pb.ListCustomersRequest(
                parent=PARENT, purpose=SERVING, page_size=3, page_token=token, **times
            )
        )
        yield from page.customers
        token = page.next_page_token
        if not token:
            return


def test_what_differs_between_versions_is_named_and_only_what_is_opened(
    vault: RunningVault, corrected: Customer
) -> None:
    def diff(
        who: str = "backend", from_version: int = 0, to_version: int = 0
    ) -> lp.DiffCustomerVersionsResponse:
        return life(vault, who).DiffCustomerVersions(
            lp.DiffCustomerVersionsRequest(
                name=corrected.name,
                purpose=QUALITY,
                from_version=from_version,
                to_version=to_version,
            )
        )

    found = diff(from_version=1, to_version=2)
    assert list(found.fields) == ["branch", "valid_from"]
    found = diff(to_version=3)
    assert (found.from_version, found.correction != "") == (2, True)
    assert "natural_person.latin_name" in found.fields
    assert "phones[0]" in diff().fields
    (entry,) = query(vault, filter={"actions": ["records.customers.diff"]})[-1:]
    assert "phones" in entry.event.fields
    assert refusal(partial(diff, "crm")).code == "PERMISSION_DENIED"


# -- current -------------------------------------------------------------------------------------


def test_what_falls_due_is_listed_with_its_custodian(vault: RunningVault) -> None:
    record = whole("TJ-03", relationship=Relationship(custodian="compliance"))
    record.natural_person.identity.long_term = False
    record.natural_person.identity.expiry_date.CopyFrom(day(TODAY + timedelta(days=20)))
    name = create(vault, record).name
    request = lp.ListDueRequest(parent=PARENT, branch="TJ-03")
    items = [one for part in life(vault).ListDue(request) for one in part.items]
    (item,) = items
    assert (item.customer, item.custodian) == (name, "compliance")
    assert item.due.kind == cp.DUE_KIND_DOCUMENT_EXPIRY
    assert item.due.path == "natural_person.identity"
    request.until.CopyFrom(day(TODAY + timedelta(days=19)))
    assert not [one for part in life(vault).ListDue(request) for one in part.items]
    request.until.CopyFrom(day(date(2090, 1, 1)))
    request.kinds.append(cp.DUE_KIND_REVIEW)
    (item,) = [one for part in life(vault).ListDue(request) for one in part.items]
    assert item.due.kind == cp.DUE_KIND_REVIEW


def test_files_of_a_custodian_who_left_are_handed_over_each_with_an_event(
    vault: RunningVault,
) -> None:
    vault.employ("left-long-ago")
    names = {
        create(vault, whole("CQ-04", relationship=Relationship(custodian="left-long-ago"))).name
        for _ in range(3)
    }
    vault.employ()
    request = lp.ReportCustodiansRequest(parent=PARENT, name_files=True)
    parts = list(life(vault).ReportCustodians(request))
    counts = {one.custodian: one for part in parts for one in part.custodians}
    assert (counts["left-long-ago"].files, counts["left-long-ago"].left) == (3, True)
    assert names <= {one for part in parts for one in part.files}

    def hand_over(to: str = "custodian", giver: str = "left-long-ago") -> list[Any]:
        wanted = lp.HandOverRequest(
            **{"parent": PARENT, "from": giver, "to": to, "reason": "He has left."}
        )
        return list(life(vault).HandOver(wanted))

    assert refusal(partial(hand_over, "nobody-here")).reason == "NO_SUCH_CUSTODIAN"
    assert refusal(partial(hand_over, "left-long-ago")).reason == "SAME_CUSTODIAN"
    done = hand_over()
    assert {one for part in done for one in part.files} == names
    assert done[-1].handed_over == 3
    for name in names:
        record = get(vault, name)
        assert record.relationship.custodian == "custodian"
        assert (record.version, record.change_reason) == (2, "He has left.")
    entries = query(vault, filter={"actions": ["life.files.hand_over"]})
    rows = {row.row.rpartition("@")[0] for one in entries for row in one.event.rows}
    assert {name.split("/", 2)[2] for name in names} <= rows
    # Again: nothing is left to hand over.
    assert hand_over()[-1].handed_over == 0


def test_changes_are_followed_from_a_position_and_none_is_missed_or_told_twice(
    vault: RunningVault,
) -> None:
    def changes(position: int) -> tuple[list[lp.Change], int]:
        request = lp.WatchChangesRequest(parent=PARENT, from_position=position)
        parts = list(life(vault, "backend").WatchChanges(request))
        return [one for part in parts for one in part.changes], parts[-1].next_position

    _, position = changes(0)
    stored = create(vault, whole())
    stored.branch = "BJ-09"
    update(vault, stored, "branch")
    booked = vault.records().CreateTransaction(
        pb.CreateTransactionRequest(parent=stored.name, transaction=people.booking())
    )
    found, later = changes(position)
    assert [(one.name, one.version) for one in found] == [
        (stored.name, 1),
        (stored.name, 2),
        (booked.transaction.name, 1),
    ]
    assert [lp.Change.Kind.Name(one.kind) for one in found] == [
        "KIND_CREATED",
        "KIND_UPDATED",
        "KIND_CREATED",
    ]
    # From the middle on, only what is behind it.
    rest, _ = changes(found[1].position)
    assert [one.position for one in rest] == [found[2].position]
    assert changes(later)[0] == []


def test_whoever_follows_is_told_of_a_change_as_it_happens(vault: RunningVault) -> None:
    request = lp.WatchChangesRequest(parent=PARENT, from_end=True, follow=True)
    stream = life(vault).WatchChanges(request, timeout=30)
    next(stream)
    name = create(vault, whole()).name
    assert next(stream).changes[0].name == name
    stream.cancel()
