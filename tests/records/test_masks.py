"""Masks show what their rule allows, never more, and always know a value from none."""

from collections import Counter
from dataclasses import fields, replace
from datetime import date
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import strategies
from tests.records.builders import (
    TODAY,
    customer,
    document,
    entity_customer,
    person,
    trader_customer,
    transaction,
)
from vault.records import (
    ABSENT,
    WITHHELD,
    AccountParty,
    Address,
    AddressKind,
    Customer,
    CustomerKind,
    DocumentKind,
    IdentityDocument,
    IdentityElement,
    MaskedValue,
    MaskState,
    Money,
    NaturalPerson,
    Transaction,
)
from vault.records.masks import (
    DEFAULT_MASKS,
    MasksInvalid,
    format_amount,
    load_masks,
    mask_customer,
    mask_document,
    mask_transaction,
)
from vault.records.masks.rules import MaskRules
from vault.records.validation.text import Masks, is_masked

DEFAULT_TEXT = resources.files("vault.records.masks").joinpath("default.toml").read_text("utf-8")
RULES = DEFAULT_MASKS


def masked(value: str) -> MaskedValue:
    return MaskedValue(MaskState.MASKED, value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王**"),
        ("王明", "王**"),
        ("欧阳修", "欧阳**"),
        ("司馬相如", "司馬**"),
        ("欧阳", "欧**"),
        ("段干木", "段**"),
        ("阿卜杜拉·买买提", "阿**"),
        ("𠮷田太郎", "𠮷**"),
        ("Erika Mustermann", "E*** M***"),
        ("Anna Maria Eriksson", "A*** E***"),
        ("Cher", "C***"),
        ("김철수", "김***"),
        ("José de la Cruz", "J*** C***"),
    ],
)
def test_a_name_is_shown_by_family_name_or_initials(name: str, shown: str) -> None:
    assert RULES.person_name(name) == masked(shown)


@pytest.mark.parametrize("name", ["王", "J", "J D", "--", "* *"])
def test_a_name_of_which_nothing_would_stay_hidden_is_withheld(name: str) -> None:
    assert RULES.person_name(name) == WITHHELD


def test_numbers_are_shown_by_their_edges() -> None:
    assert RULES.resident_id("11010519491231002X") == masked("1****X")
    assert RULES.document_number("L898902C3") == masked("L****C3")
    assert RULES.card("4111111111111111") == masked("411111****1111")
    assert RULES.account("0200001234567890123") == masked("****0123")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800138000", "+86 138****8000"),
        ("+447911123456", "+44 791****3456"),
        # In North America a number does not tell whether it is a mobile.
        ("+14155552671", "+1 ****71"),
        ("+861012345678", "+86 ****78"),
        ("+390612345678", "+39 ****78"),
    ],
)
def test_a_telephone_number_shows_more_only_of_a_mobile(number: str, shown: str) -> None:
    assert RULES.phone(number) == masked(shown)


def test_what_is_no_telephone_number_is_withheld() -> None:
    assert RULES.phone("13800138000") == WITHHELD


def test_an_email_shows_its_first_character_and_domain() -> None:
    assert RULES.email("xiaoming@example.com") == masked("x***@example.com")
    assert RULES.email("x@example.com") == masked("***@example.com")
    assert RULES.email("example.com") == WITHHELD


def test_an_address_shows_down_to_the_district() -> None:
    beijing = customer().addresses[0]
    assert RULES.address(beijing) == masked("北京市朝阳区***")
    berlin = Address(
        AddressKind.RESIDENCE, "DE", "Berlin", "Berlin", "Mitte", "Hauptstr. 5", "10115"
    )
    assert RULES.address(berlin) == masked("Berlin, Mitte, ***")
    assert RULES.address(Address(AddressKind.RESIDENCE, "DE", street="Hauptstr. 5")) == WITHHELD


@pytest.mark.parametrize(
    ("born", "shown"),
    [
        (date(1987, 6, 1), "30-39"),
        (date(1986, 11, 24), "40-49"),
        (date(1986, 11, 25), "30-39"),
        (date(2026, 11, 24), "0-9"),
        (date(1936, 11, 24), "90+"),
        (date(1900, 1, 1), "90+"),
    ],
)
def test_a_birth_date_shows_as_an_age_band(born: date, shown: str) -> None:
    assert RULES.birth_date(born, TODAY) == masked(shown)


def test_a_birth_in_the_future_is_withheld() -> None:
    assert RULES.birth_date(date(2026, 11, 25), TODAY) == WITHHELD


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money("CNY", 1250, 0), "1250.00 CNY"),
        (Money("CNY", 1250, 500_000_000), "1250.50 CNY"),
        (Money("JPY", 500, 0), "500 JPY"),
        (Money("KWD", 1, 5_000_000), "1.005 KWD"),
        (Money("CLF", 1, 0), "1.0000 CLF"),
        (Money("XAU", 1, 250_000_000), "1.25 XAU"),
        (Money("XAU", 1, 0), "1 XAU"),
        (Money("CNY", 0, 1), "0.000000001 CNY"),
        (Money("CNY", -3, -500_000_000), "-3.50 CNY"),
        (Money("", 3, 0), ""),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(money: Money, text: str) -> None:
    assert format_amount(money) == text


def test_the_view_of_a_person() -> None:
    view = mask_customer(customer(), TODAY)
    assert view.kind is CustomerKind.NATURAL_PERSON
    assert view.full_name == masked("王**")
    assert view.other_name == masked("W*** X***")
    assert view.sex == MaskedValue(MaskState.CLEAR, "FEMALE")
    assert view.age_band == masked("70-79")
    assert view.occupation == WITHHELD
    assert view.identity_kind is DocumentKind.CN_RESIDENT_ID
    assert view.identity_number == masked("1****X")
    assert view.phones == (masked("+86 138****8000"),)
    assert view.accounts == (masked("****6819"), masked("411111****1111"), masked("****0123"))
    assert view.customer_number == MaskedValue(MaskState.CLEAR, "C000123")


def test_the_view_of_an_entity_shows_its_registration() -> None:
    view = mask_customer(entity_customer(), TODAY)
    assert view.kind is CustomerKind.LEGAL_ENTITY
    assert view.full_name == masked("A*** L***")
    assert view.identity_kind is DocumentKind.CN_BUSINESS_LICENCE
    assert view.identity_number == masked("9****43")
    assert view.sex == view.age_band == ABSENT
    foreign = entity_customer(
        unified_social_credit_code="", establishing_document=None, country="DE"
    )
    other = mask_customer(foreign, TODAY)
    assert other.identity_kind is DocumentKind.COMPANY_REGISTRATION
    assert other.identity_number == masked("H****45")


def test_the_view_of_a_sole_trader_shows_the_person_and_the_trade() -> None:
    view = mask_customer(trader_customer(), TODAY)
    assert view.kind is CustomerKind.SOLE_TRADER
    assert view.full_name == masked("王**")
    assert view.other_name == masked("小**")
    assert view.identity_number == masked("1****X")
    assert view.occupation == WITHHELD


def test_a_customer_without_party_has_a_view_too() -> None:
    assert mask_customer(Customer(), TODAY).full_name == ABSENT


def test_the_view_of_a_document_withholds_its_zone() -> None:
    view = mask_document(document())
    assert view.number == masked("L****C3")
    assert view.holder_name == masked("A*** E***")
    assert view.machine_readable_zone == WITHHELD
    assert view.expiry_date == date(2012, 4, 15)
    assert mask_document(IdentityDocument()).machine_readable_zone == ABSENT


def test_a_resident_identity_number_is_one_under_whatever_kind_it_was_filed() -> None:
    filed = IdentityElement(DocumentKind.OTHER, "11010519491231002X")
    view = mask_customer(customer(natural_person=person(identity=filed)), TODAY)
    assert view.identity_number == masked("1****X")


def test_the_view_of_a_transaction() -> None:
    view = mask_transaction(transaction())
    assert view.amount == MaskedValue(MaskState.CLEAR, "1250.50 CNY")
    assert view.account == masked("411111****1111")
    assert view.counterparty_name == masked("E*** M***")
    assert view.counterparty_account == masked("****3000")
    assert view.counterparty_institution == MaskedValue(MaskState.CLEAR, "Commerzbank")
    assert view.remittance_text == view.device == WITHHELD
    assert mask_transaction(transaction(counterparty=None)).counterparty_name == ABSENT
    bank = mask_transaction(transaction(counterparty=AccountParty(bic="DEUTDEFF")))
    assert bank.counterparty_institution == MaskedValue(MaskState.CLEAR, "DEUTDEFF")


# How many characters of a value a rule may show at most.
MOST_SHOWN = {
    "person_name": 2,
    "entity_name": 2,
    "party_name": 2,
    "resident_id": 2,
    "document_number": 3,
    "card": 10,
    "account": 4,
    "machine_readable_zone": 0,
    "occupation": 0,
    "remittance_text": 0,
    "device": 0,
}


@given(st.sampled_from(sorted(MOST_SHOWN)), strategies.texts | st.text(max_size=40))
def test_a_mask_never_shows_more_characters_than_its_rule(kind: str, text: str) -> None:
    shown = getattr(RULES, kind)(text)
    if not text:
        assert shown == ABSENT
        return
    assert shown.state in (MaskState.MASKED, MaskState.WITHHELD)
    if shown.state is MaskState.WITHHELD:
        assert shown.value == ""
        return
    letters = Counter(shown.value) & Counter(text)
    del letters["*"], letters[" "]
    assert letters.total() <= MOST_SHOWN[kind]
    # Something stays hidden, whatever the length.
    assert letters.total() < len(text)


@given(st.sampled_from(sorted(MOST_SHOWN)), st.text(min_size=1, max_size=1), st.integers(30, 60))
def test_a_mask_does_not_tell_the_length(kind: str, letter: str, length: int) -> None:
    mask = getattr(RULES, kind)
    assert mask(letter * length) == mask(letter * 29)


@given(st.text(alphabet="0123456789", min_size=6, max_size=12))
def test_a_telephone_number_shows_at_most_seven_digits_after_its_country(digits: str) -> None:
    shown = RULES.phone("+86" + digits)
    if shown.state is MaskState.MASKED:
        national = shown.value.removeprefix("+86 ")
        assert sum(letter.isdigit() for letter in national) <= min(7, len(digits) - 3)


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_email_shows_at_most_one_character_before_its_domain(local: str, domain: str) -> None:
    shown = RULES.email(f"{local}@{domain}")
    if shown.state is MaskState.MASKED:
        before, _, _ = shown.value.rpartition("@")
        assert before.removesuffix("***") in ("", local[0])
        assert len(before) <= 4


@given(st.text(), st.text(min_size=1))
def test_an_address_never_shows_street_or_postal_code(district: str, street: str) -> None:
    one = Address(AddressKind.RESIDENCE, "DE", "Bavaria", "Munich", district, street, street)
    other = replace(one, street="", postal_code="80331")
    assert RULES.address(one) == RULES.address(other)


@given(strategies.customers)
def test_any_customer_can_be_masked(record: Customer) -> None:
    view = mask_customer(record, TODAY)
    assert len(view.phones) == len(record.phones)
    assert len(view.accounts) == len(record.accounts)


@given(strategies.documents, strategies.transactions)
def test_any_document_and_transaction_can_be_masked(
    a_document: IdentityDocument, a_transaction: Transaction
) -> None:
    assert mask_document(a_document).kind is a_document.kind
    assert mask_transaction(a_transaction).booking_time == a_transaction.booking_time


@given(strategies.customers, st.dates())
def test_only_values_that_are_shown_have_a_text(record: Customer, today: date) -> None:
    view = mask_customer(record, today)
    for field in fields(view):
        value = getattr(view, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, MaskedValue):
                shown = item.state in (MaskState.CLEAR, MaskState.MASKED)
                assert shown == (item.value != "")


@given(strategies.customers)
def test_whatever_is_masked_is_known_for_a_mask(record: Customer) -> None:
    view = mask_customer(record, TODAY)
    for value, masks in (
        (view.full_name, Masks.PARTY),
        (view.other_name, Masks.PERSON),
        (view.identity_number, Masks.NUMBER),
        *((phone, Masks.NUMBER) for phone in view.phones),
        *((email, Masks.NUMBER) for email in view.emails),
        *((address, Masks.PARTY) for address in view.addresses),
        *((account, Masks.NUMBER) for account in view.accounts),
    ):
        if value.state is MaskState.MASKED:
            assert is_masked(value.value, masks)


def test_every_kind_of_value_has_a_rule() -> None:
    assert {field.name for field in fields(MaskRules)} >= MOST_SHOWN.keys()
    assert load_masks(DEFAULT_TEXT).version == RULES.version == "1"


def test_another_rule_set_shows_otherwise() -> None:
    strict = load_masks(
        DEFAULT_TEXT.replace('[amount]\nshow = "clear"', '[amount]\nshow = "withheld"')
        .replace('show = "area"', 'show = "withheld"')
        .replace('show = "age_band"\nyears = 10\ntop = 90', 'show = "withheld"')
    )
    assert mask_transaction(transaction(), strict).amount == WITHHELD
    view = mask_customer(customer(), TODAY, strict)
    assert view.addresses == (WITHHELD,)
    assert view.age_band == WITHHELD
    nobody = customer(natural_person=NaturalPerson("王小明"))
    assert mask_customer(nobody, TODAY, strict).age_band == ABSENT
    clear = load_masks(DEFAULT_TEXT.replace('show = "area"', 'show = "clear"'))
    assert "建国路1号" in mask_customer(customer(), TODAY, clear).addresses[0].value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[device]", "[devices]"), "kinds missing: device; kinds unknown: devices"),
        (('show = "area"', 'show = "edges"'), "address: show must be one of"),
        (('show = "email"\nfirst = 1', 'show = "email"\nlast = 1'), "email: takes show and first"),
        (("hidden = 12", "hidden = 0"), "resident_id.hidden"),
        (("first = 6", "first = -6"), "card.first"),
        (("first = 6", "first = true"), "card.first"),
        (('version = "1"', "version = 1"), "version: must be a text"),
        (('version = "1"', 'version = "1'), "not TOML"),
        (('[device]\nshow = "withheld"', ""), "kinds missing: device"),
    ],
)
def test_a_wrong_rule_set_is_refused_with_what_to_mend(change: tuple[str, str], said: str) -> None:
    assert change[0] in DEFAULT_TEXT
    with pytest.raises(MasksInvalid, match=said.replace("[", r"\[")):
        load_masks(DEFAULT_TEXT.replace(*change))


def test_a_rule_that_is_no_table_is_refused() -> None:
    text = DEFAULT_TEXT.replace('[device]\nshow = "withheld"', "")
    with pytest.raises(MasksInvalid, match="device: must be a table"):
        load_masks('device = "clear"\n' + text)
