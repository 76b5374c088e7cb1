"""Unified social credit codes (GB 32100-2015, 统一社会信用代码).

Eighteen characters of 0-9 and A-Z without I, O, S, V and Z: registering authority, category, six
digits of the region, nine characters of the organisation code (GB 11714) and a check character,
weights 3^i mod 31. The modulus is prime, so every single wrong character and every exchange of two
is caught. The organisation code's own check character is not looked at: it adds nothing to that.
"""

from vault.records.reasons import Reason

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, power, 31) for power in range(17))


def check_character(first17: str) -> str:
    """Return the check character of the first seventeen. Raises KeyError for other letters."""
    total = sum(_VALUES[x] * weight for x, weight in zip(first17, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def problem(code: str) -> Reason | None:
    """Return why the text is not a unified social credit code."""
    if len(code) != 18:
        return Reason.LENGTH
    if any(letter not in _VALUES for letter in code):
        return Reason.CHARACTERS
    if not code[2:8].isdigit():
        return Reason.CHARACTERS
    if check_character(code[:17]) != code[17]:
        return Reason.CHECK_DIGIT
    return None
