"""International bank account numbers (ISO 13616-1, check digits by ISO 7064 MOD 97-10).

The length and form of each country's numbers come from SWIFT's IBAN registry as python-stdnum
carries it (`iban.dat`). Check digits that a country hides inside its own part are left to it.
"""

import re
from functools import lru_cache

from stdnum import numdb

from vault.records.identifiers.mod97 import remainder
from vault.records.reasons import Reason

_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_PART = re.compile(r"([1-9][0-9]*)!([nac])")
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}


def problem(number: str) -> Reason | None:
    """Return why the text is not an IBAN in its electronic form."""
    if _SHAPE.fullmatch(number) is None:
        if not 15 <= len(number) <= 34:
            return Reason.LENGTH
        return Reason.CHARACTERS
    form = _bban(number[:2])
    if form is None:
        return Reason.COUNTRY
    if form.fullmatch(number, 4) is None:
        return Reason.FORMAT
    # 00, 01 and 99 would pass the sum in place of 97, 98 and 02, which are the ones computed.
    if not "02" <= number[2:4] <= "98" or remainder(number[4:] + number[:4]) != 1:
        return Reason.CHECK_DIGIT
    return None


def looks_like_iban(text: str) -> bool:
    """Tell whether the text has the shape of an IBAN of a country that issues them."""
    return _SHAPE.fullmatch(text) is not None and _bban(text[:2]) is not None


@lru_cache(maxsize=26 * 26)
def _bban(country: str) -> re.Pattern[str] | None:
    """Return the form of a country's own part, or None where the registry has no such country."""
    found = numdb.get("iban").info(country)
    structure = found[0][1].get("bban") if found else None
    if structure is None:
        return None
    return re.compile(_PART.sub(lambda part: f"{_CLASSES[part[2]]}{{{part[1]}}}", structure))
