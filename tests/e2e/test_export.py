"""An export of all customers over TLS: by no role alone, by two who agree, and told at once."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.access.v1 import access_pb2 as lp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.borrowing import add_person
from tests.support.lending import (
    NAME,
    PARENT,
    PHONES,
    approve,
    ask,
    give_back,
    listed,
    look,
    renew,
    revoke,
    span,
    until_known,
)
from tests.support.running_vault import OTHER, RunningVault
from vault.audit import Decision, Phase

AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT
NOT_ACTIVE = ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With two auditors, one of whom has a second account, and 120 customers."""
    first = create(each_vault).name.rpartition("/")[2]
    add_person(each_vault, "auditor", "compliance", own_files=[first])
    add_person(each_vault, "auditor-at-home", "custodian", person="p-auditor")
    add_person(each_vault, "second-auditor", "compliance")
    add_person(each_vault, "clerk", "teller")
    until_known(each_vault, "clerk")
    for _ in range(119):
        create(each_vault)
    return each_vault


@pytest.fixture
def book(vault: RunningVault) -> Iterator[LogBook]:
    opened = LogBook(vault.database)
    yield opened
    opened.close()


def asked(vault: RunningVault, *fields: str, who: str = "auditor", **more: Any) -> lp.CheckOut:
    """A request for all files."""
    more.setdefault("case_reference", "A-2026-7")
    more.setdefault("purpose", AUDIT)
    return ask(vault, PARENT, *(fields or (NAME, PHONES)), who=who, **more)


def lent(vault: RunningVault, *fields: str, **more: Any) -> lp.CheckOut:
    """The same, agreed to by two."""
    half = approve(vault, asked(vault, *fields, **more))
    return approve(vault, half, who="second-auditor")


def export(
    vault: RunningVault, check_out: str, *mask: str, who: str = "auditor", **more: Any
) -> list[pb.ExportCustomersResponse]:
    more.setdefault("purpose", AUDIT)
    request = pb.ExportCustomersRequest(
        parent=PARENT,
        check_out=check_out,
        case_reference="A-2026-7",
        read_mask=FieldMask(paths=mask),
        **more,
    )
    return list(vault.records(who).ExportCustomers(request))


def refused(vault: RunningVault, check_out: str, **more: Any) -> Refused:
    return refusal(partial(export, vault, check_out, **more))


def test_all_customers_leave_with_the_fields_that_were_lent_and_the_log_tells_it_first(
    vault: RunningVault, book: LogBook
) -> None:
    out = lent(vault)
    assert (out.subject, out.check_out_class) == (PARENT, "whole_institution")
    assert list(out.needed_roles) == ["custodian", "compliance"]
    size = book.size()
    answers = export(vault, out.name)
    customers = [one for answer in answers for one in answer.customers]
    # All but the auditor's own file, each once, in order.
    assert len(customers) == 119
    assert [one.name for one in customers] == sorted({one.name for one in customers})
    assert [answer.exported for answer in answers] == [49, 99, 119]
    for one in customers:
        assert one.natural_person.full_name and one.phones
        assert not one.emails and not one.natural_person.HasField("identity")
    masked = [one for answer in answers for one in answer.masked_customers]
    assert [one.name for one in masked] == [one.name for one in customers]
    alert, opened, *pages, closed = book.since(size)
    assert (alert.action, alert.reason, alert.actor) == ("watch.alert", "BULK_EXPORT", "auditor")
    assert (opened.phase, opened.decision) == (Phase.OPENED, Decision.ALLOWED)
    assert opened.check_out == closed.check_out == out.name.rpartition("/")[2]
    # It is used up with that event; each page has one of its own before it leaves.
    assert [row.name for row in opened.rows] == [out.name.split("/", 2)[2] + "@4"]
    assert [(page.phase, page.count) for page in pages] == [
        (Phase.MESSAGE, 49),
        (Phase.MESSAGE, 50),
        (Phase.MESSAGE, 20),
    ]
    named = [f"{PARENT}/{name}" for page in pages for name in page.resources]
    assert named == [f"{one.name}@1" for one in customers]
    assert all(page.fields == closed.fields and page.decision == "allowed" for page in pages)
    assert (closed.phase, closed.count) == (Phase.CLOSED, 119)
    assert set(closed.fields) == {"natural_person.full_name", "phones"}


def test_a_read_mask_asks_for_less_and_another_check_out_goes_on_behind_a_customer(
    vault: RunningVault,
) -> None:
    out = lent(vault)
    whole = [one for answer in export(vault, out.name, "phones") for one in answer.customers]
    assert all(one.phones and not one.HasField("natural_person") for one in whole)
    used = refused(vault, out.name, after=whole[99].name)
    assert (used.code, used.reason) == NOT_ACTIVE
    another = lent(vault).name
    there = f"institutions/{OTHER}/customers/{'0' * 26}"
    assert refused(vault, another, after=there).fields == {("after", "OTHER_PARENT")}
    rest = [
        one for answer in export(vault, another, after=whole[99].name) for one in answer.customers
    ]
    assert [one.name for one in rest] == [one.name for one in whole[100:]]


def test_nothing_but_a_check_out_of_the_institution_that_two_agreed_to_opens_it(
    vault: RunningVault,
) -> None:
    none = refused(vault, "")
    assert (none.code, none.reason) == ("PERMISSION_DENIED", "CHECK_OUT_REQUIRED")
    waiting = asked(vault)
    wanted = refused(vault, waiting.name)
    assert (wanted.code, wanted.reason) == NOT_ACTIVE
    # The requester's other account is he himself; one person is not two.
    own = refusal(partial(approve, vault, waiting, who="auditor-at-home"))
    assert own.reason == "CHECK_OUT_OWN_REQUEST"
    half = approve(vault, waiting)
    assert (refused(vault, waiting.name).code, refused(vault, waiting.name).reason) == NOT_ACTIVE
    twice = refusal(partial(approve, vault, half))
    assert twice.reason == "CHECK_OUT_APPROVED_ALREADY"
    # One file's check-out opens no export.
    file = create(vault).name
    single = ask(vault, file, who="auditor", purpose=AUDIT, case_reference="A-1")
    approve(vault, single)
    other = refused(vault, single.name)
    assert (other.code, other.reason) == ("PERMISSION_DENIED", "CHECK_OUT_OTHER_RECORD")
    # Nor does somebody else's, or one for another purpose.
    out = lent(vault)
    assert refused(vault, out.name, who="second-auditor").code == "NOT_FOUND"
    court = purpose_pb2.PURPOSE_JUDICIAL_REQUEST
    assert refused(vault, out.name, purpose=court).reason == "CHECK_OUT_OTHER_PURPOSE"


def test_what_is_lent_of_all_files_opens_no_single_one_and_no_page(vault: RunningVault) -> None:
    out = lent(vault)
    file = create(vault).name
    get = pb.GetCustomerRequest(name=file, purpose=AUDIT, check_out=out.name)
    wanted = refusal(partial(vault.records("auditor").GetCustomer, get))
    assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "CHECK_OUT_OTHER_RECORD")
    below = pb.ListTransactionsRequest(parent=file, purpose=AUDIT, check_out=out.name)
    wanted = refusal(partial(vault.records("auditor").ListTransactions, below))
    assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "CHECK_OUT_OTHER_RECORD")
    # A page of all customers takes no check-out at all.
    assert "check_out" not in pb.ListCustomersRequest.DESCRIPTOR.fields_by_name
    # None of these has used it up.
    assert look(vault, out.name, who="auditor").state == lp.CHECK_OUT_STATE_ACTIVE


def test_no_glass_is_broken_for_all_files(vault: RunningVault) -> None:
    add_person(vault, "rescuer", "break_glass")
    until_known(vault, "rescuer")
    request = lp.BreakGlassRequest(
        parent=PARENT,
        customer=PARENT,
        purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE,
        reason="A fire",
    )
    wanted = refusal(partial(vault.access("rescuer").BreakGlass, request))
    assert wanted.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"case_reference": ""}, "CASE_REFERENCE_REQUIRED"),
        ({"duration": span(hours=4, microseconds=1)}, "CHECK_OUT_TOO_LONG"),
        ({"purpose": purpose_pb2.PURPOSE_DATA_QUALITY}, "CHECK_OUT_NO_CLASS"),
    ],
)
def test_a_request_for_all_files_is_of_its_own_class(
    vault: RunningVault, more: dict[str, Any], reason: str
) -> None:
    wanted = refusal(partial(asked, vault, **more))
    assert reason in {wanted.reason, *(why for _, why in wanted.fields)}


def test_fields_of_documents_and_transactions_are_lent_of_all_files_too(
    vault: RunningVault,
) -> None:
    more = ("identity_document.number", "transaction.amount")
    assert list(asked(vault, NAME, *more).fields) == [NAME, *more]
    wanted = refusal(partial(asked, vault, NAME, "voucher.amount"))
    assert wanted.code == "INVALID_ARGUMENT"


def test_a_teller_gets_no_export_whatever_is_agreed_to(vault: RunningVault) -> None:
    wanted = refusal(
        partial(asked, vault, who="clerk", purpose=purpose_pb2.PURPOSE_CUSTOMER_SERVICE)
    )
    assert wanted.reason == "CHECK_OUT_NO_CLASS"


def test_of_several_exports_by_a_check_out_one_begins_whatever_was_wished(
    vault: RunningVault, book: LogBook
) -> None:
    out = lent(vault, one_time=False)
    assert out.one_time
    size = book.size()
    found: list[str] = []

    def one() -> None:
        try:
            found.append(str(len(export(vault, out.name))))
        except Exception:
            found.append("refused")

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["3", "refused", "refused", "refused"]
    assert look(vault, out.name, who="auditor").state == lp.CHECK_OUT_STATE_USED
    wanted = refused(vault, out.name)
    assert (wanted.code, wanted.reason) == NOT_ACTIVE
    # The others' events say that they did not begin, and no alert is raised for them.
    events = book.since(size)
    assert len([one for one in events if one.reason == "BULK_EXPORT"]) == 1
    assert len([one for one in events if one.phase is Phase.OPENED]) == 1
    lost = [one for one in events if one.reason == "CHECK_OUT_NOT_ACTIVE"]
    assert [one.phase for one in lost] == [Phase.CALL] * 4


def _many_large_files(vault: RunningVault) -> None:
    """More than the transport takes in advance."""
    person = people.person()
    label = "a" * 60
    person.emails[:] = [f"{label}{n}@{label}.{label}.{label}.example" for n in range(10)]
    request = pb.BatchCreateCustomersRequest(parent=PARENT)
    for _ in range(450):
        one = people.person()
        one.emails[:] = person.emails
        request.customers.append(one)
    vault.records().BatchCreateCustomers(request)


@pytest.mark.parametrize("end", ["revoked", "returned"])
def test_an_export_ends_with_what_it_was_lent_by(
    vault: RunningVault, book: LogBook, end: str
) -> None:
    _many_large_files(vault)
    out = lent(vault, "customer.emails")
    size = book.size()
    request = pb.ExportCustomersRequest(
        parent=PARENT, check_out=out.name, case_reference="A-2026-7", purpose=AUDIT
    )
    stream = vault.records("auditor").ExportCustomers(request)
    first = next(stream)
    assert first.exported == 49
    if end == "revoked":
        revoke(vault, out.name)
    else:
        give_back(vault, out.name, who="auditor")
    # What was on its way still comes; the last customers do not.
    wanted = refusal(partial(list, stream))
    later = refused(vault, out.name)
    assert (later.code, later.reason) == NOT_ACTIVE
    assert (wanted.code, wanted.reason) == NOT_ACTIVE
    events = [one for one in book.since(size) if one.action == "records.customers.export"]
    closed = next(one for one in events if one.phase is Phase.CLOSED)
    assert (closed.outcome, closed.reason) == NOT_ACTIVE
    pages = [one for one in events if one.phase is Phase.MESSAGE]
    assert 49 <= closed.count == sum(page.count for page in pages) < 500


def test_the_words_of_a_request_for_all_files_are_sealed_and_shown_to_who_decides(
    vault: RunningVault,
) -> None:
    made = asked(vault, reason="The yearly audit of identities")
    (shown,) = [one for one in listed(vault, "custodian") if one.name == made.name]
    assert (shown.reason, shown.case_reference) == ("The yearly audit of identities", "A-2026-7")
    again = renew(vault, lent(vault).name, who="auditor", reason="Again")
    assert again.subject == PARENT
