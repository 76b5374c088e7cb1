"""Machine-readable zones of passports (TD3) and identity cards (TD1): ICAO Doc 9303, parts 3-5."""

import datetime
import unicodedata
from dataclasses import dataclass

# Doc 9303 part 3, section 6: letters that do not fall apart into a base letter and a mark.
_TRANSLITERATION = {
    "Ä": "AE", "Ö": "OE", "Ü": "UE", "Å": "AA", "Æ": "AE", "Œ": "OE", "Ø": "OE", "ẞ": "SS",
    "ß": "SS", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "Ŋ": "N", "Ŧ": "T", "ı": "I",
}  # fmt: skip
# Germany is the one issuer with a code of one letter.
_STATES = {
    "CN": "CHN", "US": "USA", "GB": "GBR", "DE": "D", "FR": "FRA", "ES": "ESP", "IT": "ITA",
    "NL": "NLD", "PL": "POL", "AT": "AUT", "BE": "BEL", "CH": "CHE", "IE": "IRL", "SE": "SWE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """What a zone states of its holder. Names in Latin letters; `given` may be empty."""

    family: str
    given: str
    nationality: str
    birth: datetime.date
    sex: str


def transliterate(name: str) -> str:
    """A name in the zone's letters: A to Z, with `<` for spaces and hyphens, no apostrophes."""
    letters: list[str] = []
    for character in unicodedata.normalize("NFC", name):
        upper = _TRANSLITERATION.get(character) or _TRANSLITERATION.get(character.upper())
        if upper is None:
            upper = unicodedata.normalize("NFD", character.upper())
        for letter in upper:
            if "A" <= letter <= "Z":
                letters.append(letter)
            elif letter in " -":
                letters.append("<")
    return "".join(letters).strip("<")


def check_digit(text: str) -> str:
    """The check digit of a field: weights 7, 3, 1; A = 10 to Z = 35; `<` = 0."""
    total = 0
    for position, character in enumerate(text):
        value = 0 if character == "<" else int(character, 36)
        total += value * (7, 3, 1)[position % 3]
    return str(total % 10)


def _checked(text: str) -> str:
    return text + check_digit(text)


def _names(holder: Holder, width: int) -> str:
    """The name field; a name that is too long loses its end, as part 3, section 4.7 has it."""
    family, given = transliterate(holder.family), transliterate(holder.given)
    if not given:
        return family[:width].ljust(width, "<")
    # Both identifiers stay present: the family name leaves room for `<<` and one given name.
    room = width - 2 - min(len(given), len(given.split("<")[0]))
    # A cut between two words must not leave a third filler before the given names.
    return f"{family[:room].rstrip('<')}<<{given}"[:width].ljust(width, "<")


def passport(holder: Holder, issuer: str, number: str, expiry: datetime.date) -> str:
    """The two lines of a passport (TD3), joined by a line feed; `number`: at most 9 characters."""
    first = f"P<{_STATES[issuer]:<<3}{_names(holder, 39)}"
    document, birth = _checked(f"{number:<<9}"), _checked(f"{holder.birth:%y%m%d}")
    valid, optional = _checked(f"{expiry:%y%m%d}"), _checked("<" * 14)
    composite = check_digit(document + birth + valid + optional)
    nation = f"{_STATES[holder.nationality]:<<3}"
    return f"{first}\n{document}{nation}{birth}{holder.sex}{valid}{optional}{composite}"


def identity_card(holder: Holder, issuer: str, number: str, expiry: datetime.date) -> str:
    """The three lines of an identity card (TD1); `number` has at most 9 characters."""
    document, birth = _checked(f"{number:<<9}"), _checked(f"{holder.birth:%y%m%d}")
    valid = _checked(f"{expiry:%y%m%d}")
    first = f"I<{_STATES[issuer]:<<3}{document}{'<' * 15}"
    second_optional = "<" * 11
    composite = check_digit(first[5:] + birth + valid + second_optional)
    nation = f"{_STATES[holder.nationality]:<<3}"
    second = f"{birth}{holder.sex}{valid}{nation}{second_optional}{composite}"
    return f"{first}\n{second}\n{_names(holder, 30)}"
