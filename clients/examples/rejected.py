"""Items that a vault must refuse, each wrong in one way, and what it must say of each."""

import copy
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from clients.examples import channels, counterparts
from clients.examples.chinese_names import PersonName
from clients.examples.companies import chinese_company, western_company
from clients.examples.customers import customers
from clients.examples.dice import Dice
from clients.examples.identifiers import Register
from clients.examples.people import Filed, chinese_person, western_person
from clients.examples.shapes import Record, money_of

# An owner that is among the customers of any sample, and one that is in none.
_OWNER, _NOBODY = "C0000001", "C9999999"

# A woman, so that "male" contradicts her resident ID.
_NOTED = (True, PersonName("欧阳雪", "Ouyang", "Xue"))


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item, what is wrong with it, in which field of the record, and the reason of the refusal.

    `reason` is a code of `vault.records.reasons`, or ALREADY_EXISTS or NOT_FOUND where the record
    is sound by itself.
    """

    what: str
    field: str
    reason: str
    item: Record


def rejected_items(seed: int) -> Iterator[Rejected]:
    """The items; the duplicates are such where the seed's first two customers are held already."""
    return iter(_Bad(seed).items)


def _step(record: object, key: str) -> object:
    if isinstance(record, list):
        return record[int(key)]
    if isinstance(record, dict):
        return record[key]
    raise TypeError(key)


def _with(record: Record, path: str, value: object) -> Record:
    """A copy with the value at a path such as `accounts.0`."""
    changed = copy.deepcopy(record)
    *steps, last = path.split(".")
    place: object = changed
    for step in steps:
        place = _step(place, step)
    if isinstance(place, list):
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    return changed


def _at(record: Record, path: str) -> str:
    place: object = record
    for step in path.split("."):
        place = _step(place, step)
    return str(place)


def _other_digit(text: str) -> str:
    """The text with its last digit changed, so that no check digit can stand."""
    place = max(index for index, mark in enumerate(text) if mark.isdigit())
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


class _Bad:
    def __init__(self, seed: int) -> None:
        self._dice, self._register = Dice(seed, "rejected"), Register()
        self._number = 9_000_000
        self.items: list[Rejected] = []
        self._identifiers()
        self._texts()
        self._contradictions()
        self._documents()
        self._transactions()
        self._known(*customers(seed, 2))

    def _next(self) -> str:
        self._number += 1
        return f"C{self._number}"

    def _chinese(self) -> Record:
        return chinese_person(self._dice, self._register, self._next(), notable=_NOTED).customer

    def _western(self, country: str) -> Filed:
        return western_person(self._dice, self._register, self._next(), country)

    def _add(self, what: str, field: str, reason: str, item: Record) -> None:
        self.items.append(Rejected(what, field, reason, item))

    def _customer(self, what: str, reason: str, record: Record, path: str, value: object) -> None:
        keys = path.split(".")
        field = "".join(f"[{key}]" if key.isdigit() else f".{key}" for key in keys).lstrip(".")
        self._add(what, field, reason, {"new_customer": _with(record, path, value)})

    def _wrong_digit(self, what: str, record: Record, path: str) -> None:
        self._customer(what, "CHECK_DIGIT", record, path, _other_digit(_at(record, path)))

    def _identifiers(self) -> None:
        dice, register = self._dice, self._register
        self._wrong_digit(
            "resident ID: wrong check character", self._chinese(), "natural_person.identity.number"
        )
        company = chinese_company(dice, register, self._next()).customer
        entity = company["legal_entity"]
        if isinstance(entity, dict):
            # Its number would contradict the code, which is a second thing wrong.
            del entity["establishing_document"]
        self._wrong_digit(
            "unified social credit code: wrong check character",
            company,
            "legal_entity.unified_social_credit_code",
        )
        company = western_company(dice, register, self._next(), "DE").customer
        self._wrong_digit("LEI: wrong check digits", company, "legal_entity.lei")
        self._wrong_digit("IBAN: wrong check digits", self._western("FR").customer, "accounts.0")
        self._wrong_digit(
            "card number: wrong check digit (Luhn)", self._western("US").customer, "accounts.1"
        )

    def _texts(self) -> None:
        western = self._western("NL").customer
        name = "natural_person.full_name"
        self._customer("a masked name written back", "MASKED_VALUE", self._chinese(), name, "欧阳*")
        masked = "+86134****5678"
        self._customer(
            "a masked phone written back", "MASKED_VALUE", self._chinese(), "phones.0", masked
        )
        decomposed = unicodedata.normalize("NFD", "Zoë van 't Hoff")
        self._customer(
            "a name that is not NFC (e and combining diaeresis)",
            "NOT_NORMALISED",
            western,
            name,
            decomposed,
        )
        self._customer(
            "a right-to-left override in a name",
            "HIDDEN_CHARACTER",
            western,
            name,
            "Anna \u202eedO",
        )
        self._customer(
            "a phone that is not in E.164 form", "FORMAT", western, "phones.0", "0171 3920012"
        )

    def _contradictions(self) -> None:
        self._customer(
            "an impossible date (30 February)",
            "IMPOSSIBLE_DATE",
            self._western("SE").customer,
            "natural_person.birth_date",
            {"year": 1990, "month": 2, "day": 30},
        )
        self._customer(
            "a sex that the resident ID contradicts",
            "CONTRADICTION",
            self._chinese(),
            "natural_person.sex",
            "SEX_MALE",
        )
        self._customer(
            "a country that does not exist",
            "COUNTRY",
            self._western("IT").customer,
            "addresses.0.country",
            "XQ",
        )

    def _documents(self) -> None:
        document = self._western("US").papers[0].document()
        zone = _other_digit(_at(document, "machine_readable_zone"))
        self._add(
            "machine-readable zone: wrong check digit",
            "machine_readable_zone",
            "CHECK_DIGIT",
            _owned(identity_document=_with(document, "machine_readable_zone", zone)),
        )
        number: Record = {
            "kind": "DOCUMENT_KIND_US_SSN",
            "number": "987-65-4320",
            "holder_name": "Jo Example",
            "issuing_country": "US",
        }
        self._add(
            "social security number of an area that is never issued",
            "number",
            "OUT_OF_RANGE",
            _owned(identity_document=number),
        )

    def _transactions(self) -> None:
        holder = self._western("DE").holder
        good: Record = {
            "institution_reference": "T-REJECTED-1",
            "booking_time": "2026-01-05T09:30:00Z",
            "time_zone": "Europe/Berlin",
            "amount": money_of("EUR", 12_50),
            "direction": "DIRECTION_DEBIT",
            "account": {"account": holder.main.number, "name": holder.name, "country": "DE"},
            "counterparty": counterparts.stranger(self._dice, "DE"),
            "instrument": "INSTRUMENT_CREDIT_TRANSFER",
            "channel": channels.online(self._dice),
            "remittance_text": "Thank you",
            "status": "TRANSACTION_STATUS_BOOKED",
        }
        changes: tuple[tuple[str, str, str, str, object], ...] = (
            ("a currency that does not exist", "amount.currency_code", "CURRENCY",
             "amount.currency_code", "EUX"),
            ("too many decimals: 0.125 yuan", "amount.nanos", "TOO_MANY_DECIMALS", "amount",
             {"currency_code": "CNY", "units": "0", "nanos": 125_000_000}),
            ("too many decimals: 100.5 yen", "amount.nanos", "TOO_MANY_DECIMALS", "amount",
             {"currency_code": "JPY", "units": "100", "nanos": 500_000_000}),
            ("a negative amount", "amount.units", "NEGATIVE", "amount",
             {"currency_code": "EUR", "units": "-5", "nanos": 0}),
            ("a control character in the text", "remittance_text", "CONTROL_CHARACTER",
             "remittance_text", "Rent\u0007May"),
            ("a time zone that does not exist", "time_zone", "TIME_ZONE", "time_zone",
             "Europe/Bonn"),
            ("a booking in the future", "booking_time", "IN_FUTURE", "booking_time",
             "2199-01-05T09:30:00Z"),
        )  # fmt: skip
        for what, field, reason, path, value in changes:
            self._add(what, field, reason, _owned(transaction=_with(good, path, value)))
        item: Record = {"customer_number": _NOBODY, "transaction": good}
        self._add("a transaction of a customer that is not there", "", "NOT_FOUND", item)

    def _known(self, _: Filed, second: Filed) -> None:
        twin = _with(second.customer, "customer_number", self._next())
        self._add(
            "the identity number of another customer (C0000002)",
            "natural_person.identity.number",
            "ALREADY_EXISTS",
            {"new_customer": twin},
        )
        other = _with(self._chinese(), "customer_number", _OWNER)
        self._add(
            "the customer number of another customer (C0000001)",
            "customer_number",
            "ALREADY_EXISTS",
            {"new_customer": other},
        )


def _owned(**record: Record) -> Record:
    return {"customer_number": _OWNER, **record}
