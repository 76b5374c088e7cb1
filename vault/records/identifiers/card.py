"""Payment card numbers (ISO/IEC 7812-1, Luhn's check digit).

A card number among account numbers is told by its length and the issuer ranges of the large
schemes, since accounts of an institution's own are digits too, without that check digit.
"""

from vault.records.reasons import Reason

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def problem(number: str) -> Reason | None:
    """Return why the text is not a card number: 13 to 19 digits (8 to 19 in the standard)."""
    if not (number.isascii() and number.isdigit()):
        return Reason.CHARACTERS
    if not 13 <= len(number) <= 19:
        return Reason.LENGTH
    return None if luhn(number) else Reason.CHECK_DIGIT


def luhn(digits: str) -> bool:
    """Tell whether the last digit is Luhn's check digit (ISO/IEC 7812-1 annex B)."""
    values = [*map(int, reversed(digits))]
    total = sum(values[::2])
    for value in values[1::2]:
        total += _DOUBLED[value]
    return total % 10 == 0


def looks_like_card(text: str) -> bool:
    """Tell whether the text has the length and first digits of a large scheme's cards.

    Visa, Mastercard, American Express, JCB, Discover: the ranges that the schemes publish, at the
    lengths at which they are issued. UnionPay: 62 with 16 to 19 digits.
    """
    length = len(text)
    if not 15 <= length <= 19 or not (text.isascii() and text.isdigit()):
        return False
    first2 = text[:2]
    if first2 == "62":
        return length >= 16
    if length == 15:
        return first2 in ("34", "37")
    if length != 16:
        return False
    if text[0] == "4" or "51" <= first2 <= "55" or first2 == "65":
        return True
    first4 = text[:4]
    return (
        "2221" <= first4 <= "2720"
        or "3528" <= first4 <= "3589"
        or first4 == "6011"
        or "6440" <= first4 <= "6499"
    )
