"""Checks of single fields that several records share. Each takes the path for its violations.

A path is given as prefix and name, and put together only when something is wrong.
"""

import re
import socket
from datetime import date

from vault.records.customer import IdentityElement, RelatedPerson
from vault.records.enums import DocumentKind
from vault.records.identifiers import card, country, currency, iban, phone, resident_id, ssn, uscc
from vault.records.names import CustomerName, InvalidName
from vault.records.reasons import Reason
from vault.records.transaction import Money
from vault.records.validation.text import Masks, is_masked, problem
from vault.records.validation.violation import Findings

_EMAIL = re.compile(r"[^@\s]{1,64}@(?:[^@\s.]+\.)+[^@\s.]{2,}")
_PASSPORT = re.compile(r"[0-9A-Z]{3,9}")
_SEPARATORS = str.maketrans("", "", " -./")
_BILLION = 1_000_000_000
# A currency with d decimals allows nanos that are multiples of 10^(9-d).
_STEPS = tuple(10 ** (9 - decimals) for decimals in range(10))


def check_text(
    found: Findings, prefix: str, name: str, text: str, longest: int, masks: Masks
) -> None:
    """A text of at most `longest` characters; absent is no violation."""
    if not text:
        return
    reason = Reason.TOO_LONG if len(text) > longest else problem(text, masks)
    if reason is not None:
        found.add(prefix + name, reason)


def require(found: Findings, prefix: str, name: str, value: object) -> None:
    """A value that must be there: not None, "", UNSPECIFIED or an empty tuple."""
    if not value or value == "UNSPECIFIED":
        found.add(prefix + name, Reason.REQUIRED)


def check_country(found: Findings, prefix: str, name: str, code: str) -> None:
    """An ISO 3166-1 alpha-2 code, or absent."""
    if code and not country.exists(code):
        found.add(prefix + name, Reason.COUNTRY)


def check_identifier(
    found: Findings, prefix: str, name: str, text: str, reason: Reason | None
) -> None:
    """An identifier with what its module found; a mask is called a mask first."""
    if reason is not None:
        masked = is_masked(text, Masks.NUMBER)
        found.add(prefix + name, Reason.MASKED_VALUE if masked else reason)


def check_money(found: Findings, prefix: str, money: Money) -> None:
    """An amount that is not negative, in a currency that exists, with no more decimals than it."""
    decimals = currency.MINOR_UNITS.get(money.currency)
    if decimals is None:
        reason = Reason.CURRENCY if money.currency else Reason.REQUIRED
        found.add(prefix + ".currency_code", reason)
    if money.units < 0 or money.nanos < 0:
        found.add(prefix + (".units" if money.units < 0 else ".nanos"), Reason.NEGATIVE)
    elif money.nanos >= _BILLION:
        found.add(prefix + ".nanos", Reason.OUT_OF_RANGE)
    elif decimals is not None and money.nanos % _STEPS[decimals]:
        found.add(prefix + ".nanos", Reason.TOO_MANY_DECIMALS)


def check_balance(found: Findings, prefix: str, money: Money) -> None:
    """As `check_money`, of what may be negative: then both its parts are, or are 0."""
    if money.units * money.nanos < 0:
        found.add(prefix + ".nanos", Reason.CONTRADICTION)
    check_money(found, prefix, Money(money.currency, abs(money.units), abs(money.nanos)))


def check_account(found: Findings, prefix: str, name: str, account: str) -> None:
    """An IBAN or a card number by its check digits, or an institution's own number, or absent.

    What is an IBAN or a card number when its separators are taken out must be stored without.
    """
    if not account:
        return
    if len(account) > 40:
        found.add(prefix + name, Reason.TOO_LONG)
        return
    compact = account.translate(_SEPARATORS).upper()
    if iban.looks_like_iban(compact):
        reason = iban.problem(compact)
    elif card.looks_like_card(compact):
        reason = None if card.luhn(compact) else Reason.CHECK_DIGIT
    else:
        reason = problem(account, Masks.NUMBER)
        compact = account
    if reason is None and compact != account:
        reason = Reason.FORMAT
    if reason is not None:
        found.add(prefix + name, reason)


def check_phone(found: Findings, prefix: str, name: str, number: str) -> None:
    """A telephone number in E.164 form, or absent."""
    if number:
        check_identifier(found, prefix, name, number, phone.problem(number))


def check_email(found: Findings, prefix: str, name: str, address: str) -> None:
    """An e-mail address: something before one @ and a domain behind it."""
    before = problem(address, Masks.NUMBER)
    if len(address) > 254:
        found.add(prefix + name, Reason.TOO_LONG)
    elif before is not None:
        found.add(prefix + name, before)
    elif _EMAIL.fullmatch(address) is None:
        found.add(prefix + name, Reason.FORMAT)


def is_network_address(text: str) -> bool:
    """Tell whether the text is an IPv4 or IPv6 address."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def check_validity(
    found: Findings,
    prefix: str,
    *,
    issued: date | None,
    expires: date | None,
    long_term: bool,
    today: date,
) -> None:
    """Days of validity in order; none at the end of what is valid without end."""
    if issued is not None and issued > today:
        found.add(prefix + "issue_date", Reason.IN_FUTURE)
    if expires is not None:
        if long_term:
            found.add(prefix + "expiry_date", Reason.CONTRADICTION)
        if issued is not None and expires < issued:
            found.add(prefix + "expiry_date", Reason.DATE_ORDER)


def check_document_number(
    found: Findings, prefix: str, kind: DocumentKind, number: str, issuer: str
) -> None:
    """A document's number by the check digits or form of its kind, and the issuer that goes along.

    A CN_RESIDENT_ID may have the fifteen digits of before 1999.
    """
    if not number:
        return
    if len(number) > 64:
        found.add(prefix + "number", Reason.TOO_LONG)
        return
    check_identifier(found, prefix, "number", number, _number_problem(kind, number, issuer))
    home = _HOME.get(kind)
    if home is not None and issuer and issuer != home:
        found.add(prefix + "issuing_country", Reason.CONTRADICTION)


_HOME = {
    DocumentKind.CN_RESIDENT_ID: "CN",
    DocumentKind.CN_BUSINESS_LICENCE: "CN",
    DocumentKind.US_SSN: "US",
}


def _number_problem(kind: DocumentKind, number: str, issuer: str) -> Reason | None:
    if kind is DocumentKind.CN_RESIDENT_ID:
        if len(number) == 15:
            return None if resident_id.upgrade(number) is not None else Reason.FORMAT
        return resident_id.problem(number)
    if kind is DocumentKind.CN_BUSINESS_LICENCE:
        return uscc.problem(number)
    if kind is DocumentKind.US_SSN:
        return ssn.problem(number)
    if kind is DocumentKind.PASSPORT:
        return None if _PASSPORT.fullmatch(number) is not None else Reason.FORMAT
    # Residents from Hong Kong, Macao and Taiwan have GB 11643 numbers in the regions 81 to 83.
    if kind is DocumentKind.RESIDENCE_PERMIT and issuer == "CN" and number[:2] in _ACROSS:
        return resident_id.problem(number)
    return problem(number, Masks.NUMBER)


_ACROSS = ("81", "82", "83")


def check_identity(
    found: Findings, prefix: str, identity: IdentityElement | None, today: date
) -> None:
    """Kind, number and validity of a document, or absent."""
    if identity is None:
        return
    require(found, prefix, "kind", identity.kind)
    require(found, prefix, "number", identity.number)
    check_country(found, prefix, "issuing_country", identity.issuing_country)
    check_document_number(found, prefix, identity.kind, identity.number, identity.issuing_country)
    check_validity(
        found,
        prefix,
        issued=identity.issue_date,
        expires=identity.expiry_date,
        long_term=identity.long_term,
        today=today,
    )


def check_related_person(found: Findings, prefix: str, person: RelatedPerson, today: date) -> None:
    """A representative, owner, controller or agent."""
    require(found, prefix, "full_name", person.full_name)
    check_text(found, prefix, "full_name", person.full_name, 200, Masks.PERSON)
    check_identity(found, prefix + "identity.", person.identity, today)
    if not 0 <= person.ownership_basis_points <= 10_000:
        found.add(prefix + "ownership_basis_points", Reason.OUT_OF_RANGE)
    check_phone(found, prefix, "phone", person.phone)
    if person.customer:
        try:
            CustomerName.parse(person.customer)
        except InvalidName:
            found.add(prefix + "customer", Reason.NAME)
