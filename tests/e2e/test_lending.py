"""A check-out's whole life over TLS, and every refusal on the way, on both databases."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import party_pb2, purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.borrowing import add_person
from tests.support.lending import (
    NAME,
    NUMBER,
    PARENT,
    PHONES,
    SERVING,
    approve,
    ask,
    deny,
    give_back,
    listed,
    look,
    renew,
    revoke,
    span,
    until_known,
)
from tests.support.running_vault import OTHER, RunningVault
from vault.audit import AuditEvent
from vault.store.evidence import stored_hash

SUSPICION = purpose_pb2.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION
COURT = purpose_pb2.PURPOSE_JUDICIAL_REQUEST
NOBODY = "0" * 26


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With tellers and custodians, some of whom are one person."""
    add_person(each_vault, "clerk", "teller")
    add_person(each_vault, "clerk-at-home", "teller", "custodian", person="p-clerk")
    add_person(each_vault, "second-clerk", "teller")
    add_person(each_vault, "both", "investigator", "compliance")
    add_person(each_vault, "both-at-home", "compliance", person="p-both")
    add_person(each_vault, "auditor", "compliance", "teller")
    add_person(each_vault, "custodian-there", "custodian", institution=OTHER)
    until_known(each_vault, "custodian-there")
    return each_vault


@pytest.fixture(scope="module")
def book(vault: RunningVault) -> Iterator[LogBook]:
    """The log."""
    opened = LogBook(vault.database)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def file(vault: RunningVault) -> str:
    """A customer's file."""
    return create(vault).name


def read(vault: RunningVault, file: str, lent: str, who: str = "clerk") -> rp.GetCustomerResponse:
    """Read a file by a check-out."""
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent)
    return vault.records(who).GetCustomer(request)


def one_event(book: LogBook, since: int) -> AuditEvent:
    (event,) = book.since(since)
    return event


# -- the whole life --------------------------------------------------------------------------------


def test_a_file_is_asked_for_lent_for_less_read_and_returned(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    size = book.size()
    asked = ask(vault, file, NAME, PHONES, case_reference=" K-7 ", request_id=people.new_id())
    assert asked.state == pb.CHECK_OUT_STATE_REQUESTED
    assert (asked.requester, asked.subject, asked.check_out_class) == ("clerk", file, "contact")
    assert list(asked.needed_roles) == ["custodian"] and not asked.approvals
    assert (asked.reason, asked.case_reference) == ("Calls back about a lost card", "K-7")
    lapses = asked.decide_by.ToDatetime() - asked.request_time.ToDatetime()
    assert lapses == timedelta(hours=24)
    assert not asked.HasField("start_time") and not asked.HasField("end_time")
    assert refusal(partial(read, vault, file, asked.name)).reason == "CHECK_OUT_NOT_ACTIVE"

    lent = approve(vault, asked, fields=[PHONES], duration=span(minutes=30))
    assert lent.state == pb.CHECK_OUT_STATE_ACTIVE and list(lent.fields) == [PHONES]
    assert [(a.approver, a.role) for a in lent.approvals] == [("custodian", "custodian")]
    assert lent.end_time.ToDatetime() - lent.start_time.ToDatetime() == timedelta(minutes=30)
    assert lent.start_time.ToDatetime() == lent.approvals[0].time.ToDatetime()
    assert lent.etag != asked.etag and look(vault, lent.name) == lent

    answer = read(vault, file, lent.name)
    assert answer.customer.phones and not answer.customer.natural_person.full_name

    back = give_back(vault, lent.name)
    assert back.state == pb.CHECK_OUT_STATE_RETURNED and back.ended_by == "clerk"
    assert refusal(partial(read, vault, file, lent.name)).reason == "CHECK_OUT_NOT_ACTIVE"

    events = book.since(size)
    identifier = asked.name.rpartition("/")[2]
    assert [(e.action, e.outcome) for e in events] == [
        ("lending.check_outs.request", "OK"),
        ("records.customers.get", "FAILED_PRECONDITION"),
        ("lending.check_outs.approve", "OK"),
        ("lending.check_outs.get", "OK"),
        ("records.customers.get", "OK"),
        ("lending.check_outs.return", "OK"),
        ("records.customers.get", "FAILED_PRECONDITION"),
    ]
    assert {e.check_out for e in events} == {identifier}
    assert {e.customer for e in events} == {file.rpartition("/")[2]}
    assert events[0].case_reference_commitment and events[0].purpose == "CUSTOMER_SERVICE"
    changes = [row for e in events for row in e.rows]
    assert [row.name for row in changes] == [f"checkOuts/{identifier}@{n}" for n in (1, 2, 3)]
    for row in changes:
        stands = book.database.read_sync(
            lambda conn, row=row: stored_hash(conn, f"{PARENT}/{row.name}")  # type: ignore[misc]
        )
        assert stands == row.sha256
    for event in events:
        assert b"lost card" not in repr(event).encode()
        assert "K-7" not in repr(event)


def test_the_words_are_sealed_where_they_lie(vault: RunningVault, book: LogBook, file: str) -> None:
    word = "Unmistakable-reason-4711"
    ask(vault, file, reason=word, case_reference=f"{word}-case")
    rows = book.database.read_sync(
        lambda conn: conn.exec_driver_sql("SELECT * FROM check_outs").fetchall()
    )
    assert rows and word.encode() not in b"".join(
        bytes(value) for row in rows for value in row if isinstance(value, bytes | memoryview)
    )
    assert word not in repr(rows)


def test_two_persons_of_two_roles_open_a_suspicion(vault: RunningVault, file: str) -> None:
    asked = ask(
        vault, file, who="auditor", purpose=SUSPICION, case_reference="STR-1", duration=span(days=1)
    )
    assert asked.check_out_class == "suspicion"
    assert list(asked.needed_roles) == ["compliance", "investigator"]
    half = approve(vault, asked, who="investigator")
    assert half.state == pb.CHECK_OUT_STATE_REQUESTED and not half.HasField("start_time")
    lent = approve(vault, half, who="compliance")
    assert lent.state == pb.CHECK_OUT_STATE_ACTIVE
    assert lent.start_time.ToDatetime() == lent.approvals[1].time.ToDatetime()


def test_a_sensitive_file_needs_more_people_for_less_time(vault: RunningVault) -> None:
    marked = people.person()
    marked.sensitivities.append(party_pb2.SENSITIVITY_EMPLOYEE)
    name = create(vault, marked).name
    asked = ask(vault, name, PHONES, duration=span(minutes=30))
    assert asked.check_out_class == "contact+sensitive"
    assert list(asked.needed_roles) == ["custodian", "compliance"]
    long = refusal(partial(ask, vault, name, PHONES, duration=span(hours=2)))
    assert (long.code, long.reason) == ("INVALID_ARGUMENT", "CHECK_OUT_TOO_LONG")


def mark(vault: RunningVault, file: str) -> None:
    """From now on it takes more to see it."""
    change = Customer(name=file, etag=get(vault, file).etag)
    change.sensitivities.append(party_pb2.SENSITIVITY_VIP)
    update(vault, change, "sensitivities")


def test_a_file_that_is_marked_while_somebody_waits_for_it_takes_more_people(
    vault: RunningVault,
) -> None:
    name = create(vault).name
    asked = ask(vault, name, PHONES, duration=span(minutes=30))
    ordered: dict[str, Any] = {"purpose": COURT, "case_reference": "2026-7"}
    both = ask(vault, name, NUMBER, who="auditor", duration=span(hours=2), **ordered)
    mark(vault, name)
    refused = refusal(partial(approve, vault, asked))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_NEEDS_MORE")
    assert look(vault, asked.name).state == pb.CHECK_OUT_STATE_REQUESTED
    again = ask(vault, name, PHONES, duration=span(minutes=30))
    assert list(again.needed_roles) == ["custodian", "compliance"]
    # Whom two had to agree to anyway is lent it, for a shorter time.
    too_long = refusal(partial(approve, vault, both))
    assert too_long.fields == {("duration", "CHECK_OUT_TOO_LONG")}
    half = approve(vault, both, duration=span(hours=1))
    assert approve(vault, half, "compliance").state == pb.CHECK_OUT_STATE_ACTIVE


def test_a_file_that_is_marked_while_it_is_lent_is_closed_until_it_is_asked_for_again(
    vault: RunningVault,
) -> None:
    name = create(vault).name
    lent = approve(vault, ask(vault, name, PHONES))
    assert read(vault, name, lent.name).customer.phones
    mark(vault, name)
    below = rp.ListIdentityDocumentsRequest(parent=name, purpose=SERVING, check_out=lent.name)
    for call in (
        partial(read, vault, name, lent.name),
        partial(vault.records("clerk").ListIdentityDocuments, below),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_NEEDS_MORE")
    again = renew(vault, lent.name)
    assert list(again.needed_roles) == ["custodian", "compliance"]
    approve(vault, approve(vault, again), "compliance")
    assert read(vault, name, again.name).customer.phones


def test_one_record_is_lent_and_nothing_else(vault: RunningVault, file: str) -> None:
    paper = (
        vault.records()
        .CreateIdentityDocument(
            rp.CreateIdentityDocumentRequest(parent=file, identity_document=people.passport())
        )
        .identity_document.name
    )
    lent = approve(vault, ask(vault, paper, "identity_document.number"))
    assert lent.subject == paper
    request = rp.GetIdentityDocumentRequest(name=paper, purpose=SERVING, check_out=lent.name)
    assert vault.records("clerk").GetIdentityDocument(request).identity_document.number
    assert refusal(partial(read, vault, file, lent.name)).reason == "CHECK_OUT_OTHER_RECORD"


def test_a_one_time_check_out_is_over_after_its_read(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file, one_time=True))
    read(vault, file, lent.name)
    assert look(vault, lent.name).state == pb.CHECK_OUT_STATE_USED
    assert refusal(partial(read, vault, file, lent.name)).reason == "CHECK_OUT_NOT_ACTIVE"


def test_what_was_lent_is_asked_for_again_with_another_reason(
    vault: RunningVault, file: str
) -> None:
    lent = approve(vault, ask(vault, file, NAME, PHONES, case_reference="K-8"), fields=[PHONES])
    again = renew(vault, lent.name)
    assert again.renews == lent.name and again.name != lent.name
    assert again.state == pb.CHECK_OUT_STATE_REQUESTED and list(again.fields) == [PHONES]
    assert (again.reason, again.case_reference) == ("The customer has not called back yet", "K-8")
    assert look(vault, lent.name).state == pb.CHECK_OUT_STATE_ACTIVE
    assert refusal(partial(renew, vault, again.name)).reason == "CHECK_OUT_NOT_RENEWABLE"
    too_long = refusal(partial(renew, vault, lent.name, duration=span(days=9)))
    assert too_long.fields == {("duration", "CHECK_OUT_TOO_LONG")}


def test_a_request_that_comes_again_gets_the_first_answer(
    vault: RunningVault, book: LogBook, file: str
) -> None:
    key = people.new_id()
    first = ask(vault, file, request_id=key)
    approve(vault, first)
    size = book.size()
    again = ask(vault, file, request_id=key)
    assert (again.name, again.etag) == (first.name, first.etag)
    event = one_event(book, size)
    assert event.check_out == first.name.rpartition("/")[2] and not event.rows
    other = refusal(partial(ask, vault, file, PHONES, request_id=key))
    assert other.reason == "REQUEST_ID_REUSED"
    renewed = renew(vault, first.name, request_id=(key := people.new_id()))
    assert renew(vault, first.name, request_id=key).name == renewed.name


# -- asking in vain --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "fields"),
    [
        ({"duration": None}, "INVALID_ARGUMENT", {("check_out.duration", "RULE_REQUIRED")}),
        (
            {"duration": span(seconds=0)},
            "INVALID_ARGUMENT",
            {("check_out.duration", "CHECK_OUT_NO_DURATION")},
        ),
        (
            {"duration": span(seconds=-60)},
            "INVALID_ARGUMENT",
            {("check_out.duration", "CHECK_OUT_NO_DURATION")},
        ),
        (
            {"duration": span(hours=8, microseconds=1)},
            "INVALID_ARGUMENT",
            {("check_out.duration", "CHECK_OUT_TOO_LONG")},
        ),
        (
            {"duration": span(days=365 * 9_000)},
            "INVALID_ARGUMENT",
            {("check_out.duration", "CHECK_OUT_TOO_LONG")},
        ),
        ({"reason": "  "}, "INVALID_ARGUMENT", {("check_out.reason", "REQUIRED")}),
        ({"reason": ""}, "INVALID_ARGUMENT", {("check_out.reason", "RULE_STRING_MIN_LEN")}),
        ({"purpose": 0}, "INVALID_ARGUMENT", {("check_out.purpose", "RULE_ENUM_NOT_IN")}),
        ({"purpose": 77}, "INVALID_ARGUMENT", {("check_out.purpose", "RULE_ENUM_DEFINED_ONLY")}),
        # Not a purpose of a teller's, whoever agreed.
        ({"purpose": SUSPICION}, "PERMISSION_DENIED", set()),
    ],
)
def test_a_request_without_end_reason_or_purpose_is_refused(
    vault: RunningVault, file: str, changes: dict[str, Any], code: str, fields: set[Any]
) -> None:
    wanted = refusal(partial(ask, vault, file, **changes))
    assert (wanted.code, wanted.fields) == (code, fields)
    assert wanted.en and wanted.zh


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("*", "RULE_STRING_PATTERN"),
        ("customer.*", "RULE_STRING_PATTERN"),
        ("customer", "RULE_STRING_PATTERN"),
        ("customer.", "RULE_STRING_PATTERN"),
        ("account.number", "RULE_STRING_PATTERN"),
        ("customer.shoe_size", "UNKNOWN_FIELD"),
        ("customer.phones.number", "UNKNOWN_FIELD"),
        ("customer.name", "UNKNOWN_FIELD"),
        ("customer.etag", "UNKNOWN_FIELD"),
        # No row of the table of fields opens it to a teller.
        ("customer.risk_class", "FIELD_NEVER_LENT"),
        (PHONES, "RULE_REPEATED_UNIQUE"),
    ],
)
def test_a_field_that_is_none_or_stays_closed_anyway_is_refused_by_its_place(
    vault: RunningVault, file: str, path: str, reason: str
) -> None:
    wanted = refusal(partial(ask, vault, file, PHONES, path))
    place = "check_out.fields" if reason.endswith("UNIQUE") else "check_out.fields[1]"
    found = {(v.field, v.reason.removeprefix("RULE_")) for v in wanted.violations}
    expected = reason.removeprefix("RULE_")
    if expected == "STRING_PATTERN":
        assert {field for field, _ in found} == {place}
    else:
        assert found == {(place, expected)}
    assert wanted.code == "INVALID_ARGUMENT"


def test_a_field_of_another_kind_than_the_record_is_refused(vault: RunningVault, file: str) -> None:
    booking = f"{file}/transactions/{NOBODY}"
    wanted = refusal(partial(ask, vault, booking, "transaction.amount", PHONES))
    assert wanted.fields == {("check_out.fields[1]", "FIELD_OF_OTHER_KIND")}


def test_what_is_not_there_is_not_lent(vault: RunningVault, file: str) -> None:
    for subject, path in (
        (f"{PARENT}/customers/{NOBODY}", PHONES),
        (f"{file}/documents/{NOBODY}", "identity_document.number"),
        (f"{file}/transactions/{NOBODY}", "transaction.amount"),
    ):
        wanted = refusal(partial(ask, vault, subject, path))
        assert (wanted.code, wanted.metadata["resource"]) == ("NOT_FOUND", subject)


def test_nothing_of_another_bank_is_lent_or_asked_for_in_its_name(
    vault: RunningVault, file: str
) -> None:
    there = file.replace(PARENT, f"institutions/{OTHER}")
    wanted = refusal(partial(ask, vault, there))
    assert wanted.fields == {("check_out.subject", "OTHER_PARENT")}
    elsewhere = refusal(partial(ask, vault, there, parent=f"institutions/{OTHER}"))
    assert (elsewhere.code, elsewhere.reason) == ("PERMISSION_DENIED", "OTHER_INSTITUTION")


def test_a_program_alone_asks_and_decides_nothing(vault: RunningVault, file: str) -> None:
    asked = ask(vault, file)
    for call in (
        partial(ask, vault, file, who="crm"),
        partial(look, vault, asked.name, who="crm"),
        partial(give_back, vault, asked.name, who="crm"),
    ):
        assert refusal(call).reason == "PERSON_REQUIRED"
    assert refusal(partial(approve, vault, asked, who="backend")).code == "PERMISSION_DENIED"


def test_nobody_asks_for_his_own_file_or_a_relatives(vault: RunningVault) -> None:
    mine, cousins = create(vault), create(vault)
    add_person(
        vault,
        f"clerk-{mine.customer_number.lower()}",
        "teller",
        own_files=[mine.name.rpartition("/")[2]],
        related_files=[cousins.name.rpartition("/")[2]],
    )
    who = f"clerk-{mine.customer_number.lower()}"
    until_known(vault, who)
    for name in (mine.name, cousins.name):
        wanted = refusal(partial(ask, vault, name, who=who))
        assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "CHECK_OUT_OWN_FILE")


def test_an_investigation_needs_a_case_reference(vault: RunningVault, file: str) -> None:
    for blank in ("", "   "):
        wanted = refusal(
            partial(ask, vault, file, who="auditor", purpose=SUSPICION, case_reference=blank)
        )
        assert wanted.reason == "CASE_REFERENCE_REQUIRED"


# -- deciding in vain ------------------------------------------------------------------------------


def refused(vault: RunningVault, out: pb.CheckOut, who: str, **less: Any) -> Refused:
    """An approval and a denial are refused alike; the approval's refusal."""
    wanted = refusal(partial(approve, vault, out, who=who, **less))
    if not less:
        assert refusal(partial(deny, vault, out, who=who)).reason == wanted.reason
    assert look(vault, out.name, who=out.requester) == out
    return wanted


def test_the_requester_does_not_decide_under_another_account(
    vault: RunningVault, file: str
) -> None:
    wanted = refused(vault, ask(vault, file), "clerk-at-home")
    assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "CHECK_OUT_OWN_REQUEST")


def test_another_teller_decides_nothing_and_does_not_hear_of_it(
    vault: RunningVault, file: str
) -> None:
    asked = ask(vault, file)
    assert refused(vault, asked, "second-clerk").reason == "ROLE_MISSING"
    there = refused(vault, asked, "custodian-there")
    assert there.reason == "OTHER_INSTITUTION"
    never = asked.name.replace(asked.name[-6:], "zzzzzz")
    for end in (look, give_back, renew):
        hidden = refusal(partial(end, vault, asked.name, who="second-clerk"))
        absent = refusal(partial(end, vault, never, who="second-clerk"))
        assert (hidden.code, hidden.reason) == ("NOT_FOUND", "NOT_FOUND")
        assert hidden.text.replace(asked.name, never) == absent.text


def test_the_files_subject_and_his_relatives_do_not_even_hear_of_it(vault: RunningVault) -> None:
    customer = create(vault)
    name, number = customer.name, customer.customer_number.lower()
    asked = ask(vault, name)
    for files in ("own_files", "related_files"):
        who = f"custodian-{number}-{files[:3]}"
        add_person(vault, who, "custodian", **{files: [name.rpartition("/")[2]]})  # type: ignore[arg-type]  # by name
        until_known(vault, who)
        assert refused(vault, asked, who).code == "NOT_FOUND"
        assert refusal(partial(look, vault, asked.name, who=who)).code == "NOT_FOUND"
        assert refusal(partial(revoke, vault, asked.name, who=who)).code == "NOT_FOUND"
    approve(vault, asked)


def test_an_approver_who_was_removed_meanwhile_or_lost_the_role_does_not_decide(
    vault: RunningVault, file: str
) -> None:
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")
    add_person(vault, "leaver", "custodian")
    until_known(vault, "leaver")
    asked = ask(vault, file)
    assert look(vault, asked.name, who="leaver") == asked
    # Somebody else by now: a teller, then nobody.
    path.write_text(before, "utf-8")
    add_person(vault, "leaver", "teller")
    _until_refused(vault, asked, "ROLE_MISSING")
    path.write_text(before, "utf-8")
    _until_refused(vault, asked, "UNKNOWN_PRINCIPAL")
    assert look(vault, asked.name) == asked


@pytest.mark.parametrize("now", [("teller",), ()], ids=["lost-the-role", "removed"])
def test_half_an_approval_falls_with_the_right_to_give_it(
    vault: RunningVault, book: LogBook, file: str, now: tuple[str, ...]
) -> None:
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")
    leaver = f"leaver-to-{len(now)}-roles"
    add_person(vault, leaver, "custodian")
    until_known(vault, leaver)
    asked = ask(vault, file, who="auditor", purpose=COURT, case_reference="K-4")
    half = approve(vault, asked, who=leaver)
    assert [one.approver for one in half.approvals] == [leaver]
    assert half.name not in {one.name for one in listed(vault, mine_to_decide=True)}
    path.write_text(before, "utf-8")
    if now:
        add_person(vault, leaver, *now)
    _until_refused(vault, asked, "ROLE_MISSING" if now else "UNKNOWN_PRINCIPAL", leaver)
    # It waits for a custodian again, and the other half does not open it.
    assert half.name in {one.name for one in listed(vault, mine_to_decide=True)}
    size = book.size()
    other = approve(vault, half, who="compliance")
    assert other.state == pb.CHECK_OUT_STATE_REQUESTED
    assert [one.approver for one in other.approvals] == ["compliance"]
    lent = approve(vault, other)
    told = [(e.outcome, e.reason, e.resources) for e in book.since(size)]
    assert told == [("OK", "APPROVAL_FELL_AWAY", (f"principals/{leaver}",)), ("OK", "", ())]
    assert lent.state == pb.CHECK_OUT_STATE_ACTIVE
    assert [one.approver for one in lent.approvals] == ["compliance", "custodian"]
    path.write_text(before, "utf-8")


@pytest.mark.parametrize("files", ["own_files", "related_files"])
def test_half_an_approval_falls_when_the_file_becomes_the_givers_own(
    vault: RunningVault, files: str
) -> None:
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")
    name = create(vault).name
    giver = f"custodian-of-{files[:3]}"
    add_person(vault, giver, "custodian")
    until_known(vault, giver)
    asked = ask(vault, name, who="auditor", purpose=COURT, case_reference="K-5")
    half = approve(vault, asked, who=giver)
    path.write_text(before, "utf-8")
    add_person(vault, giver, "custodian", **{files: [name.rpartition("/")[2]]})  # type: ignore[arg-type]  # by name
    _until_refused(vault, asked, "NOT_FOUND", giver)
    other = approve(vault, half, who="compliance")
    assert list(other.needed_roles) == ["custodian", "compliance"]
    assert [one.role for one in other.approvals] == ["compliance"]
    assert approve(vault, other).state == pb.CHECK_OUT_STATE_ACTIVE
    path.write_text(before, "utf-8")


def _until_refused(
    vault: RunningVault, out: pb.CheckOut, reason: str, leaver: str = "leaver"
) -> None:
    """Within a second; until then another etag keeps him from deciding."""
    stale = pb.CheckOut(name=out.name, etag="stale")
    deadline = time.monotonic() + 1.0
    while (found := refusal(partial(approve, vault, stale, who=leaver)).reason) != reason:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    assert refusal(partial(approve, vault, out, who=leaver)).reason == reason


def test_two_halves_by_one_person_are_one_half(vault: RunningVault, file: str) -> None:
    asked = ask(vault, file, who="auditor", purpose=SUSPICION, case_reference="STR-2")
    half = approve(vault, asked, who="both")
    assert half.state == pb.CHECK_OUT_STATE_REQUESTED
    for who in ("both", "both-at-home"):
        again = refusal(partial(approve, vault, half, who=who))
        assert (again.code, again.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_APPROVED_ALREADY")
    assert look(vault, asked.name, who="auditor") == half
    assert approve(vault, half, who="investigator").state == pb.CHECK_OUT_STATE_ACTIVE


def test_an_approval_holds_for_what_was_seen_and_for_nothing_else(
    vault: RunningVault, file: str
) -> None:
    one, other = ask(vault, file, PHONES), ask(vault, file, PHONES)
    replayed = pb.CheckOut(name=other.name, etag=one.etag)
    wanted = refusal(partial(approve, vault, replayed))
    assert (wanted.code, wanted.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert refusal(partial(deny, vault, replayed)).reason == "ETAG_MISMATCH"
    empty = refusal(partial(approve, vault, pb.CheckOut(name=other.name)))
    assert empty.fields == {("etag", "RULE_STRING_MIN_LEN")}
    # Changed since the second approver has looked.
    asked = ask(vault, file, who="auditor", purpose=COURT, case_reference="K-3")
    approve(vault, asked, duration=span(minutes=5))
    changed = refusal(partial(approve, vault, asked, who="compliance"))
    assert (changed.code, changed.reason) == ("ABORTED", "ETAG_MISMATCH")
    # Decided on already: the same approval again.
    approve(vault, one)
    assert refusal(partial(approve, vault, one)).reason == "ETAG_MISMATCH"
    assert refusal(partial(approve, vault, look(vault, one.name))).reason == "CHECK_OUT_NOT_WAITING"


@pytest.mark.parametrize(
    ("less", "field", "reason"),
    [
        ({"fields": [PHONES, NUMBER]}, "fields", "CHECK_OUT_WIDER"),
        ({"fields": ["customer.natural_person"]}, "fields", "CHECK_OUT_WIDER"),
        ({"fields": ["customer.nothing"]}, "fields[0]", "UNKNOWN_FIELD"),
        ({"duration": span(hours=2, microseconds=1)}, "duration", "CHECK_OUT_WIDER"),
        ({"duration": span(seconds=0)}, "duration", "CHECK_OUT_NO_DURATION"),
        ({"duration": span(seconds=-1)}, "duration", "CHECK_OUT_NO_DURATION"),
    ],
)
def test_an_approver_widens_nothing(
    vault: RunningVault, file: str, less: dict[str, Any], field: str, reason: str
) -> None:
    wanted = refused(vault, ask(vault, file), "custodian", **less)
    assert (wanted.code, wanted.fields) == ("INVALID_ARGUMENT", {(field, reason)})


def test_what_was_denied_returned_or_revoked_is_over(vault: RunningVault, file: str) -> None:
    denied = deny(vault, ask(vault, file))
    assert (denied.state, denied.ended_by) == (pb.CHECK_OUT_STATE_DENIED, "custodian")
    withdrawn = give_back(vault, ask(vault, file).name)
    assert withdrawn.state == pb.CHECK_OUT_STATE_RETURNED
    revoked = revoke(vault, approve(vault, ask(vault, file)).name)
    assert (revoked.state, revoked.ended_by) == (pb.CHECK_OUT_STATE_REVOKED, "custodian")
    for out in (denied, withdrawn, revoked):
        assert refusal(partial(approve, vault, out)).reason == "CHECK_OUT_NOT_WAITING"
        assert refusal(partial(give_back, vault, out.name)).reason == "CHECK_OUT_NOT_ACTIVE"
        assert refusal(partial(revoke, vault, out.name)).reason == "CHECK_OUT_NOT_ACTIVE"
        assert refusal(partial(read, vault, file, out.name)).reason == "CHECK_OUT_NOT_ACTIVE"
    assert refusal(partial(renew, vault, revoked.name)).reason == "CHECK_OUT_NOT_RENEWABLE"


def test_a_custodian_returns_nothing_for_the_teller(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file))
    wanted = refusal(partial(give_back, vault, lent.name, who="custodian"))
    assert (wanted.code, wanted.reason) == ("PERMISSION_DENIED", "CHECK_OUT_NOT_REQUESTER")
    assert give_back(vault, lent.name, who="clerk-at-home").ended_by == "clerk-at-home"


def test_it_ends_by_itself(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file), duration=span(milliseconds=300))
    read_ok = 0
    while True:
        try:
            read(vault, file, lent.name)
            read_ok += 1
        except Exception:
            break
    assert read_ok
    assert look(vault, lent.name).state == pb.CHECK_OUT_STATE_EXPIRED
    assert refusal(partial(give_back, vault, lent.name)).reason == "CHECK_OUT_NOT_ACTIVE"
