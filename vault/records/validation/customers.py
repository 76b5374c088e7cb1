"""Validation of a customer's identity file."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from vault.records.customer import Address, Customer, LegalEntity, NaturalPerson, SoleTrader
from vault.records.enums import DocumentKind, Sensitivity, Sex
from vault.records.identifiers import lei, resident_id, uscc
from vault.records.reasons import Reason
from vault.records.validation.fields import (
    check_account,
    check_country,
    check_email,
    check_identifier,
    check_identity,
    check_phone,
    check_related_person,
    check_text,
    require,
)
from vault.records.validation.relationships import (
    check_relationship,
    check_sources,
    check_version,
)
from vault.records.validation.text import Masks, problem
from vault.records.validation.violation import Findings, Violation

_OF_HUMAN_BEINGS = (Sensitivity.EMPLOYEE, Sensitivity.MINOR)


def validate_customer(customer: Customer, today: date | None = None) -> tuple[Violation, ...]:
    """Return everything that is wrong with a customer, none of it holding a value.

    `today` (UTC's, if left out) is the day after which a birth or an issue lies in the future.
    """
    day = today or datetime.now(UTC).date()
    found = Findings()
    require(found, "", "customer_number", customer.customer_number)
    check_text(found, "", "customer_number", customer.customer_number, 64, Masks.NUMBER)
    check_text(found, "", "branch", customer.branch, 64, Masks.FREE)
    check_text(found, "", "change_reason", customer.change_reason, 500, Masks.FREE)
    parties = (customer.natural_person, customer.legal_entity, customer.sole_trader)
    if sum(party is not None for party in parties) != 1:
        found.add("party", Reason.ONE_OF)
    if customer.natural_person is not None:
        _person(found, "natural_person.", customer.natural_person, day)
    if customer.legal_entity is not None:
        _entity(found, "legal_entity.", customer.legal_entity, day)
    if customer.sole_trader is not None:
        _trader(found, "sole_trader.", customer.sole_trader, day)
    _list(found, "phones", customer.phones, 20)
    for place, number in enumerate(customer.phones):
        _present(found, f"phones[{place}]", number)
        check_phone(found, "", f"phones[{place}]", number)
    _list(found, "emails", customer.emails, 20)
    for place, email in enumerate(customer.emails):
        check_email(found, "", f"emails[{place}]", email)
    _list(found, "accounts", customer.accounts, 100)
    for place, account in enumerate(customer.accounts):
        _present(found, f"accounts[{place}]", account)
        check_account(found, "", f"accounts[{place}]", account)
    if len(customer.addresses) > 20:
        found.add("addresses", Reason.TOO_MANY)
    for place, address in enumerate(customer.addresses):
        _address(found, f"addresses[{place}].", address)
    _sensitivities(found, customer)
    if customer.relationship is not None:
        check_relationship(found, customer.relationship, day)
    check_sources(found, customer, day)
    check_version(found, customer, day)
    return found.violations()


def _list(found: Findings, name: str, values: Sequence[str], most: int) -> None:
    if len(values) > most:
        found.add(name, Reason.TOO_MANY)
    for place, value in enumerate(values):
        if value in values[:place]:
            found.add(f"{name}[{place}]", Reason.DUPLICATE)


def _sensitivities(found: Findings, customer: Customer) -> None:
    _list(found, "sensitivities", customer.sensitivities, 4)
    for place, reason in enumerate(customer.sensitivities):
        if reason is Sensitivity.UNSPECIFIED:
            found.add(f"sensitivities[{place}]", Reason.REQUIRED)
        elif customer.legal_entity is not None and reason in _OF_HUMAN_BEINGS:
            found.add(f"sensitivities[{place}]", Reason.CONTRADICTION)


def _present(found: Findings, path: str, value: str) -> None:
    if not value:
        found.add(path, Reason.REQUIRED)


def _person(found: Findings, prefix: str, person: NaturalPerson, today: date) -> None:
    require(found, prefix, "full_name", person.full_name)
    check_text(found, prefix, "full_name", person.full_name, 200, Masks.PERSON)
    check_text(found, prefix, "latin_name", person.latin_name, 200, Masks.PERSON)
    check_text(found, prefix, "occupation", person.occupation, 200, Masks.PARTY)
    check_country(found, prefix, "nationality", person.nationality)
    if person.birth_date is not None and person.birth_date > today:
        found.add(prefix + "birth_date", Reason.IN_FUTURE)
    check_identity(found, prefix + "identity.", person.identity, today)
    identity = person.identity
    if identity is not None and identity.kind is DocumentKind.CN_RESIDENT_ID:
        number = resident_id.upgrade(identity.number) or identity.number
        if resident_id.problem(number) is None:
            _agrees(found, prefix, person, number, today)


def _agrees(found: Findings, prefix: str, person: NaturalPerson, number: str, today: date) -> None:
    """The number of a resident identity card states birth date and sex as well."""
    born = resident_id.birth_date(number)
    if born > today:
        found.add(prefix + "identity.number", Reason.IN_FUTURE)
    if person.birth_date is not None and person.birth_date != born:
        found.add(prefix + "birth_date", Reason.CONTRADICTION)
    stated = Sex.MALE if resident_id.is_male(number) else Sex.FEMALE
    if person.sex in (Sex.MALE, Sex.FEMALE) and person.sex is not stated:
        found.add(prefix + "sex", Reason.CONTRADICTION)


def _entity(found: Findings, prefix: str, entity: LegalEntity, today: date) -> None:
    require(found, prefix, "full_name", entity.full_name)
    check_text(found, prefix, "full_name", entity.full_name, 300, Masks.PARTY)
    require(found, prefix, "country", entity.country)
    check_country(found, prefix, "country", entity.country)
    check_text(found, prefix, "business_scope", entity.business_scope, 2000, Masks.PARTY)
    code = entity.unified_social_credit_code
    if code:
        check_identifier(found, prefix, "unified_social_credit_code", code, uscc.problem(code))
    if entity.lei:
        check_identifier(found, prefix, "lei", entity.lei, lei.problem(entity.lei))
    check_text(found, prefix, "registration_number", entity.registration_number, 64, Masks.NUMBER)
    check_identity(found, prefix + "establishing_document.", entity.establishing_document, today)
    document = entity.establishing_document
    if (
        document is not None
        and document.kind is DocumentKind.CN_BUSINESS_LICENCE
        and code
        and uscc.problem(code) is None
        and uscc.problem(document.number) is None
        and document.number != code
    ):
        found.add(prefix + "unified_social_credit_code", Reason.CONTRADICTION)
    if entity.legal_representative is not None:
        check_related_person(
            found, prefix + "legal_representative.", entity.legal_representative, today
        )
    for name, people, most in (
        ("controllers", entity.controllers, 50),
        ("beneficial_owners", entity.beneficial_owners, 100),
        ("agents", entity.agents, 50),
    ):
        if len(people) > most:
            found.add(prefix + name, Reason.TOO_MANY)
        for place, person in enumerate(people):
            check_related_person(found, f"{prefix}{name}[{place}].", person, today)


def _trader(found: Findings, prefix: str, trader: SoleTrader, today: date) -> None:
    if trader.person is None:
        found.add(prefix + "person", Reason.REQUIRED)
    else:
        _person(found, prefix + "person.", trader.person, today)
    check_text(found, prefix, "trade_name", trader.trade_name, 300, Masks.PARTY)
    check_text(found, prefix, "business_scope", trader.business_scope, 2000, Masks.PARTY)
    check_identity(found, prefix + "business_licence.", trader.business_licence, today)


def _address(found: Findings, prefix: str, address: Address) -> None:
    require(found, prefix, "kind", address.kind)
    require(found, prefix, "country", address.country)
    check_country(found, prefix, "country", address.country)
    for name, text, longest in (
        ("region", address.region, 100),
        ("city", address.city, 100),
        ("district", address.district, 100),
        ("street", address.street, 300),
        ("postal_code", address.postal_code, 20),
    ):
        if len(text) > longest:
            found.add(prefix + name, Reason.TOO_LONG)
            continue
        reason = problem(text, Masks.PARTY)
        if reason is not None:
            found.add(prefix + name, reason)
