"""What a record can be found by, and what only one customer of an institution may hold.

Terms are normalised texts; the sealing room turns them into keyed tokens, and no plain term is
ever stored. Only the customer's own values are terms: a representative's or counterparty's number
would tell a front end of a relationship that it has no need to know.
"""

import unicodedata
from enum import StrEnum

from vault.records.customer import Customer, IdentityElement, NaturalPerson
from vault.records.document import IdentityDocument
from vault.records.enums import DocumentKind
from vault.records.identifiers import resident_id
from vault.records.transaction import Transaction


class IndexKind(StrEnum):
    """Kind of a term; each has its own key."""

    IDENTITY = "identity"
    PHONE = "phone"
    ACCOUNT = "account"
    NAME = "name"
    CUSTOMER_NUMBER = "customer_number"


Term = tuple[IndexKind, str]

# Dots of transliterated names (阿卜杜拉·买买提) are typed in many ways; U+00B7 is GB 18030's.
_DOTS = str.maketrans(dict.fromkeys("•‧∙⋅・･．.", "·"))
# Numbers of these kinds are unique within the issuing country. Registers and driving licences are
# kept by court, state or city in many countries, so the same number can belong to two customers.
_CLAIMED_KINDS = frozenset(
    {
        DocumentKind.PASSPORT,
        DocumentKind.NATIONAL_ID_CARD,
        DocumentKind.RESIDENCE_PERMIT,
        DocumentKind.TRAVEL_PERMIT,
    }
)


def normalise(kind: IndexKind, value: str) -> str:
    """Return the form in which two ways of writing one value meet; "" where nothing is left.

    NFKC and case fold for all. Identity and account numbers: letters and digits only, and a
    fifteen-digit resident identity number becomes its eighteen-character form. Phones: digits
    with a leading +, 00 taken for +. Names: blanks collapsed, those beside Chinese characters and
    dots dropped. Customer numbers keep their separators. Total and idempotent.
    """
    text = _fold(value)
    if kind is IndexKind.NAME:
        return _name(text)
    if kind is IndexKind.CUSTOMER_NUMBER:
        return " ".join(text.split())
    if kind is IndexKind.PHONE:
        return _phone(text)
    text = text if text.isalnum() else "".join(filter(str.isalnum, text))
    if kind is IndexKind.IDENTITY and len(text) == 15:
        upgraded = resident_id.upgrade(text)
        if upgraded is not None:
            return upgraded.lower()
    return text


def customer_terms(customer: Customer) -> frozenset[Term]:
    """Return what a customer is found by."""
    found: list[tuple[IndexKind, str]] = [(IndexKind.CUSTOMER_NUMBER, customer.customer_number)]
    found += ((IndexKind.PHONE, phone) for phone in customer.phones)
    found += ((IndexKind.ACCOUNT, account) for account in customer.accounts)
    if customer.natural_person is not None:
        found += _person_values(customer.natural_person)
    entity = customer.legal_entity
    if entity is not None:
        found += (
            (IndexKind.NAME, entity.full_name),
            (IndexKind.IDENTITY, entity.unified_social_credit_code),
            (IndexKind.IDENTITY, entity.lei),
            (IndexKind.IDENTITY, entity.registration_number),
            (IndexKind.IDENTITY, _number(entity.establishing_document)),
        )
    trader = customer.sole_trader
    if trader is not None:
        found += (
            (IndexKind.NAME, trader.trade_name),
            (IndexKind.IDENTITY, _number(trader.business_licence)),
        )
        if trader.person is not None:
            found += _person_values(trader.person)
    return _terms(found)


def document_terms(document: IdentityDocument) -> frozenset[Term]:
    """Return what a customer is found by for a document: its number and the holder's name."""
    return _terms([(IndexKind.IDENTITY, document.number), (IndexKind.NAME, document.holder_name)])


def transaction_terms(transaction: Transaction) -> frozenset[Term]:
    """Return what a customer is found by for a transaction: the customer's own account."""
    return _terms([(IndexKind.ACCOUNT, transaction.account.account)])


def claims(record: Customer | IdentityDocument) -> frozenset[Term]:
    """Return what only one customer of the institution may hold.

    The texts are not those of the search terms: a number is qualified by what it is a number of
    (`cn-resident-id:...`, `passport:us:...`), and the colon keeps them apart from any term. One
    number claims the same text from an identity element and from a document.
    """
    if isinstance(record, IdentityDocument):
        return _claims([_claim(record.kind, record.number, record.issuing_country)])
    found = [_qualified("customer-number", _customer_number(record))]
    person = record.natural_person
    trader = record.sole_trader
    entity = record.legal_entity
    if trader is not None:
        person = person or trader.person
        found.append(_element_claim(trader.business_licence))
    if person is not None:
        found.append(_element_claim(person.identity))
    if entity is not None:
        found += (
            _claim(DocumentKind.CN_BUSINESS_LICENCE, entity.unified_social_credit_code, "CN"),
            _qualified("lei", normalise(IndexKind.IDENTITY, entity.lei)),
            _element_claim(entity.establishing_document),
        )
    return _claims(found)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Unicode chapter 3, D146 (toNFKC_Casefold): folding after one pass alone is not stable.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", text.casefold())


def _name(text: str) -> str:
    if text.isascii():
        return " ".join(text.split())
    if not any(map(_is_han, text)):
        return " ".join(text.split())
    words = text.translate(_DOTS).split()
    joined = "".join(words[:1])
    for word in words[1:]:
        tight = _is_tight(joined[-1]) or _is_tight(word[0])
        joined += word if tight else " " + word
    return joined


def _is_tight(letter: str) -> bool:
    return letter == "·" or _is_han(letter)


def _is_han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"


def _phone(text: str) -> str:
    digits = "".join(filter(str.isdecimal, text))
    if text.lstrip().startswith("+"):
        return "+" + digits if digits else ""
    return "+" + digits[2:] if digits.startswith("00") and len(digits) > 2 else digits


def _person_values(person: NaturalPerson) -> tuple[tuple[IndexKind, str], ...]:
    return (
        (IndexKind.NAME, person.full_name),
        (IndexKind.NAME, person.latin_name),
        (IndexKind.IDENTITY, _number(person.identity)),
    )


def _number(element: IdentityElement | None) -> str:
    return "" if element is None else element.number


def _terms(values: list[tuple[IndexKind, str]]) -> frozenset[Term]:
    terms = ((kind, normalise(kind, value)) for kind, value in values if value)
    return frozenset((kind, text) for kind, text in terms if text)


def _customer_number(customer: Customer) -> str:
    return normalise(IndexKind.CUSTOMER_NUMBER, customer.customer_number)


def _element_claim(element: IdentityElement | None) -> str:
    if element is None:
        return ""
    return _claim(element.kind, element.number, element.issuing_country)


def _claim(kind: DocumentKind, number: str, country: str) -> str:
    text = normalise(IndexKind.IDENTITY, number)
    # A resident identity number stays one when it is filed as a national identity card.
    if kind is DocumentKind.CN_RESIDENT_ID or (
        kind is DocumentKind.NATIONAL_ID_CARD
        and country == "CN"
        and resident_id.problem(text.upper()) is None
    ):
        return _qualified("cn-resident-id", text)
    if kind is DocumentKind.CN_BUSINESS_LICENCE:
        return _qualified("cn-uscc", text)
    if kind is DocumentKind.US_SSN:
        return _qualified("us-ssn", text)
    if kind in _CLAIMED_KINDS:
        return _qualified(f"{kind.value.lower()}:{country.lower()}", text)
    return ""


def _qualified(space: str, text: str) -> str:
    return f"{space}:{text}" if text else ""


def _claims(texts: list[str]) -> frozenset[Term]:
    return frozenset((_claim_kind(text), text) for text in texts if text)


def _claim_kind(text: str) -> IndexKind:
    if text.startswith("customer-number:"):
        return IndexKind.CUSTOMER_NUMBER
    return IndexKind.IDENTITY
