"""Resident identity numbers of the People's Republic of China (GB 11643-1999).

Eighteen characters: six digits of the region (GB/T 2260), eight of the birth date, three of
sequence (odd for men, even for women) and a check character by ISO 7064 MOD 11-2. The numbers of
1984 to 1999 (GB 11643-1989) have fifteen digits: two of the year of birth and no check character.

The region is checked by its province only. `stdnum.cn.ric` checks the county against the years in
which its code was in use by the year of birth, and so refuses people who were born before their
county was founded.
"""

from datetime import date

from vault.records.reasons import Reason

# GB/T 2260 province codes; 71, 81 to 83 are Taiwan, Hong Kong, Macao and residents from Taiwan.
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 "
    "61 62 63 64 65 71 81 82 83".split()
)
_CHECK = "10X98765432"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def check_character(first17: str) -> str:
    """Return the MOD 11-2 check character of the first seventeen digits."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return _CHECK[total % 11]


def problem(number: str) -> Reason | None:
    """Return why the text is not a resident identity number of eighteen characters."""
    if len(number) != 18:
        return Reason.LENGTH
    body, check = number[:17], number[17]
    if not (body.isascii() and body.isdigit() and check in "0123456789X"):
        return Reason.CHARACTERS
    if check_character(body) != check:
        return Reason.CHECK_DIGIT
    if number[:2] not in _PROVINCES:
        return Reason.REGION
    if _birth_date(number) is None or number[14:17] == "000":
        return Reason.DATE if _birth_date(number) is None else Reason.CHARACTERS
    return None


def birth_date(number: str) -> date:
    """Return the date of birth in a number without problem. Raises ValueError for another."""
    found = _birth_date(number) if problem(number) is None else None
    if found is None:
        raise ValueError("not a resident identity number")
    return found


def is_male(number: str) -> bool:
    """Tell the sex that a number without problem states: its seventeenth digit is odd for men."""
    return number[16] in "13579"


def upgrade(number: str) -> str | None:
    """Return the eighteen-character form of a fifteen-digit number, or None for another text.

    The century is the twentieth: GB 11643-1999 replaced the old form in that century, and numbers
    for those born before 1900 were distinguished by sequences 996 to 999, which are not upgraded.
    """
    if len(number) != 15 or not (number.isascii() and number.isdigit()):
        return None
    if number[:2] not in _PROVINCES or number[12:] >= "996":
        return None
    body = number[:6] + "19" + number[6:]
    if _birth_date(body) is None:
        return None
    return body + check_character(body)


def _birth_date(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None
