"""Business identifier codes (ISO 9362:2022): party prefix, country, suffix and perhaps branch.

Four characters, an ISO 3166-1 country (or XK, Kosovo), two characters and none or three. There is
no check digit. Codes are no personal data, so the answers are cached.
"""

import re
from functools import lru_cache

from vault.records.identifiers import country
from vault.records.reasons import Reason

_SHAPE = re.compile(r"[0-9A-Z]{4}[A-Z]{2}[0-9A-Z]{2}(?:[0-9A-Z]{3})?")


def problem(code: str) -> Reason | None:
    """Return why the text is not a business identifier code."""
    # What is longer than a code, and may be anybody's secret, does not get into the cache.
    return _problem(code) if len(code) in (8, 11) else Reason.LENGTH


@lru_cache(maxsize=4096)
def _problem(code: str) -> Reason | None:
    if _SHAPE.fullmatch(code) is None:
        return Reason.CHARACTERS
    return None if country.exists(code[4:6]) else Reason.COUNTRY
