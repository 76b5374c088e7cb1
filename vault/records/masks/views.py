"""From a record to its masked view, by a rule set."""

from datetime import date

from vault.records.customer import Customer, IdentityElement, LegalEntity, NaturalPerson, SoleTrader
from vault.records.document import IdentityDocument
from vault.records.enums import CustomerKind, DocumentKind, MaskState, Sex
from vault.records.identifiers.card import looks_like_card
from vault.records.identifiers.currency import MINOR_UNITS
from vault.records.identifiers.resident_id import problem as resident_id_problem
from vault.records.masks.rules import DEFAULT_MASKS, MaskRules
from vault.records.transaction import AccountParty, Money, Transaction
from vault.records.views import (
    ABSENT,
    MaskedCustomer,
    MaskedDocument,
    MaskedTransaction,
    MaskedValue,
)


def mask_customer(
    customer: Customer, today: date, rules: MaskRules = DEFAULT_MASKS
) -> MaskedCustomer:
    """Return what a front end may see of a customer; `today` is the day of the age band."""
    if customer.natural_person is not None:
        who = _person(customer.natural_person, today, rules)
    elif customer.legal_entity is not None:
        who = _entity(customer.legal_entity, rules)
    elif customer.sole_trader is not None:
        who = _trader(customer.sole_trader, today, rules)
    else:
        who = MaskedCustomer()
    return MaskedCustomer(
        kind=customer.kind,
        branch=customer.branch,
        full_name=who.full_name,
        other_name=who.other_name,
        sex=who.sex,
        country=who.country,
        age_band=who.age_band,
        occupation=who.occupation,
        identity_kind=who.identity_kind,
        identity_number=who.identity_number,
        identity_expiry=who.identity_expiry,
        phones=tuple(map(rules.phone, customer.phones)),
        emails=tuple(map(rules.email, customer.emails)),
        addresses=tuple(map(rules.address, customer.addresses)),
        accounts=tuple(_account(account, rules) for account in customer.accounts),
        customer_number=rules.customer_number(customer.customer_number),
    )


def mask_document(document: IdentityDocument, rules: MaskRules = DEFAULT_MASKS) -> MaskedDocument:
    """Return what a front end may see of an identity document."""
    return MaskedDocument(
        kind=document.kind,
        number=_number(document.kind, document.number, rules),
        holder_name=rules.person_name(document.holder_name),
        issuer=rules.issuer(document.issuer),
        issuing_country=document.issuing_country,
        expiry_date=document.expiry_date,
        long_term=document.long_term,
        machine_readable_zone=rules.machine_readable_zone(document.machine_readable_zone),
    )


def mask_transaction(
    transaction: Transaction, rules: MaskRules = DEFAULT_MASKS
) -> MaskedTransaction:
    """Return what a front end may see of a transaction."""
    other = transaction.counterparty or _NOBODY
    channel = transaction.channel
    return MaskedTransaction(
        booking_time=transaction.booking_time,
        time_zone=transaction.time_zone,
        value_date=transaction.value_date,
        amount=rules.amount(format_amount(transaction.amount)),
        direction=transaction.direction,
        account=_account(transaction.account.account, rules),
        counterparty_name=rules.party_name(other.name),
        counterparty_account=_account(other.account, rules),
        counterparty_institution=rules.institution(
            other.institution_name or other.bic or other.cnaps
        ),
        instrument=transaction.instrument,
        channel=channel.kind,
        remittance_text=rules.remittance_text(transaction.remittance_text),
        institution_reference=rules.reference(transaction.institution_reference),
        status=transaction.status,
        device=rules.device(channel.device_id or channel.network_address),
        corrects=transaction.corrects,
        reverses=transaction.reverses,
    )


def format_amount(money: Money) -> str:
    """Write an amount with the decimals of its currency: `1250.00 CNY`, `500 JPY`.

    Decimals beyond those of the currency are kept, zeros beyond them are not. "" without currency.
    """
    if not money.currency:
        return ""
    decimals = MINOR_UNITS.get(money.currency, 0)
    nanos = abs(money.nanos)
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    if decimals == 2 and nanos % 10_000_000 == 0:
        digits = f".{nanos // 10_000_000:02d}"
    else:
        fraction = f"{nanos:09d}"
        kept = max(0 if decimals == 9 else decimals, len(fraction.rstrip("0")))
        digits = "." + fraction[:kept] if kept else ""
    return f"{sign}{abs(money.units)}{digits} {money.currency}"


_NOBODY = AccountParty()


def _account(account: str, rules: MaskRules) -> MaskedValue:
    return rules.card(account) if looks_like_card(account) else rules.account(account)


def _number(kind: DocumentKind, number: str, rules: MaskRules) -> MaskedValue:
    # A resident identity number holds region and birth date, under whatever kind it was filed.
    if kind is DocumentKind.CN_RESIDENT_ID or resident_id_problem(number) is None:
        return rules.resident_id(number)
    return rules.document_number(number)


def _identity(element: IdentityElement | None, rules: MaskRules) -> MaskedValue:
    return ABSENT if element is None else _number(element.kind, element.number, rules)


def _person(person: NaturalPerson, today: date, rules: MaskRules) -> MaskedCustomer:
    identity = person.identity
    return MaskedCustomer(
        full_name=rules.person_name(person.full_name),
        other_name=rules.person_name(person.latin_name),
        sex=rules.sex("" if person.sex is Sex.UNSPECIFIED else person.sex.value),
        country=rules.country(person.nationality),
        age_band=rules.birth_date(person.birth_date, today),
        occupation=rules.occupation(person.occupation),
        identity_kind=DocumentKind.UNSPECIFIED if identity is None else identity.kind,
        identity_number=_identity(identity, rules),
        identity_expiry=None if identity is None else identity.expiry_date,
    )


def _entity(entity: LegalEntity, rules: MaskRules) -> MaskedCustomer:
    document = entity.establishing_document
    kind = DocumentKind.UNSPECIFIED if document is None else document.kind
    number = "" if document is None else document.number
    if entity.unified_social_credit_code:
        kind, number = DocumentKind.CN_BUSINESS_LICENCE, entity.unified_social_credit_code
    elif not number and entity.registration_number:
        kind, number = DocumentKind.COMPANY_REGISTRATION, entity.registration_number
    elif not number:
        number = entity.lei
    return MaskedCustomer(
        full_name=rules.entity_name(entity.full_name),
        country=rules.country(entity.country),
        occupation=rules.occupation(entity.business_scope),
        identity_kind=kind,
        identity_number=_number(kind, number, rules),
        identity_expiry=None if document is None else document.expiry_date,
    )


def _trader(trader: SoleTrader, today: date, rules: MaskRules) -> MaskedCustomer:
    person = _person(trader.person or NaturalPerson(), today, rules)
    scope = rules.occupation(trader.business_scope)
    return MaskedCustomer(
        kind=CustomerKind.SOLE_TRADER,
        full_name=person.full_name,
        other_name=rules.entity_name(trader.trade_name),
        sex=person.sex,
        country=person.country,
        age_band=person.age_band,
        occupation=scope if person.occupation.state is MaskState.ABSENT else person.occupation,
        identity_kind=person.identity_kind,
        identity_number=person.identity_number,
        identity_expiry=person.identity_expiry,
    )
