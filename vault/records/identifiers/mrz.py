"""Machine-readable zones of travel documents (ICAO Doc 9303, 8th edition, parts 3 to 6).

TD1 (three lines of 30: cards), TD2 (two of 36) and TD3 (two of 44: passports). Check digits by
weights 7, 3, 1 modulo 10 over number, birth date, expiry date, TD3's optional data and the
composite. That catches every single wrong character save those that differ by ten (A for K, K for
U, 0 for A), which have the same value there.
"""

import re
from dataclasses import dataclass
from datetime import date

from vault.records.reasons import Reason

_LETTERS = re.compile(r"[0-9A-Z<]+")
_VALUES = {letter: value for value, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_VALUES["<"] = 0
_WEIGHTS = (7, 3, 1)
_FORMATS = {(30, 30, 30): "TD1", (36, 36): "TD2", (44, 44): "TD3"}


@dataclass(frozen=True, slots=True, repr=False)
class Zone:
    """What a zone states; `birth` and `expiry` are its six characters YYMMDD."""

    format: str
    code: str
    issuer: str
    number: str
    nationality: str
    birth: str
    sex: str
    expiry: str
    problem: Reason | None


def check_digit(text: str) -> str:
    """Return the check digit of characters of a zone (part 3, section 4.9)."""
    return str(sum(_VALUES[x] * _WEIGHTS[i % 3] for i, x in enumerate(text)) % 10)


def problem(zone: str) -> Reason | None:
    """Return why the text is not a machine-readable zone; its lines are joined by line feeds."""
    read = parse(zone)
    return read if isinstance(read, Reason) else read.problem


def parse(text: str) -> Zone | Reason:
    """Take a zone apart; a reason where it has no known format.

    The first thing wrong with its check digits and dates is in the zone's `problem`.
    """
    lines = text.split("\n")
    form = _FORMATS.get(tuple(map(len, lines)))
    if form is None:
        return Reason.LENGTH
    if any(_LETTERS.fullmatch(line) is None for line in lines):
        return Reason.CHARACTERS
    if form == "TD1":
        return _td1(lines[0], lines[1])
    return _td2_or_td3(form, lines[0], lines[1])


def _td1(first: str, second: str) -> Zone:
    composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
    number, number_check = first[5:14], first[14]
    if number_check == "<":
        # Part 5, note j: a longer number goes on in the optional data, its check digit behind it.
        rest, _, _ = first[15:30].partition("<")
        number, number_check = number + rest[:-1], rest[-1:]
    good = (
        number_check == check_digit(number)
        and second[6] == check_digit(second[0:6])
        and second[14] == check_digit(second[8:14])
        and second[29] == check_digit(composite)
    )
    return _zone("TD1", first, number, second[15:18], second[0:6], second[7], second[8:14], good)


def _td2_or_td3(form: str, first: str, second: str) -> Zone:
    composite = second[0:10] + second[13:20] + second[21 : 35 if form == "TD2" else 43]
    number, number_check = second[0:9], second[9]
    good = second[19] == check_digit(second[13:19]) and second[27] == check_digit(second[21:27])
    if form == "TD2":
        good = good and second[35] == check_digit(composite)
        if number_check == "<":
            # Part 6, note j: as in TD1.
            rest, _, _ = second[28:35].partition("<")
            number, number_check = number + rest[:-1], rest[-1:]
    else:
        optional, check = second[28:42], second[42]
        # Part 4, section 4.2.2: where there is no optional data its check digit may be a filler.
        empty = optional == "<" * 14 and check == "<"
        good = good and (empty or check == check_digit(optional))
        good = good and second[43] == check_digit(composite)
    good = good and number_check == check_digit(number)
    return _zone(form, first, number, second[10:13], second[13:19], second[20], second[21:27], good)


def _zone(
    form: str,
    first: str,
    number: str,
    nationality: str,
    birth: str,
    sex: str,
    expiry: str,
    good: bool,
) -> Zone:
    found: Reason | None = None
    if not good:
        found = Reason.CHECK_DIGIT
    elif sex not in "FM<" or number.strip("<") == "":
        found = Reason.CHARACTERS
    elif not _is_date(birth, True) or not _is_date(expiry, expiry == "<<<<<<"):
        found = Reason.DATE
    return Zone(
        format=form,
        code=first[0:2].rstrip("<"),
        issuer=first[2:5].rstrip("<"),
        number=number.rstrip("<"),
        nationality=nationality.rstrip("<"),
        birth=birth,
        sex=sex,
        expiry=expiry,
        problem=found,
    )


def _is_date(text: str, may_be_unknown: bool) -> bool:
    """Tell whether YYMMDD is a day of some century; unknown parts of a birth date are fillers."""
    parts = [text[0:2], text[2:4], text[4:6]]
    if may_be_unknown:
        known = [part for part in parts if part != "<<"]
        parts = [part if part != "<<" else "04" for part in parts]
    else:
        known = parts
    if not all(part.isdigit() for part in known):
        return False
    try:
        # 2000 was a leap year and 1900 was not: the century of "00" is the later one.
        date(2000 + int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return False
    return True
