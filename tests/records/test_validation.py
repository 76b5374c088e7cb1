"""Validation: everything wrong at once, by field and reason, and never the value."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import strategies
from tests.records.builders import (
    CUSTOMER_NAME,
    NOW,
    TD3,
    TODAY,
    customer,
    document,
    entity,
    entity_customer,
    person,
    relationship,
    source,
    trader_customer,
    transaction,
)
from vault.records import (
    AccountParty,
    AccountStatement,
    Address,
    AddressKind,
    Channel,
    ChannelKind,
    Customer,
    Direction,
    DocumentKind,
    Exchange,
    IdentityDocument,
    IdentityElement,
    Instrument,
    Money,
    NaturalPerson,
    RelatedPerson,
    Sensitivity,
    Sex,
    SoleTrader,
    Transaction,
    TransactionStatus,
)
from vault.records.identifiers import resident_id
from vault.records.masks import mask_customer, mask_document, mask_transaction
from vault.records.reasons import Reason
from vault.records.validation import (
    Violation,
    validate_customer,
    validate_document,
    validate_transaction,
)

ULID = "01jd0000000000000000000000"
BOOKING = f"{CUSTOMER_NAME}/transactions/{ULID}"
PAPER = f"{CUSTOMER_NAME}/documents/{ULID}"


def found(violations: tuple[Violation, ...]) -> set[tuple[str, str]]:
    return {(violation.field, violation.reason) for violation in violations}


def in_customer(**changes: Any) -> set[tuple[str, str]]:
    return found(validate_customer(customer(**changes), TODAY))


def in_person(**changes: Any) -> set[tuple[str, str]]:
    return in_customer(natural_person=person(**changes))


def in_entity(**changes: Any) -> set[tuple[str, str]]:
    return found(validate_customer(entity_customer(**changes), TODAY))


def in_document(**changes: Any) -> set[tuple[str, str]]:
    return found(validate_document(document(**changes), TODAY))


def in_transaction(**changes: Any) -> set[tuple[str, str]]:
    return found(validate_transaction(transaction(**changes), NOW))


def test_right_records_have_no_violation() -> None:
    for record in (customer(), entity_customer(), trader_customer()):
        assert validate_customer(record, TODAY) == ()
    assert validate_document(document(), TODAY) == ()
    assert validate_transaction(transaction(), NOW) == ()
    assert validate_customer(customer()) == ()
    assert validate_document(document()) == ()
    assert validate_transaction(transaction()) == ()


def test_all_violations_are_found_at_once() -> None:
    wrong = customer(
        customer_number="",
        natural_person=person(
            full_name="张**",
            nationality="XX",
            identity=IdentityElement(DocumentKind.CN_RESIDENT_ID, "110105194912310021", "US"),
        ),
        phones=("13800138000",),
        emails=("nobody",),
        accounts=("4111111111111112", "GB29NWBK60161331926818"),
        addresses=(Address(AddressKind.UNSPECIFIED, "UK"),),
    )
    assert found(validate_customer(wrong, TODAY)) == {
        ("customer_number", "REQUIRED"),
        ("natural_person.full_name", "MASKED_VALUE"),
        ("natural_person.nationality", "COUNTRY"),
        ("natural_person.identity.number", "CHECK_DIGIT"),
        ("natural_person.identity.issuing_country", "CONTRADICTION"),
        ("phones[0]", "FORMAT"),
        ("emails[0]", "FORMAT"),
        ("accounts[0]", "CHECK_DIGIT"),
        ("accounts[1]", "CHECK_DIGIT"),
        ("addresses[0].kind", "REQUIRED"),
        ("addresses[0].country", "COUNTRY"),
    }


def test_each_reason_has_its_sentence_in_both_languages() -> None:
    for reason in Reason:
        assert reason.en.endswith(".")
        assert reason.zh.endswith("。")
    (violation,) = validate_customer(customer(branch="a\x00"), TODAY)
    assert violation == Violation(
        "branch", "CONTROL_CHARACTER", Reason.CONTROL_CHARACTER.en, Reason.CONTROL_CHARACTER.zh
    )


def test_exactly_one_party_is_needed() -> None:
    assert in_customer(natural_person=None) == {("party", "ONE_OF")}
    assert in_customer(legal_entity=entity()) == {("party", "ONE_OF")}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"full_name": ""}, ("full_name", "REQUIRED")),
        ({"full_name": "王\u200b明"}, ("full_name", "HIDDEN_CHARACTER")),
        ({"latin_name": "Jose\u0301"}, ("latin_name", "NOT_NORMALISED")),
        ({"birth_date": date(1950, 1, 1)}, ("birth_date", "CONTRADICTION")),
        ({"birth_date": date(2026, 11, 25), "identity": None}, ("birth_date", "IN_FUTURE")),
        ({"sex": Sex.MALE}, ("sex", "CONTRADICTION")),
        ({"nationality": "cn"}, ("nationality", "COUNTRY")),
        ({"occupation": "**"}, ("occupation", "MASKED_VALUE")),
    ],
)
def test_a_person(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert in_person(**changes) == {("natural_person." + expected[0], expected[1])}


def test_a_sex_that_is_not_stated_contradicts_nothing() -> None:
    assert in_person(sex=Sex.UNSPECIFIED) == in_person(sex=Sex.OTHER) == set()


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (IdentityElement(), {("kind", "REQUIRED"), ("number", "REQUIRED")}),
        (IdentityElement(DocumentKind.CN_RESIDENT_ID, "110105194912310X"), {("number", "LENGTH")}),
        (
            IdentityElement(DocumentKind.CN_RESIDENT_ID, "1" + "*" * 16 + "X"),
            {("number", "MASKED_VALUE")},
        ),
        (IdentityElement(DocumentKind.CN_RESIDENT_ID, "110105491231002", "CN"), set()),
        (IdentityElement(DocumentKind.CN_RESIDENT_ID, "110105491331002"), {("number", "FORMAT")}),
        (IdentityElement(DocumentKind.PASSPORT, "L898902C3", "SE"), set()),
        (IdentityElement(DocumentKind.PASSPORT, "l898902c3", "SE"), {("number", "FORMAT")}),
        (IdentityElement(DocumentKind.US_SSN, "666-12-3456", "US"), {("number", "OUT_OF_RANGE")}),
        (IdentityElement(DocumentKind.US_SSN, "XXX-XX-3456", "US"), {("number", "MASKED_VALUE")}),
        (
            IdentityElement(DocumentKind.US_SSN, "536904399", "CN"),
            {("issuing_country", "CONTRADICTION")},
        ),
        (IdentityElement(DocumentKind.NATIONAL_ID_CARD, "T22000129", "DE"), set()),
        (IdentityElement(DocumentKind.RESIDENCE_PERMIT, "810000199408230021", "CN"), set()),
        (
            IdentityElement(DocumentKind.RESIDENCE_PERMIT, "810000199408230022", "CN"),
            {("number", "CHECK_DIGIT")},
        ),
        (IdentityElement(DocumentKind.OTHER, "A" * 65), {("number", "TOO_LONG")}),
        (
            IdentityElement(DocumentKind.OTHER, "A1", "", date(2026, 11, 25)),
            {("issue_date", "IN_FUTURE")},
        ),
        (
            IdentityElement(DocumentKind.OTHER, "A1", "", date(2020, 1, 2), date(2020, 1, 1)),
            {("expiry_date", "DATE_ORDER")},
        ),
        (
            IdentityElement(DocumentKind.OTHER, "A1", "", None, date(2020, 1, 1), True),
            {("expiry_date", "CONTRADICTION")},
        ),
    ],
)
def test_an_identity_element(element: IdentityElement, expected: set[tuple[str, str]]) -> None:
    prefix = "natural_person.identity."
    violations = in_person(identity=element, birth_date=None)
    assert violations == {(prefix + field, reason) for field, reason in expected}


def test_someone_not_yet_born_has_no_resident_identity_number() -> None:
    body = "11010520261125001"
    identity = IdentityElement(
        DocumentKind.CN_RESIDENT_ID, body + resident_id.check_character(body)
    )
    assert in_person(identity=identity, birth_date=None, sex=Sex.UNSPECIFIED) == {
        ("natural_person.identity.number", "IN_FUTURE")
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"unified_social_credit_code": "91350100M000100Y44"},
            ("unified_social_credit_code", "CHECK_DIGIT"),
        ),
        ({"unified_social_credit_code": "9****43"}, ("unified_social_credit_code", "MASKED_VALUE")),
        (
            {"unified_social_credit_code": "91110000600037341L"},
            ("unified_social_credit_code", "CONTRADICTION"),
        ),
        ({"lei": "506700GE1G29325QX364"}, ("lei", "CHECK_DIGIT")),
        ({"lei": "5067"}, ("lei", "LENGTH")),
        ({"full_name": ""}, ("full_name", "REQUIRED")),
        ({"country": ""}, ("country", "REQUIRED")),
        ({"country": "ZZ"}, ("country", "COUNTRY")),
        ({"registration_number": "HRB ***"}, ("registration_number", "MASKED_VALUE")),
        ({"legal_representative": RelatedPerson()}, ("legal_representative.full_name", "REQUIRED")),
        (
            {"agents": (RelatedPerson("A B", phone="123"),)},
            ("agents[0].phone", "FORMAT"),
        ),
        (
            {"controllers": (RelatedPerson("A B", None, 10_001),)},
            ("controllers[0].ownership_basis_points", "OUT_OF_RANGE"),
        ),
        (
            {"beneficial_owners": (RelatedPerson("A B", IdentityElement(DocumentKind.OTHER)),)},
            ("beneficial_owners[0].identity.number", "REQUIRED"),
        ),
        ({"controllers": (RelatedPerson("A B"),) * 51}, ("controllers", "TOO_MANY")),
    ],
)
def test_a_legal_entity(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert in_entity(**changes) == {("legal_entity." + expected[0], expected[1])}


@pytest.mark.parametrize("reason", [Sensitivity.EMPLOYEE, Sensitivity.MINOR])
def test_a_company_is_neither_employed_nor_under_age(reason: Sensitivity) -> None:
    record = replace(entity_customer(), sensitivities=(Sensitivity.POLITICALLY_EXPOSED, reason))
    assert found(validate_customer(record, TODAY)) == {("sensitivities[1]", "CONTRADICTION")}
    assert in_customer(sensitivities=tuple(Sensitivity)[1:]) == set()


def test_a_sole_trader_needs_the_person() -> None:
    record = customer(natural_person=None, sole_trader=SoleTrader(trade_name="小**"))
    assert found(validate_customer(record, TODAY)) == {
        ("sole_trader.person", "REQUIRED"),
        ("sole_trader.trade_name", "MASKED_VALUE"),
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"phones": ("+8613800138000",) * 2}, ("phones[1]", "DUPLICATE")),
        ({"phones": ("",)}, ("phones[0]", "REQUIRED")),
        ({"phones": tuple(f"+861380013{n:04d}" for n in range(21))}, ("phones", "TOO_MANY")),
        ({"emails": ("a@b",)}, ("emails[0]", "FORMAT")),
        ({"emails": ("x***@b.cn",)}, ("emails[0]", "MASKED_VALUE")),
        ({"emails": ("a b@c.de",)}, ("emails[0]", "FORMAT")),
        ({"emails": ("a@" + "b" * 250 + ".de",)}, ("emails[0]", "TOO_LONG")),
        ({"emails": ("",)}, ("emails[0]", "FORMAT")),
        ({"accounts": ("4111 1111 1111 1111",)}, ("accounts[0]", "FORMAT")),
        ({"accounts": ("GB29 NWBK 6016 1331 9268 19",)}, ("accounts[0]", "FORMAT")),
        ({"accounts": ("gb29nwbk60161331926818",)}, ("accounts[0]", "CHECK_DIGIT")),
        ({"accounts": ("411111****1111",)}, ("accounts[0]", "MASKED_VALUE")),
        ({"accounts": ("1" * 41,)}, ("accounts[0]", "TOO_LONG")),
        ({"accounts": ("",)}, ("accounts[0]", "REQUIRED")),
        ({"branch": " BJ"}, ("branch", "OUTER_BLANK")),
        ({"change_reason": "a" * 501}, ("change_reason", "TOO_LONG")),
        (
            {"addresses": (Address(AddressKind.RESIDENCE, "CN", "北京市朝阳区***"),)},
            ("addresses[0].region", "MASKED_VALUE"),
        ),
        (
            {"addresses": (Address(AddressKind.RESIDENCE, "CN", street="a" * 301),)},
            ("addresses[0].street", "TOO_LONG"),
        ),
        (
            {"addresses": (Address(AddressKind.RESIDENCE, "CN"),) * 21},
            ("addresses", "TOO_MANY"),
        ),
        ({"sensitivities": (Sensitivity.VIP,) * 2}, ("sensitivities[1]", "DUPLICATE")),
        ({"sensitivities": (Sensitivity.UNSPECIFIED,)}, ("sensitivities[0]", "REQUIRED")),
    ],
)
def test_the_rest_of_a_customer(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert in_customer(**changes) == {expected}


@pytest.mark.parametrize("account", ["12-34-56 12345678", "0200001234567890123", "62270000001"])
def test_an_institutions_own_number_passes(account: str) -> None:
    assert in_customer(accounts=(account,)) == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": DocumentKind.UNSPECIFIED}, ("kind", "REQUIRED")),
        ({"number": "", "machine_readable_zone": ""}, ("number", "REQUIRED")),
        ({"issuing_country": ""}, ("issuing_country", "REQUIRED")),
        ({"issuing_country": "EU"}, ("issuing_country", "COUNTRY")),
        ({"holder_name": "A*** E***"}, ("holder_name", "MASKED_VALUE")),
        ({"issuer": "x\x1b[31m"}, ("issuer", "CONTROL_CHARACTER")),
        ({"long_term": True}, ("expiry_date", "CONTRADICTION")),
        ({"issue_date": date(2013, 1, 1)}, ("expiry_date", "DATE_ORDER")),
        ({"machine_readable_zone": TD3[:-1]}, ("machine_readable_zone", "LENGTH")),
        ({"machine_readable_zone": TD3[:-1] + "1"}, ("machine_readable_zone", "CHECK_DIGIT")),
        (
            {"machine_readable_zone": TD3.replace("L8", "**")},
            ("machine_readable_zone", "MASKED_VALUE"),
        ),
        ({"machine_readable_zone": TD3.replace("\n", "\r\n")}, ("machine_readable_zone", "LENGTH")),
        ({"number": "L898902C4"}, ("machine_readable_zone", "CONTRADICTION")),
        ({"expiry_date": date(2012, 4, 16)}, ("machine_readable_zone", "CONTRADICTION")),
        # The issuer stands in the names' line, which no check digit covers.
        (
            {"machine_readable_zone": TD3.replace("P<UTO", "P<DNK")},
            ("machine_readable_zone", "CONTRADICTION"),
        ),
        ({"machine_readable_zone": "I" + TD3[1:]}, ("machine_readable_zone", "CONTRADICTION")),
    ],
)
def test_a_document(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert in_document(**changes) == {expected}


def test_a_card_may_bear_another_number_in_its_zone_than_its_holder_has() -> None:
    names = "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
    td1 = f"I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\n{names}"
    assert (
        in_document(
            kind=DocumentKind.NATIONAL_ID_CARD, number="00000000T", machine_readable_zone=td1
        )
        == set()
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"institution_reference": ""}, ("institution_reference", "REQUIRED")),
        ({"institution_reference": "r" * 71}, ("institution_reference", "TOO_LONG")),
        ({"end_to_end_reference": "****"}, ("end_to_end_reference", "MASKED_VALUE")),
        (
            {"booking_time": datetime.fromisoformat("2026-03-04T05:06:07")},
            ("booking_time", "TIME_ZONE"),
        ),
        ({"booking_time": datetime(1969, 12, 31, tzinfo=UTC)}, ("booking_time", "OUT_OF_RANGE")),
        ({"booking_time": NOW + timedelta(days=1, seconds=1)}, ("booking_time", "IN_FUTURE")),
        ({"time_zone": ""}, ("time_zone", "REQUIRED")),
        ({"time_zone": "Asia/Beijing"}, ("time_zone", "TIME_ZONE")),
        ({"amount": Money("ABC", 1)}, ("amount.currency_code", "CURRENCY")),
        ({"amount": Money("", 1)}, ("amount.currency_code", "REQUIRED")),
        ({"amount": Money("CNY", -1)}, ("amount.units", "NEGATIVE")),
        ({"amount": Money("CNY", 1, -1)}, ("amount.nanos", "NEGATIVE")),
        ({"amount": Money("CNY", 1, 1_000_000_000)}, ("amount.nanos", "OUT_OF_RANGE")),
        ({"amount": Money("CNY", 1, 5_000_000)}, ("amount.nanos", "TOO_MANY_DECIMALS")),
        ({"amount": Money("JPY", 1, 500_000_000)}, ("amount.nanos", "TOO_MANY_DECIMALS")),
        ({"amount": Money("KWD", 1, 500_000)}, ("amount.nanos", "TOO_MANY_DECIMALS")),
        ({"amount": Money("CLF", 1, 10_000)}, ("amount.nanos", "TOO_MANY_DECIMALS")),
        ({"direction": Direction.UNSPECIFIED}, ("direction", "REQUIRED")),
        ({"instrument": Instrument.UNSPECIFIED}, ("instrument", "REQUIRED")),
        ({"status": TransactionStatus.UNSPECIFIED}, ("status", "REQUIRED")),
        ({"channel": Channel()}, ("channel.kind", "REQUIRED")),
        (
            {"channel": Channel(ChannelKind.WEB, network_address="10.0.0.256")},
            ("channel.network_address", "FORMAT"),
        ),
        (
            {"channel": Channel(ChannelKind.POS, terminal="t\x00")},
            ("channel.terminal", "CONTROL_CHARACTER"),
        ),
        ({"account": AccountParty("4111111111111112")}, ("account.account", "CHECK_DIGIT")),
        ({"account": AccountParty(bic="DEUTQQFF")}, ("account.bic", "COUNTRY")),
        ({"account": AccountParty(cnaps="12345")}, ("account.cnaps", "FORMAT")),
        ({"account": AccountParty(country="QQ")}, ("account.country", "COUNTRY")),
        ({"counterparty": AccountParty(name="张*")}, ("counterparty.name", "MASKED_VALUE")),
        ({"counterparty": AccountParty("****3000")}, ("counterparty.account", "MASKED_VALUE")),
        (
            {"counterparty": AccountParty(institution_name="a" * 301)},
            ("counterparty.institution_name", "TOO_LONG"),
        ),
        ({"exchange": Exchange("", Money("EUR", 1))}, ("exchange.rate", "REQUIRED")),
        ({"exchange": Exchange("1,5", Money("EUR", 1))}, ("exchange.rate", "FORMAT")),
        ({"exchange": Exchange("0.00", Money("EUR", 1))}, ("exchange.rate", "OUT_OF_RANGE")),
        (
            {"exchange": Exchange("0.13", Money("EEE", 1))},
            ("exchange.counter_amount.currency_code", "CURRENCY"),
        ),
        ({"purpose_code": "sala"}, ("purpose_code", "FORMAT")),
        ({"remittance_text": "a\u202eb"}, ("remittance_text", "HIDDEN_CHARACTER")),
        ({"agent": RelatedPerson()}, ("agent.full_name", "REQUIRED")),
        ({"corrects": PAPER}, ("corrects", "NAME")),
        ({"reverses": "T-1"}, ("reverses", "NAME")),
        ({"corrects": BOOKING, "reverses": BOOKING}, ("reverses", "CONTRADICTION")),
        ({"vouchers": (BOOKING,)}, ("vouchers[0]", "NAME")),
        ({"vouchers": (PAPER, PAPER)}, ("vouchers[1]", "DUPLICATE")),
    ],
)
def test_a_transaction(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert in_transaction(**changes) == {expected}


def test_too_many_vouchers_are_refused() -> None:
    assert ("vouchers", "TOO_MANY") in in_transaction(vouchers=(PAPER,) * 51)


def test_what_a_transaction_may_hold_passes() -> None:
    for changes in (
        {
            "amount": Money("CLF", 1, 100_000),
            "exchange": Exchange("0.0289", Money("KWD", 0, 5_000_000)),
        },
        {"amount": Money("XAU", 1, 1)},
        {"channel": Channel(ChannelKind.WEB, network_address="2001:db8::1")},
        {"corrects": BOOKING, "vouchers": (PAPER,)},
        {"counterparty": None, "account": AccountParty()},
        {"agent": RelatedPerson("李四"), "booking_time": NOW + timedelta(hours=23)},
    ):
        assert in_transaction(**changes) == set()


def _messages(proto: str) -> dict[str, str]:
    text = (Path(__file__).parents[2] / "protos/recordsvault/records/v1" / proto).read_text("utf-8")
    return dict(re.findall(r"^message (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE))


def _longest(message: str) -> dict[str, int]:
    """The max_len of each single string field of a message of the contract."""
    fields = re.findall(r"^  string (\w+) = \d+ \[(.*?)\];", message, re.DOTALL | re.MULTILINE)
    limits = {name: re.search(r"max_len\D+(\d+)", options) for name, options in fields}
    return {name: int(limit[1]) for name, limit in limits.items() if limit is not None}


# Made by the vault, or of a fixed form that is shorter.
NOT_LIMITED = {"name", "etag", "nationality", "issuing_country", "country", "machine_readable_zone"}
FIXED_FORM = {"phone", "bic", "cnaps", "purpose_code", "time_zone", "rate", "corrects", "reverses"}
FIXED_FORM |= {"network_address", "unified_social_credit_code", "lei", "path", "customer"}


def _records_with(message: str, field: str, text: str) -> tuple[Violation, ...]:
    change: dict[str, Any] = {field: text}
    match message:
        case "Customer":
            return validate_customer(customer(**change), TODAY)
        case "NaturalPerson":
            return validate_customer(customer(natural_person=person(**change)), TODAY)
        case "IdentityElement":
            element = IdentityElement(DocumentKind.OTHER, **change)
            return validate_customer(customer(natural_person=person(identity=element)), TODAY)
        case "RelatedPerson":
            agent = replace(RelatedPerson("A B"), **change)
            return validate_transaction(transaction(agent=agent), NOW)
        case "LegalEntity":
            return validate_customer(entity_customer(**change), TODAY)
        case "Relationship":
            return validate_customer(customer(relationship=relationship(**change)), TODAY)
        case "ElementSource":
            return validate_customer(customer(sources=(source(**change),)), TODAY)
        case "SoleTrader":
            trader = SoleTrader(person(), **change)
            return validate_customer(customer(natural_person=None, sole_trader=trader), TODAY)
        case "Address":
            address = Address(AddressKind.RESIDENCE, "CN", **change)
            return validate_customer(customer(addresses=(address,)), TODAY)
        case "IdentityDocument":
            paper = IdentityDocument(DocumentKind.OTHER, **({"number": "A1"} | change))
            return validate_document(replace(paper, issuing_country="CN"), TODAY)
        case "Transaction":
            return validate_transaction(transaction(**change), NOW)
        case "AccountStatement":
            statement = AccountStatement(**change)
            return validate_transaction(transaction(statement=statement), NOW)
        case "AccountParty":
            return validate_transaction(transaction(account=AccountParty(**change)), NOW)
        case _:
            channel = Channel(ChannelKind.WEB, **change)
            return validate_transaction(transaction(channel=channel), NOW)


def _limits() -> list[tuple[str, str, int]]:
    return [
        (message, field, longest)
        for proto in ("customer.proto", "document.proto", "transaction.proto")
        for message, body in _messages(proto).items()
        for field, longest in _longest(body).items()
        if field not in NOT_LIMITED | FIXED_FORM
    ]


def test_the_contract_was_read() -> None:
    assert len(_limits()) > 30


@pytest.mark.parametrize(("message", "field", "longest"), _limits())
def test_texts_are_as_long_as_the_contract_says_and_no_longer(
    message: str, field: str, longest: int
) -> None:
    assert _records_with(message, field, "a" * longest) == ()
    (violation,) = _records_with(message, field, "a" * (longest + 1))
    assert violation.reason == "TOO_LONG"
    assert violation.field.endswith(field)


def _without_value(violations: tuple[Violation, ...]) -> None:
    known = {(reason.value, reason.en, reason.zh) for reason in Reason}
    for violation in violations:
        # Reason and sentences are of the table; a field is a path and nothing else.
        assert (violation.reason, violation.en, violation.zh) in known
        assert re.fullmatch(r"[a-z_]+(\[\d+\])?(\.[a-z_]+(\[\d+\])?)*", violation.field)


@given(strategies.customers)
def test_any_customer_is_validated_without_showing_its_values(record: Customer) -> None:
    violations = validate_customer(record, TODAY)
    _without_value(violations)
    assert len(set(violations)) == len(violations)


@given(strategies.documents)
def test_any_document_is_validated_without_showing_its_values(record: IdentityDocument) -> None:
    _without_value(validate_document(record, TODAY))


@given(strategies.transactions)
def test_any_transaction_is_validated_without_showing_its_values(record: Transaction) -> None:
    _without_value(validate_transaction(record, NOW))


names = st.one_of(
    st.text(alphabet="张王欧阳司马小明修", min_size=2, max_size=4),
    st.text(alphabet="abcdefgh ", min_size=4, max_size=20).map(lambda name: name.title().strip()),
)
digits = st.text(alphabet="0123456789", min_size=8, max_size=19)


@given(names, digits, names)
def test_a_masked_customer_written_back_is_refused(name: str, account: str, city: str) -> None:
    shown = mask_customer(
        customer(
            natural_person=person(full_name=name),
            accounts=(account,),
            addresses=(Address(AddressKind.RESIDENCE, "CN", city=city, street="1"),),
        ),
        TODAY,
    )
    back = Customer(
        customer_number="C1",
        natural_person=NaturalPerson(
            full_name=shown.full_name.value,
            latin_name=shown.other_name.value,
            identity=IdentityElement(shown.identity_kind, shown.identity_number.value),
        ),
        phones=tuple(phone.value for phone in shown.phones),
        emails=tuple(email.value for email in shown.emails),
        accounts=tuple(number.value for number in shown.accounts),
        addresses=(Address(AddressKind.RESIDENCE, "CN", street=shown.addresses[0].value),),
    )
    refused = found(validate_customer(back, TODAY))
    assert refused >= {
        ("natural_person.latin_name", "MASKED_VALUE"),
        ("natural_person.identity.number", "MASKED_VALUE"),
        ("phones[0]", "MASKED_VALUE"),
        ("emails[0]", "MASKED_VALUE"),
        ("accounts[0]", "MASKED_VALUE"),
    }
    assert ("natural_person.full_name", "MASKED_VALUE") in refused or not shown.full_name.value
    if shown.addresses[0].value:
        assert ("addresses[0].street", "MASKED_VALUE") in refused


def test_a_masked_document_and_transaction_written_back_are_refused() -> None:
    shown = mask_document(document())
    back = document(number=shown.number.value, holder_name=shown.holder_name.value)
    assert found(validate_document(back, TODAY)) >= {
        ("number", "MASKED_VALUE"),
        ("holder_name", "MASKED_VALUE"),
    }
    view = mask_transaction(transaction())
    returned = transaction(
        account=AccountParty(view.account.value),
        counterparty=AccountParty(view.counterparty_account.value, view.counterparty_name.value),
    )
    assert found(validate_transaction(returned, NOW)) == {
        ("account.account", "MASKED_VALUE"),
        ("counterparty.account", "MASKED_VALUE"),
        ("counterparty.name", "MASKED_VALUE"),
    }


# -- relationship, sources, valid time -----------------------------------------------------------


def in_relationship(**changes: Any) -> set[tuple[str, str]]:
    return in_customer(relationship=relationship(**changes))


def in_source(**changes: Any) -> set[tuple[str, str]]:
    return in_customer(sources=(source(**changes),))


def test_a_relationship_and_a_source_of_each_element_are_right() -> None:
    sources = (source(), source("phones"), source("natural_person.identity.number"))
    record = customer(relationship=relationship(), sources=sources, valid_from=TODAY)
    assert validate_customer(record, TODAY) == ()


def test_a_relationship_has_its_days_in_order_and_none_to_come() -> None:
    later = TODAY + timedelta(days=2)
    assert in_relationship(end_date=date(2020, 5, 5)) == {("relationship.end_date", "DATE_ORDER")}
    assert in_relationship(start_date=later) == {("relationship.start_date", "IN_FUTURE")}
    assert in_relationship(end_date=later) == {("relationship.end_date", "IN_FUTURE")}
    assert in_relationship(review_date=date(2099, 1, 1)) == set()


def test_jurisdictions_and_segments_are_codes_and_words_each_once() -> None:
    assert in_relationship(jurisdictions=("ZZ",)) == {("relationship.jurisdictions[0]", "COUNTRY")}
    assert in_relationship(jurisdictions=("CN", "CN")) == {
        ("relationship.jurisdictions[1]", "DUPLICATE")
    }
    assert in_relationship(segments=("",)) == {("relationship.segments[0]", "REQUIRED")}
    many = tuple(f"s{n}" for n in range(21))
    assert in_relationship(segments=many) == {("relationship.segments", "TOO_MANY")}


def test_a_source_names_an_element_that_a_customer_has() -> None:
    assert in_source(path="natural_person.shoe_size") == {("sources[0].path", "NAME")}
    assert in_source(path="correction") == {("sources[0].path", "NAME")}
    assert in_source(path="") == {("sources[0].path", "REQUIRED")}
    twice = in_customer(sources=(source(), source()))
    assert twice == {("sources[1].path", "DUPLICATE")}


def test_who_verified_and_when_are_stated_together() -> None:
    assert in_source(verified_by="") == {("sources[0].verified_by", "REQUIRED")}
    assert in_source(verify_time=None) == {("sources[0].verify_time", "REQUIRED")}
    assert in_source(verified_by="", verify_time=None) == set()
    assert in_source(verify_time=NOW + timedelta(days=3)) == {
        ("sources[0].verify_time", "IN_FUTURE")
    }


def test_a_version_is_not_true_from_a_day_to_come() -> None:
    assert in_customer(valid_from=TODAY + timedelta(days=2)) == {("valid_from", "IN_FUTURE")}


def test_a_related_person_with_a_file_is_named_by_it() -> None:
    owner = RelatedPerson("Erika Mustermann", customer=CUSTOMER_NAME)
    assert in_entity(beneficial_owners=(owner,)) == set()
    owner = RelatedPerson("Erika Mustermann", customer=PAPER)
    assert in_entity(beneficial_owners=(owner,)) == {
        ("legal_entity.beneficial_owners[0].customer", "NAME")
    }


# -- the place in the account --------------------------------------------------------------------


def test_an_entry_may_say_where_in_the_account_it_stands() -> None:
    overdrawn = Money("CNY", -3, -500_000_000)
    statement = AccountStatement("2026-03", 3, Money("CNY", 5), overdrawn)
    changes = {"sequence_number": 41, "balance_after": overdrawn, "statement": statement}
    assert in_transaction(**changes) == set()


def test_balances_are_in_the_currency_of_the_account_and_of_one_sign() -> None:
    assert in_transaction(balance_after=Money("EUR", 3)) == {
        ("balance_after.currency_code", "CONTRADICTION")
    }
    assert in_transaction(balance_after=Money("CNY", -3, 5_000_000)) == {
        ("balance_after.nanos", "CONTRADICTION"),
        ("balance_after.nanos", "TOO_MANY_DECIMALS"),
    }
    statement = AccountStatement("", -1, Money("XXY"), None)
    assert in_transaction(sequence_number=-1, statement=statement) == {
        ("sequence_number", "NEGATIVE"),
        ("statement.statement_id", "REQUIRED"),
        ("statement.number", "NEGATIVE"),
        ("statement.opening_balance.currency_code", "CURRENCY"),
        ("statement.opening_balance.currency_code", "CONTRADICTION"),
    }
