"""Legal entity identifiers (ISO 17442-1): 18 characters and two check digits, MOD 97-10."""

import re

from vault.records.identifiers.mod97 import remainder
from vault.records.reasons import Reason

_SHAPE = re.compile(r"[0-9A-Z]{18}[0-9]{2}")


def problem(code: str) -> Reason | None:
    """Return why the text is not a legal entity identifier."""
    if len(code) != 20:
        return Reason.LENGTH
    if _SHAPE.fullmatch(code) is None:
        return Reason.CHARACTERS
    # 00, 01 and 99 would pass the sum in place of 97, 98 and 02, which are the ones computed.
    if not "02" <= code[18:] <= "98" or remainder(code) != 1:
        return Reason.CHECK_DIGIT
    return None
