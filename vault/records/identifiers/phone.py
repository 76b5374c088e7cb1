"""Telephone numbers (ITU-T E.164): a plus, the country code and the number, 15 digits at most.

Whether a number of that length can exist in its country is libphonenumber's data (through
`phonenumbers`). Its finer question, whether the range is in service, is not asked: ranges are
opened faster than libraries follow. For China its lengths are wide, so mobiles are counted here:
eleven digits from 13 to 19 (工业和信息化部, numbering plan of the telecommunications network).
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

from vault.records.reasons import Reason

_SHAPE = re.compile(r"\+[1-9][0-9]{6,14}")
_CHINESE_MOBILE = re.compile(r"\+861[3-9]")
_CHINESE_MOBILE_LENGTH = len("+8613800138000")


@dataclass(frozen=True, slots=True, repr=False)
class Parts:
    """A telephone number taken apart; `mobile` only where its range is certain to be mobile."""

    country_code: str
    national: str
    mobile: bool


def problem(number: str) -> Reason | None:
    """Return why the text is not a telephone number in E.164 form."""
    if _SHAPE.fullmatch(number) is None:
        return Reason.FORMAT
    if _CHINESE_MOBILE.match(number) is not None and len(number) != _CHINESE_MOBILE_LENGTH:
        return Reason.LENGTH
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return Reason.COUNTRY
    return None if phonenumbers.is_possible_number(parsed) else Reason.LENGTH


def split(number: str) -> Parts | None:
    """Take a number in E.164 form apart, or return None for another text."""
    if _SHAPE.fullmatch(number) is None:
        return None
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    code = str(parsed.country_code)
    mobile = phonenumbers.number_type(parsed) == PhoneNumberType.MOBILE
    # The national part is cut from the text, since the parsed number drops leading zeros.
    return Parts(code, number[1 + len(code) :], mobile)
