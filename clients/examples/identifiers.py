"""Identifiers with correct check digits that can belong to nobody.

Each maker says why its numbers are nobody's: they come from a range that the issuer does not give
out, or that is kept for examples. `Register` sees to it that none comes twice.
"""

import datetime
from collections.abc import Callable

from clients.examples.dice import Dice

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Without X, a run of which a vault takes for a mask.
_ENTITY_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUW"


class Register:
    """Numbers given out so far; memory grows with the customers, not with the transactions."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, make: Callable[[], str]) -> str:
        """A number that has not been given out. Raises RuntimeError when a range is used up."""
        for _ in range(1000):
            number = make()
            if number not in self._taken:
                self._taken.add(number)
                return number
        raise RuntimeError("a range of numbers is used up; ask for fewer customers")

    def first(self, what: str) -> bool:
        """True the first time that this is asked for."""
        new = what not in self._taken
        self._taken.add(what)
        return new


def resident_id(dice: Dice, region: str, birth: datetime.date, female: bool) -> str:
    """A resident identity card number (GB 11643): region, birth date, sequence, check character.

    Sequence numbers 996 to 999 were set aside for people who were over a hundred years old when
    the numbers were introduced, so nobody with a birth date of the last hundred years holds one.
    The last digit of the sequence says the sex: even for women, odd for men.
    """
    sequence = dice.pick(("996", "998") if female else ("997", "999"))
    return _with_resident_check(f"{region}{birth:%Y%m%d}{sequence}")


def _with_resident_check(body: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(body, _RESIDENT_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def social_credit_code(dice: Dice, kind: str, region: str) -> str:
    """A unified social credit code (GB 32100): kind (`91` company, `92` sole trader), region,
    organisation code (GB 11714) and check character.

    Organisation codes begin with a digit or with M; Y has not been given out.
    """
    organisation = "Y" + dice.letters(7, _ENTITY_ALPHABET)
    # Letters count as A = 10 to Z = 35 in GB 11714, unlike in GB 32100.
    total = sum(
        int(character, 36) * weight
        for character, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True)
    )
    body = f"{kind}{region}{organisation}{'0X987654321'[total % 11]}"
    values = map(_CREDIT_ALPHABET.index, body)
    total = sum(value * weight for value, weight in zip(values, _CREDIT_WEIGHTS, strict=True))
    return body + _CREDIT_ALPHABET[-total % 31]


def lei(dice: Dice) -> str:
    """A legal entity identifier (ISO 17442) of issuer 9999, which does not exist."""
    body = "999900" + dice.letters(12, _ENTITY_ALPHABET)
    return body + f"{98 - _remainder97(body + '00'):02}"


def _remainder97(text: str) -> int:
    """ISO 7064 MOD 97-10: letters count as two digits, A = 10 to Z = 35."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def card_number(dice: Dice, prefix: str, length: int) -> str:
    """A card number with its Luhn digit; prefixes 620000 and 400000 are kept for tests."""
    return with_luhn(prefix + dice.digits(length - len(prefix) - 1))


def with_luhn(body: str) -> str:
    """The digits with their Luhn digit behind."""
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def iban(dice: Dice, country: str) -> str:
    """An IBAN (ISO 13616) of a bank code that no bank holds, with the national check digits."""
    bban = _BBANS[country](dice)
    return f"{country}{98 - _remainder97(f'{bban}{country}00'):02}{bban}"


def _belgian(dice: Dice) -> str:
    body = "999" + dice.digits(7)
    return body + f"{int(body) % 97 or 97:02}"


def _spanish(dice: Dice) -> str:
    def check(digits: str) -> str:
        weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
        total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
        return "01987654321"[total % 11]

    bank, account = "9999" + dice.digits(4), dice.digits(10)
    return bank + check("00" + bank) + check(account) + account


def _french(dice: Dice) -> str:
    bank, office, account = "99999", dice.digits(5), dice.digits(11)
    key = 97 - (89 * int(bank) + 15 * int(office) + 3 * int(account)) % 97
    return f"{bank}{office}{account}{key:02}"


def _italian(dice: Dice) -> str:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    body = "99999" + dice.digits(5) + dice.digits(12)
    total = sum(
        odd[int(digit)] if position % 2 == 0 else int(digit) for position, digit in enumerate(body)
    )
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[total % 26] + body


def _dutch(dice: Dice) -> str:
    # The eleven test: digits weighted 10 down to 1 add up to a multiple of 11.
    while True:
        body = "9" + dice.digits(8)
        total = sum(
            int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True)
        )
        if -total % 11 < 10:
            return f"RVLT{body}{-total % 11}"


def _polish(dice: Dice) -> str:
    bank = "999" + dice.digits(4)
    weights = (3, 9, 7, 1, 3, 9, 7)
    total = sum(int(digit) * weight for digit, weight in zip(bank, weights, strict=True))
    return f"{bank}{-total % 10}{dice.digits(16)}"


_BBANS: dict[str, Callable[[Dice], str]] = {
    "AT": lambda dice: "99999" + dice.digits(11),
    "BE": _belgian,
    "CH": lambda dice: "99999" + dice.digits(12),
    "DE": lambda dice: "99999999" + dice.digits(10),
    "ES": _spanish,
    "FR": _french,
    "GB": lambda dice: "RVLT000000" + dice.digits(8),
    "IE": lambda dice: "RVLT999999" + dice.digits(8),
    "IT": _italian,
    "NL": _dutch,
    "PL": _polish,
    "SE": lambda dice: "999" + dice.digits(17),
}
IBAN_COUNTRIES = tuple(_BBANS)
