"""The ways of masking: each makes a function from a value to what is shown of it.

Every such function is total: it answers for any text, whether validation would have let it in or
not. What it shows of a masked value is marked by at least two stars, so that validation knows the
mask when it is written back. The stars are of a fixed number and tell no length.
"""

from collections.abc import Callable
from datetime import date

from vault.records.customer import Address
from vault.records.enums import MaskState
from vault.records.identifiers import phone
from vault.records.masks.family_names import family_name
from vault.records.views import ABSENT, WITHHELD, MaskedValue

TextMask = Callable[[str], MaskedValue]
AddressMask = Callable[[Address], MaskedValue]
BirthMask = Callable[[date | None, date], MaskedValue]

# Below this many digits of a national number behind its first and last, nothing is shown.
_HIDDEN_DIGITS = 3


def clear(value: str) -> MaskedValue:
    """Show the whole value."""
    return MaskedValue(MaskState.CLEAR, value) if value else ABSENT


def withheld(value: str) -> MaskedValue:
    """Show nothing but that there is a value."""
    return WITHHELD if value else ABSENT


def edges(first: int, last: int, hidden: int) -> TextMask:
    """Show the first and last characters where at least `hidden` others stay hidden."""
    shortest = first + last + hidden

    def mask(value: str) -> MaskedValue:
        if not value:
            return ABSENT
        if len(value) < shortest:
            return WITHHELD
        end = value[len(value) - last :]
        return MaskedValue(MaskState.MASKED, f"{value[:first]}****{end}")

    return mask


def name(value: str) -> MaskedValue:
    """Show a Chinese family name, or the initials of the first and last word of another name."""
    if not value:
        return ABSENT
    if is_han(value[0]):
        if len(value) == 1:
            return WITHHELD
        return MaskedValue(MaskState.MASKED, family_name(value) + "**")
    # A word of one letter is its own initial, so it would be shown whole.
    words = [word for word in value.split() if len(word) > 1 and word[0].isalnum()]
    if not words:
        return WITHHELD
    ends = words if len(words) == 1 else (words[0], words[-1])
    return MaskedValue(MaskState.MASKED, " ".join(word[0] + "***" for word in ends))


def phones(first: int, last: int, other_last: int) -> TextMask:
    """Show the country code, and of a mobile the first and last digits, of others the last."""

    def mask(value: str) -> MaskedValue:
        if not value:
            return ABSENT
        parts = phone.split(value)
        if parts is None:
            return WITHHELD
        digits = parts.national
        if parts.mobile and len(digits) >= first + last + _HIDDEN_DIGITS:
            shown = f"{digits[:first]}****{digits[len(digits) - last :]}"
        elif len(digits) >= other_last + _HIDDEN_DIGITS:
            shown = f"****{digits[len(digits) - other_last :]}"
        else:
            return WITHHELD
        return MaskedValue(MaskState.MASKED, f"+{parts.country_code} {shown}")

    return mask


def email(first: int) -> TextMask:
    """Show the first characters and the domain; no character where there are no more."""

    def mask(value: str) -> MaskedValue:
        if not value:
            return ABSENT
        local, _, domain = value.rpartition("@")
        if not local or not domain:
            return WITHHELD
        shown = local[:first] if len(local) > first else ""
        return MaskedValue(MaskState.MASKED, f"{shown}***@{domain}")

    return mask


def area(address: Address) -> MaskedValue:
    """Show region, city and district; the rest of an address is hidden."""
    parts: list[str] = []
    for part in (address.region, address.city, address.district):
        # 北京市 is region and city at once.
        if part and part not in parts:
            parts.append(part)
    if not parts:
        return WITHHELD
    if any(map(is_han, parts[0])):
        return MaskedValue(MaskState.MASKED, "".join(parts) + "***")
    return MaskedValue(MaskState.MASKED, ", ".join(parts) + ", ***")


def whole_address(address: Address) -> MaskedValue:
    """Show an address whole, largest part first."""
    parts = (address.region, address.city, address.district, address.street, address.postal_code)
    return clear(", ".join(part for part in parts if part))


def no_address(address: Address) -> MaskedValue:
    """Show nothing of an address."""
    return WITHHELD


def age_band(years: int, top: int) -> BirthMask:
    """Show an age as `30-39`, and as `90+` from `top` on."""

    def mask(born: date | None, today: date) -> MaskedValue:
        if born is None:
            return ABSENT
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if age < 0:
            return WITHHELD
        if age >= top:
            return MaskedValue(MaskState.MASKED, f"{top}+")
        low = age - age % years
        return MaskedValue(MaskState.MASKED, f"{low}-{min(low + years, top) - 1}")

    return mask


def no_birth(born: date | None, today: date) -> MaskedValue:
    """Show nothing of an age."""
    return ABSENT if born is None else WITHHELD


def is_han(letter: str) -> bool:
    """Tell whether a character is a Chinese ideograph."""
    return (
        "\u3400" <= letter <= "\u9fff"
        or "\uf900" <= letter <= "\ufaff"
        or "\U00020000" <= letter <= "\U0003ffff"
    )
