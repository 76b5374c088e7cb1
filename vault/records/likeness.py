"""What several customers have in common: a family name, a street.

Somebody who goes through all files of one family or of one street can be noticed by these. They are
normalised texts, as search terms are, and only keyed tokens of them leave the sealing room.

A name in Chinese characters begins with the family name, of two characters where it is one of the
known ones (masks/family_names.py), and a transliterated one ends with it, behind its last dot; of
any other name it is the last word, or what stands in front of a comma. A street is what is left of
an address's line without house numbers and what follows them, together with country and city.
"""

import re
from enum import StrEnum
from typing import Final

from vault.records.customer import Address, Customer
from vault.records.index_terms import IndexKind, normalise
from vault.records.masks.family_names import family_name
from vault.records.masks.functions import is_han


class Likeness(StrEnum):
    """Kind of what is in common; each has its own key."""

    SURNAME = "surname"
    STREET = "street"


Common = tuple[Likeness, str]

# 100号, 12-3号, 三号楼: where a house begins. A street's own numeral (五一路, 第五大道) is followed
# by something else.
_HOUSE: Final = re.compile("[0-9]|[〇零一二三四五六七八九十百]+(?=[号號弄栋棟幢座室楼樓单單])")
_ORDINAL: Final = re.compile("[0-9]+(?:st|nd|rd|th)")
_WITHIN_HOUSE: Final = frozenset(
    "apartment apt bldg building flat floor fl house no nr room rm ste suite unit".split()
)
_SPELT_OUT: Final = {
    "ave": "avenue",
    "av": "avenue",
    "blvd": "boulevard",
    "dr": "drive",
    "ln": "lane",
    "rd": "road",
    "st": "street",
    "str": "strasse",
}


def customer_commons(customer: Customer) -> frozenset[Common]:
    """The family name of a natural person or sole trader, and the streets of the addresses."""
    trader = customer.sole_trader
    person = customer.natural_person or (trader.person if trader is not None else None)
    found = {(Likeness.STREET, street(address)) for address in customer.addresses}
    if person is not None:
        found.add((Likeness.SURNAME, surname(person.full_name)))
    return frozenset(one for one in found if one[1])


def surname(full_name: str) -> str:
    """The family name of a person, normalised; "" where there is none to be seen. Total."""
    before, comma, _ = full_name.partition(",")
    text = normalise(IndexKind.NAME, before if comma else full_name)
    if not text:
        return ""
    if "·" in text:
        return text.rpartition("·")[2]
    if is_han(text[0]):
        return family_name(text)
    return text if comma else text.split()[-1]


def street(address: Address) -> str:
    """The street of an address with its place, normalised; "" where there is none. Total."""
    line = normalise(IndexKind.NAME, address.street)
    name = _chinese(line) if any(map(is_han, line)) else _of_words(line)
    if not name:
        return ""
    place = normalise(IndexKind.NAME, address.city or address.region)
    return "|".join((address.country.lower(), place, name))


def _chinese(line: str) -> str:
    line = line.lstrip("0123456789 ,-#")
    house = _HOUSE.search(line)
    return (line[: house.start()] if house is not None else line).rstrip(" ,-第")


def _of_words(line: str) -> str:
    kept: list[str] = []
    within = False
    for word in re.split(r"[\s,;.#/]+", line):
        if word in _WITHIN_HOUSE:
            within = True
            continue
        # What a flat is called (3b, b) goes with it.
        numbered = any(map(str.isdecimal, word)) and not _ORDINAL.fullmatch(word)
        if word and not numbered and not (within and len(word) == 1):
            long = f"{word}asse" if len(word) > 3 and word.endswith("str") else word
            kept.append(_SPELT_OUT.get(word, long))
        within = False
    return " ".join(kept)
