"""Completeness: remove any element and it is missed; what is not asked is not; law is data."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.records.builders import (
    TODAY,
    customer,
    entity_customer,
    person,
    relationship,
    source,
    trader_customer,
)
from vault.records import (
    Address,
    AddressKind,
    Customer,
    DocumentKind,
    IdentityElement,
    RelatedPerson,
    Sex,
)
from vault.rules.business import Effect, broken, read_business
from vault.rules.completeness import Completeness, State, WhyNot
from vault.rules.element_files import read_elements
from vault.rules.reading import RulesInvalid

BOOK = read_elements()
CN = frozenset({"CN"})
VERIFIED = (source("natural_person.full_name"), source("natural_person.identity"))


def of(record: Customer, day: date = TODAY) -> Completeness:
    return BOOK.evaluate(record, CN, day)


def state(record: Customer, name: str, day: date = TODAY) -> State:
    (found,) = [one.state for one in of(record, day).elements if one.name == name]
    return found


def test_a_natural_person_has_nine_elements_and_may_have_all() -> None:
    found = of(customer(sources=VERIFIED))
    assert len(found.elements) == 9
    assert found.complete


@pytest.mark.parametrize(
    ("element", "without"),
    [
        ("full_name", {"natural_person": person(full_name="")}),
        ("sex", {"natural_person": person(sex=Sex.UNSPECIFIED)}),
        ("nationality", {"natural_person": person(nationality="")}),
        ("occupation", {"natural_person": person(occupation="")}),
        ("address", {"addresses": ()}),
        ("contact", {"phones": (), "emails": ()}),
        ("identity_kind", {"natural_person": person(identity=None)}),
        ("identity_number", {"natural_person": person(identity=None)}),
        ("identity_validity", {"natural_person": person(identity=None)}),
    ],
)
def test_any_element_that_is_removed_is_missed(element: str, without: dict[str, object]) -> None:
    assert state(customer(**without), element) is State.MISSING


def test_either_contact_is_one() -> None:
    assert state(customer(phones=()), "contact") is State.PRESENT


def test_an_address_of_another_kind_is_not_the_one_that_is_asked_for() -> None:
    office = Address(AddressKind.REGISTERED_OFFICE, "CN")
    assert state(customer(addresses=(office,)), "address") is State.MISSING


def test_a_document_is_valid_through_its_last_day() -> None:
    last = date(2027, 1, 31)
    paper = IdentityElement(DocumentKind.PASSPORT, "A1234567", "CN", None, last)
    record = customer(natural_person=person(identity=paper))
    assert state(record, "identity_validity", last) is State.PRESENT
    assert state(record, "identity_validity", date(2027, 2, 1)) is State.EXPIRED


def test_a_document_whose_validity_nobody_states_is_no_valid_one() -> None:
    paper = IdentityElement(DocumentKind.PASSPORT, "A1234567", "CN")
    record = customer(natural_person=person(identity=paper))
    assert state(record, "identity_validity") is State.MISSING


def test_what_nobody_verified_is_unverified() -> None:
    assert state(customer(), "full_name") is State.UNVERIFIED
    unseen = replace(source(), verified_by="", verify_time=None)
    assert state(customer(sources=(unseen,)), "full_name") is State.UNVERIFIED
    # What is said of a message is said of all in it.
    assert state(customer(sources=(source("natural_person"),)), "full_name") is State.PRESENT


def test_a_child_is_not_asked_for_an_occupation_and_the_reason_is_given() -> None:
    child = person(occupation="", birth_date=date(2015, 1, 1))
    (found,) = [
        one for one in of(customer(natural_person=child)).elements if one.name == "occupation"
    ]
    assert (found.state, found.why_not) == (State.NOT_APPLICABLE, WhyNot.UNDER_AGE)


def test_a_foreign_company_is_not_asked_for_a_credit_code() -> None:
    foreign = entity_customer(country="DE", unified_social_credit_code="")
    assert state(foreign, "unified_social_credit_code") is State.NOT_APPLICABLE
    assert state(foreign, "identity_number") is State.UNVERIFIED
    home = entity_customer(unified_social_credit_code="")
    assert state(home, "unified_social_credit_code") is State.MISSING


def test_each_agent_of_a_company_has_to_be_identified() -> None:
    assert state(entity_customer(), "agent_identity") is State.NOT_APPLICABLE
    paper = IdentityElement(DocumentKind.PASSPORT, "A1234567", "CN", None, None, True)
    one, other = RelatedPerson("A B", paper), RelatedPerson("C D")
    assert state(entity_customer(agents=(one,)), "agent_identity") is State.PRESENT
    assert state(entity_customer(agents=(one, other)), "agent_identity") is State.MISSING


def test_a_sole_trader_has_the_persons_elements_and_the_licences() -> None:
    names = [one.name for one in of(trader_customer()).elements]
    assert {"full_name", "identity_number", "licence_number", "licence_validity"} <= set(names)


LAW = """
name = "abroad"
version = {version}
jurisdictions = ["DE"]
customers = ["NATURAL_PERSON"]
effective_from = {since}
source = "a law"
article = "1"
checked = false
[[element]]
name = "{element}"
paths = ["natural_person.{element}"]
"""


def test_of_a_laws_versions_the_one_in_force_counts_where_the_file_is_under_it(
    tmp_path: Path,
) -> None:
    old = LAW.format(version=1, since="2000-01-01", element="birth_date")
    new = LAW.format(version=2, since="2026-01-01", element="latin_name")
    (tmp_path / "1.toml").write_text(old, encoding="utf-8")
    (tmp_path / "2.toml").write_text(new, encoding="utf-8")
    book = read_elements(tmp_path)
    record = customer(natural_person=person(latin_name="", birth_date=None))
    there = frozenset({"DE"})
    assert book.evaluate(record, there, date(2025, 12, 31)).named(State.MISSING) == ("birth_date",)
    assert book.evaluate(record, there, date(2026, 1, 1)).named(State.MISSING) == ("latin_name",)
    assert book.evaluate(record, CN, TODAY).elements == ()
    # The file's own jurisdictions come before the institution's.
    moved = replace(record, relationship=relationship(jurisdictions=("DE",)))
    assert book.evaluate(moved, CN, TODAY).named(State.MISSING) == ("latin_name",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name =", "TOML"),
        (LAW.format(version=1, since="2000-01-01", element="shoe_size"), "no customer has"),
        (LAW.format(version=0, since="2000-01-01", element="sex"), "version"),
        (LAW.format(version=1, since="2000-01-01", element="sex") + "colour = 1", "colour"),
    ],
)
def test_a_set_that_cannot_be_used_is_named_with_what_is_wrong(
    text: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "law.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RulesInvalid, match=rf"law\.toml.*{told}"):
        read_elements(tmp_path)


def test_no_account_without_a_name_and_a_number_and_a_warning_for_the_rest() -> None:
    rules = read_business()
    bare = customer(natural_person=person(identity=None))
    found = broken(rules, bare, of(bare))
    assert (found[0].effect, found[0].elements) == (Effect.REFUSE, ("identity_number",))
    assert found[1].effect is Effect.WARN
    no_account = replace(bare, accounts=())
    assert broken(rules, no_account, of(no_account)) == ()
    whole = customer(sources=VERIFIED)
    assert broken(rules, whole, of(whole)) == ()
