"""Every identifier, checked by libraries that others wrote."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import phonenumbers
from stdnum import bic, iban, lei, luhn
from stdnum.cn import ric, uscc
from stdnum.us import ssn

from tests.examples.conftest import Sample
from vault.records.identifiers import mrz

Record = dict[str, Any]


def walk(value: object) -> Iterator[Record]:
    """Every message inside a record, itself included."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def messages(sample: Sample) -> Iterator[Record]:
    for line in sample.lines():
        yield from walk(line)


def elements(sample: Sample, kind: str) -> Iterator[Record]:
    """Identity elements and documents of a kind."""
    for message in messages(sample):
        if message.get("kind") == f"DOCUMENT_KIND_{kind}":
            yield message


def day(value: Record) -> datetime.date:
    return datetime.date(value["year"], value["month"], value["day"])


def holds(found: Iterator[str]) -> list[str]:
    """The values; a test over none of them would prove nothing."""
    values = list(found)
    assert values
    return values


def test_resident_ids_are_valid_and_belong_to_nobody(sample: Sample) -> None:
    for number in holds(element["number"] for element in elements(sample, "CN_RESIDENT_ID")):
        assert ric.validate(number) == number
        assert number[14:17] in ("996", "997", "998", "999")


def test_resident_ids_agree_with_birth_date_and_sex(sample: Sample) -> None:
    checked = 0
    for message in messages(sample):
        identity = message.get("identity", {})
        if "birth_date" not in message or identity["kind"] != "DOCUMENT_KIND_CN_RESIDENT_ID":
            continue
        number = identity["number"]
        assert ric.get_birth_date(number) == day(message["birth_date"])
        assert (message["sex"] == "SEX_MALE") == (int(number[16]) % 2 == 1)
        checked += 1
    assert checked > 400


def test_social_credit_codes_are_valid(sample: Sample) -> None:
    for number in holds(element["number"] for element in elements(sample, "CN_BUSINESS_LICENCE")):
        assert uscc.validate(number) == number
        assert number[8] == "Y"
        assert _organisation_check(number[8:16]) == number[16]


def _organisation_check(body: str) -> str:
    """GB 11714, written again from the standard's formula: C9 = 11 - (sum of Ci x Wi mod 11)."""
    values = [ord(mark) - 48 if mark.isdigit() else ord(mark) - 55 for mark in body]
    check = 11 - sum(v * w for v, w in zip(values, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return {10: "X", 11: "0"}.get(check, str(check))


def test_leis_are_valid(sample: Sample) -> None:
    for number in holds(m["lei"] for m in messages(sample) if "lei" in m):
        assert lei.validate(number) == number


def _accounts(sample: Sample) -> Iterator[str]:
    for message in messages(sample):
        yield from message.get("accounts", ())
        if isinstance(message.get("account"), str):
            yield message["account"]


def test_ibans_are_valid_and_of_many_countries(sample: Sample) -> None:
    numbers = {number for number in _accounts(sample) if number[:2].isalpha()}
    for number in numbers:
        assert iban.validate(number) == number
    assert len({number[:2] for number in numbers}) >= 10


def test_french_italian_dutch_and_polish_ibans_have_their_national_check_digits(
    sample: Sample,
) -> None:
    seen = set()
    for number in (number for number in _accounts(sample) if number[:2].isalpha()):
        country, bban = number[:2], number[4:]
        if country == "FR":
            assert int(bban) % 97 == 0
        elif country == "NL":
            total = sum(int(d) * (10 - place) for place, d in enumerate(bban[4:]))
            assert total % 11 == 0
        elif country == "PL":
            weights = (3, 9, 7, 1, 3, 9, 7, 1)
            assert sum(int(d) * w for d, w in zip(bban, weights, strict=False)) % 10 == 0
        elif country == "IT":
            assert re.fullmatch(r"[A-Z]\d{22}", bban)
        seen.add(country)
    assert {"FR", "IT", "NL", "PL", "BE", "ES"} <= seen


def test_card_and_long_account_numbers_pass_luhn(sample: Sample) -> None:
    numbers = {number for number in _accounts(sample) if number.isdigit() and len(number) > 12}
    assert {len(number) for number in numbers} == {15, 16, 19}
    for number in numbers:
        assert luhn.is_valid(number)


def test_bics_are_well_formed(sample: Sample) -> None:
    for code in set(holds(m["bic"] for m in messages(sample) if "bic" in m)):
        assert bic.validate(code) == code


def test_phones_are_valid_numbers_in_e164(sample: Sample) -> None:
    found = [number for line in sample.customers for number in line["new_customer"]["phones"]]
    found += [m["phone"] for m in messages(sample) if "phone" in m]
    assert len(found) > CUSTOMERS_WITH_PHONES
    for number in found:
        parsed = phonenumbers.parse(number)
        assert phonenumbers.is_valid_number(parsed)
        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number


CUSTOMERS_WITH_PHONES = 1000


def test_american_phones_are_those_kept_for_fiction(sample: Sample) -> None:
    numbers = [n for line in sample.customers for n in line["new_customer"]["phones"]]
    american = [number for number in numbers if number.startswith("+1")]
    assert len(american) > 100
    assert all(re.fullmatch(r"\+1\d{3}55501\d\d", number) for number in american)


def test_the_one_social_security_number_is_known_to_be_nobodys(sample: Sample) -> None:
    numbers = [element["number"] for element in elements(sample, "US_SSN")]
    assert numbers == ["219-09-9999"]
    # python-stdnum keeps it in its list of numbers that were printed and never issued.
    assert not ssn.is_valid(numbers[0])
    assert ssn.is_valid("219-09-9998")


def test_zones_are_valid_and_agree_with_their_documents(sample: Sample) -> None:
    forms = set()
    for line in sample.documents:
        document = line["identity_document"]
        if "machine_readable_zone" not in document:
            continue
        zone = mrz.parse(document["machine_readable_zone"])
        assert isinstance(zone, mrz.Zone)
        assert zone.problem is None
        assert zone.number == document["number"]
        assert zone.expiry == f"{day(document['expiry_date']):%y%m%d}"
        forms.add(zone.format)
    assert forms == {"TD1", "TD3"}


def test_polish_identity_cards_and_passports_have_their_own_check_digit(sample: Sample) -> None:
    cards = [
        element["number"]
        for element in elements(sample, "NATIONAL_ID_CARD")
        if element["issuing_country"] == "PL"
    ]
    passports = [
        element["number"]
        for element in elements(sample, "PASSPORT")
        if element["issuing_country"] == "PL"
    ]
    for numbers, weights in ((cards, (7, 3, 1, 9, 7, 3, 1, 7, 3)), (passports, _PASSPORT_WEIGHTS)):
        assert numbers
        for number in numbers:
            total = sum(int(m, 36) * w for m, w in zip(number, weights, strict=True))
            assert total % 10 == 0


_PASSPORT_WEIGHTS = (7, 3, 9, 1, 7, 3, 1, 7, 3)


def test_no_identity_number_belongs_to_two_customers(sample: Sample) -> None:
    owners: dict[tuple[str, str, str], str] = {}
    for line in (*sample.customers, *sample.documents):
        customer = line.get("customer_number") or line["new_customer"]["customer_number"]
        for message in walk(line):
            if str(message.get("kind", "")).startswith("DOCUMENT_KIND_"):
                key = (message["kind"], message["number"], message["issuing_country"])
                assert owners.setdefault(key, customer) == customer
    assert len(owners) > len(sample.customers)


def test_no_account_belongs_to_two_customers(sample: Sample) -> None:
    numbers = [n for line in sample.customers for n in line["new_customer"]["accounts"]]
    assert len(numbers) == len(set(numbers))
