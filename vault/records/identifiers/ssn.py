"""Social security numbers of the United States: nine digits, with or without their two hyphens.

There is no check digit. Area 000, 666 and 900 to 999, group 00 and serial 0000 are never assigned
(Social Security Administration, randomisation rules of 2011-06-25).
"""

import re

from vault.records.reasons import Reason

_SHAPE = re.compile(r"([0-9]{3})-([0-9]{2})-([0-9]{4})|([0-9]{3})([0-9]{2})([0-9]{4})")


def problem(number: str) -> Reason | None:
    """Return why the text is not a social security number."""
    match = _SHAPE.fullmatch(number)
    if match is None:
        return Reason.FORMAT
    area, group, serial = (part for part in match.groups() if part is not None)
    if area in ("000", "666") or area >= "900" or group == "00" or serial == "0000":
        return Reason.OUT_OF_RANGE
    return None
