"""Bad input: every wrong field named at once, nothing half-written, the server none the worse."""

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recordsvault.masked.v1 import masked_pb2
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import party_pb2 as party
from tests.e2e import people
from tests.e2e.calls import SERVING, create_customer, create_document, create_transaction
from tests.e2e.people import PARENT
from tests.e2e.wire import LogBook, Refuse, Refused
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

OVER_HTTP = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Spoil = Callable[[Any], object]


# -- fields: what is wrong, and what it is called ------------------------------------------------

LATER = datetime.now(UTC) + timedelta(days=900)


def put(path: str, value: Any) -> Spoil:
    """Sets a field, given as a path with places of lists."""

    def spoil(record: Any) -> None:
        *way, last = path.replace("[", ".[").split(".")
        for step in way:
            record = record[int(step[1:-1])] if step[0] == "[" else getattr(record, step)
        if last[0] == "[":
            record[int(last[1:-1])] = value
        elif isinstance(value, Date | Timestamp):
            getattr(record, last).CopyFrom(value)
        else:
            setattr(record, last, value)

    return spoil


PERSON: dict[str, tuple[str, Any, str]] = {
    "a resident number with a wrong check digit": (
        "natural_person.identity.number",
        "110105194912310021",
        "CHECK_DIGIT",
    ),
    "a day that is not in the calendar": (
        "natural_person.birth_date",
        Date(year=2023, month=2, day=30),
        "IMPOSSIBLE_DATE",
    ),
    "a month that is none": (
        "natural_person.identity.issue_date",
        Date(year=2020, month=13, day=1),
        "IMPOSSIBLE_DATE",
    ),
    "a phone number that is none": ("phones[0]", "+8613", "FORMAT"),
    "a masked phone number": ("phones[1]", "+86138****5678", "MASKED_VALUE"),
    "a masked name": ("natural_person.full_name", "欧阳**", "MASKED_VALUE"),
    "a control character": ("natural_person.occupation", "会\x07计", "CONTROL_CHARACTER"),
    "unnormalised Unicode": ("natural_person.latin_name", "Ame\u0301lie", "NOT_NORMALISED"),
    "a zero-width space": ("addresses[0].street", "建国\u200b路", "HIDDEN_CHARACTER"),
    "a text that turns about": ("addresses[0].city", "北京\u202e市", "HIDDEN_CHARACTER"),
    "a blank at the end": ("addresses[0].district", "朝阳区 ", "OUTER_BLANK"),
    "a country that does not exist": ("natural_person.nationality", "ZZ", "COUNTRY"),
    "an IBAN with a wrong check digit": ("accounts[0]", "DE88370400440532013000", "CHECK_DIGIT"),
    "a card with a wrong check digit": ("accounts[1]", "4111111111111112", "CHECK_DIGIT"),
    "a masked account": ("accounts[2]", "622202******1234", "MASKED_VALUE"),
    "an e-mail address that is none": ("emails[0]", "nobody at example", "FORMAT"),
    "a number that is too long": ("customer_number", "C" * 65, "TOO_LONG"),
    "a value that the contract does not know": ("risk_class", 99, "RULE_ENUM_DEFINED_ONLY"),
    "a kind that is not stated": ("addresses[0].kind", 0, "REQUIRED"),
}
COMPANY: dict[str, tuple[str, Any, str]] = {
    "a credit code with a wrong check digit": (
        "legal_entity.unified_social_credit_code",
        "91350100M000100Y44",
        "CHECK_DIGIT",
    ),
    "an LEI with a wrong check digit": (
        "legal_entity.lei",
        "506700GE1G29325QX364",
        "CHECK_DIGIT",
    ),
    "more than the whole": (
        "legal_entity.beneficial_owners[0].ownership_basis_points",
        10_001,
        "OUT_OF_RANGE",
    ),
    "a masked representative": (
        "legal_entity.legal_representative.full_name",
        "李＊＊",
        "MASKED_VALUE",
    ),
}
DOCUMENT: dict[str, tuple[str, Any, str]] = {
    "a zone with a wrong check digit": (
        "machine_readable_zone",
        people.SPECIMEN_ZONE[:-1] + "1",
        "CHECK_DIGIT",
    ),
    "an end that is no day": ("expiry_date", Date(year=2029, month=4, day=31), "IMPOSSIBLE_DATE"),
    "an issue in the future": ("issue_date", people.day(LATER.date()), "IN_FUTURE"),
    "a masked number": ("number", "E******78", "MASKED_VALUE"),
    "a country that does not exist": ("issuing_country", "QQ", "COUNTRY"),
}
TRANSACTION: dict[str, tuple[str, Any, str]] = {
    "a currency that does not exist": ("amount.currency_code", "XYZ", "CURRENCY"),
    "a negative amount": ("amount.units", -7, "NEGATIVE"),
    "an IBAN with a wrong check digit": (
        "counterparty.account",
        "DE88370400440532013000",
        "CHECK_DIGIT",
    ),
    "a BIC that is none": ("account.bic", "ICBK", "LENGTH"),
    "a time zone that does not exist": ("time_zone", "Asia/Nowhere", "TIME_ZONE"),
    "a booking of the day after tomorrow": ("booking_time", people.stamp(LATER), "IN_FUTURE"),
    "a purpose code that is none": ("purpose_code", "sala", "FORMAT"),
    "an address of no network": ("channel.network_address", "999.1.1.1", "FORMAT"),
    "a direction that is not stated": ("direction", 0, "REQUIRED"),
    "a line feed in a text": ("remittance_text", "工资\n奖金", "CONTROL_CHARACTER"),
    "a correction of something else": ("corrects", "transaction 7", "NAME"),
}


def roomy(customer: Customer) -> Customer:
    """With three phones and accounts, so that each can be spoilt."""
    customer.phones[:] = ["+8613800138001", "+8613800138002"]
    customer.accounts[:] = ["DE89370400440532013000", "4111111111111111", "0200001234567890123"]
    return customer


def check(refused: Refused, prefix: str, cases: Iterable[tuple[str, Any, str]]) -> None:
    """All of it is named, nothing else is, in both languages, and no value is told."""
    cases = list(cases)
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.fields == {(prefix + path, reason) for path, _, reason in cases}
    assert refused.reason == (cases[0][2] if len(cases) == 1 else "INVALID_FIELDS")
    assert len(refused.violations) == len(cases), "one violation a field"
    assert refused.en.isascii() and not refused.zh.isascii()
    for violation in refused.violations:
        assert violation.en and violation.zh and not violation.zh.isascii()
    for _, value, _ in cases:
        if isinstance(value, str):
            assert value not in refused.text


@pytest.mark.parametrize("what", PERSON)
def test_a_customer_is_refused_for(vault: RunningVault, refuse: Refuse, what: str) -> None:
    bad = roomy(people.person())
    put(*PERSON[what][:2])(bad)
    check(refuse(create_customer(vault, bad)), "customer.", [PERSON[what]])


@pytest.mark.parametrize("what", COMPANY)
def test_a_company_is_refused_for(vault: RunningVault, refuse: Refuse, what: str) -> None:
    bad = people.company()
    put(*COMPANY[what][:2])(bad)
    check(refuse(create_customer(vault, bad)), "customer.", [COMPANY[what]])


@pytest.mark.parametrize("what", DOCUMENT)
def test_a_document_is_refused_for(
    vault: RunningVault, refuse: Refuse, owner: str, what: str
) -> None:
    bad = people.passport()
    put(*DOCUMENT[what][:2])(bad)
    case = [DOCUMENT[what]]
    if what == "an issue in the future":
        bad.ClearField("expiry_date")
    check(refuse(create_document(vault, owner, bad)), "identity_document.", case)


@pytest.mark.parametrize("what", TRANSACTION)
def test_a_transaction_is_refused_for(
    vault: RunningVault, refuse: Refuse, owner: str, what: str
) -> None:
    bad = people.booking()
    put(*TRANSACTION[what][:2])(bad)
    check(refuse(create_transaction(vault, owner, bad)), "transaction.", [TRANSACTION[what]])


@pytest.mark.parametrize(
    ("currency", "nanos"),
    [("CNY", 1), ("CNY", 5_000_000), ("JPY", 500_000_000), ("KWD", 100_000), ("USD", 999_999_999)],
)
def test_an_amount_has_no_more_decimals_than_its_currency(
    vault: RunningVault, refuse: Refuse, owner: str, currency: str, nanos: int
) -> None:
    bad = people.booking()
    bad.amount.currency_code, bad.amount.nanos = currency, nanos
    refused = refuse(create_transaction(vault, owner, bad))
    assert refused.fields == {("transaction.amount.nanos", "TOO_MANY_DECIMALS")}


def test_everything_that_is_wrong_with_a_customer_is_told_at_once(
    vault: RunningVault, refuse: Refuse
) -> None:
    bad = roomy(people.person())
    for path, value, _ in PERSON.values():
        put(path, value)(bad)
    check(refuse(create_customer(vault, bad)), "customer.", PERSON.values())


def test_everything_that_is_wrong_with_a_company_is_told_at_once(
    vault: RunningVault, refuse: Refuse
) -> None:
    bad = people.company()
    for path, value, _ in COMPANY.values():
        put(path, value)(bad)
    check(refuse(create_customer(vault, bad)), "customer.", COMPANY.values())


def test_everything_that_is_wrong_with_a_transaction_is_told_at_once(
    vault: RunningVault, refuse: Refuse, owner: str
) -> None:
    bad = people.booking()
    for path, value, _ in TRANSACTION.values():
        put(path, value)(bad)
    check(refuse(create_transaction(vault, owner, bad)), "transaction.", TRANSACTION.values())


def test_everything_that_is_wrong_with_a_batch_is_told_at_once(
    vault: RunningVault, refuse: Refuse
) -> None:
    batch = [roomy(people.person()) for _ in range(len(PERSON))]
    for bad, (path, value, _) in zip(batch, PERSON.values(), strict=True):
        put(path, value)(bad)
    batch.insert(3, people.person())
    request = pb.BatchCreateCustomersRequest(parent=PARENT, customers=batch, request_id="none")
    refused = refuse(lambda: vault.records().BatchCreateCustomers(request))
    expected = {
        (f"customers[{n + (n >= 3)}].{path}", reason)
        for n, (path, _, reason) in enumerate(PERSON.values())
    }
    assert refused.fields == expected | {("request_id", "RULE_STRING_UUID")}


def test_an_update_is_held_to_the_same_rules(
    vault: RunningVault, refuse: Refuse, owner: str
) -> None:
    found = vault.records().GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING))
    bad = roomy(copy.deepcopy(found.customer))
    for path, value, _ in PERSON.values():
        put(path, value)(bad)
    refused = refuse(lambda: vault.records().UpdateCustomer(pb.UpdateCustomerRequest(customer=bad)))
    check(refused, "customer.", PERSON.values())


def test_a_masked_view_cannot_be_written_back(vault: RunningVault, refuse: Refuse) -> None:
    """What a front end was shown, taken for the record."""
    sent = people.person()
    name = (
        vault.records()
        .CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=sent))
        .customer
    )
    view = (
        vault.masked()
        .GetMaskedCustomer(masked_pb2.GetMaskedCustomerRequest(name=name.name))
        .customer
    )
    bad = copy.deepcopy(sent)
    bad.name, bad.etag = name.name, name.etag
    bad.natural_person.full_name = view.full_name.value
    bad.natural_person.identity.number = view.identity_number.value
    bad.phones[:] = [p.value for p in view.phones]
    bad.emails[:] = [p.value for p in view.emails]
    bad.accounts[:] = [p.value for p in view.accounts]
    refused = refuse(lambda: vault.records().UpdateCustomer(pb.UpdateCustomerRequest(customer=bad)))
    assert refused.fields == {
        ("customer.natural_person.full_name", "MASKED_VALUE"),
        ("customer.natural_person.identity.number", "MASKED_VALUE"),
        ("customer.phones[0]", "MASKED_VALUE"),
        ("customer.emails[0]", "MASKED_VALUE"),
        ("customer.accounts[0]", "MASKED_VALUE"),
    }


@OVER_HTTP
@given(text=st.text(max_size=40), field=st.sampled_from(["full_name", "latin_name", "occupation"]))
@example(text="\x00", field="full_name")
@example(text="王\u200d小", field="full_name")
def test_any_text_is_stored_as_it_is_or_refused(
    vault: RunningVault, owner: str, text: str, field: str
) -> None:
    stub = vault.records()
    sent = people.person()
    setattr(sent.natural_person, field, text)
    try:
        name = stub.CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=sent))
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        return
    found = stub.GetCustomer(pb.GetCustomerRequest(name=name.customer.name, purpose=SERVING))
    assert getattr(found.customer.natural_person, field) == text


# -- what somebody else holds --------------------------------------------------------------------


def _same_number(first: Customer, second: Customer) -> None:
    second.natural_person.identity.CopyFrom(first.natural_person.identity)
    second.natural_person.birth_date.CopyFrom(first.natural_person.birth_date)


def _same_number_in_small_letters(first: Customer, second: Customer) -> None:
    second.customer_number = first.customer_number.lower()


def _same_customer_number(first: Customer, second: Customer) -> None:
    second.customer_number = first.customer_number


@pytest.mark.parametrize(
    "clash", [_same_number, _same_customer_number, _same_number_in_small_letters]
)
def test_a_second_holder_of_a_number_is_told_of_the_first(
    vault: RunningVault, refuse: Refuse, clash: Callable[[Customer, Customer], None]
) -> None:
    first, second = people.person(), people.person()
    request = pb.CreateCustomerRequest(parent=PARENT, customer=first)
    existing = vault.records().CreateCustomer(request).customer.name
    clash(first, second)
    refused = refuse(create_customer(vault, second))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "IDENTITY_ALREADY_HELD")
    assert refused.resource == refused.metadata["existing"] == existing
    assert existing in refused.en and existing in refused.zh
    assert second.natural_person.identity.number not in refused.text


def test_a_document_with_anothers_number_is_refused(
    vault: RunningVault, refuse: Refuse, owner: str
) -> None:
    first = people.person()
    request = pb.CreateCustomerRequest(parent=PARENT, customer=first)
    existing = vault.records().CreateCustomer(request).customer.name
    card = people.passport()
    card.kind = party.DOCUMENT_KIND_CN_RESIDENT_ID
    card.number = first.natural_person.identity.number
    refused = refuse(create_document(vault, owner, card))
    assert (refused.code, refused.resource) == ("ALREADY_EXISTS", existing)
    # His own card is no other's.
    create_document(vault, existing, card)()


def test_no_value_that_was_refused_is_in_the_log_or_in_what_the_servers_print(
    vault: RunningVault, log: LogBook
) -> None:
    text = log.text() + vault.log_text(TierName.FULL) + vault.log_text(TierName.MASKED)
    for cases in (PERSON, COMPANY, DOCUMENT, TRANSACTION):
        for path, value, _ in cases.values():
            if isinstance(value, str) and len(value) > 4:
                assert value not in text, path
    assert "call failed" not in text, "an error of the vault's own"
