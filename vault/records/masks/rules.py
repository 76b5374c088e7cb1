"""Masks as data: a TOML text with a rule for each kind of value, read into functions.

A rule set is complete and knows no other keys: a kind that is left out or misspelt does not fall
back to anything, it is refused.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any

from vault.records.masks import functions
from vault.records.masks.functions import AddressMask, BirthMask, TextMask


class MasksInvalid(ValueError):
    """A rule set does not say, or says wrongly, how a kind of value is masked."""


@dataclass(frozen=True, slots=True)
class MaskRules:
    """How each kind of value is shown. `version` names the rule set."""

    version: str
    person_name: TextMask
    entity_name: TextMask
    party_name: TextMask
    resident_id: TextMask
    document_number: TextMask
    card: TextMask
    account: TextMask
    phone: TextMask
    email: TextMask
    address: AddressMask
    birth_date: BirthMask
    sex: TextMask
    country: TextMask
    occupation: TextMask
    customer_number: TextMask
    issuer: TextMask
    machine_readable_zone: TextMask
    amount: TextMask
    institution: TextMask
    reference: TextMask
    remittance_text: TextMask
    device: TextMask


_SHOWS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "clear": ((), lambda: functions.clear),
    "withheld": ((), lambda: functions.withheld),
    "edges": (("first", "last", "hidden"), functions.edges),
    "name": ((), lambda: functions.name),
    "phone": (("first", "last", "other_last"), functions.phones),
    "email": (("first",), functions.email),
}
_ADDRESS_SHOWS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "clear": ((), lambda: functions.whole_address),
    "withheld": ((), lambda: functions.no_address),
    "area": ((), lambda: functions.area),
}
_BIRTH_SHOWS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "withheld": ((), lambda: functions.no_birth),
    "age_band": (("years", "top"), functions.age_band),
}
_SHOWS_OF = {"address": _ADDRESS_SHOWS, "birth_date": _BIRTH_SHOWS}


def load_masks(text: str) -> MaskRules:
    """Read a rule set. Raises MasksInvalid with what to mend."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MasksInvalid(f"not TOML: {error}") from error
    wanted = {field.name for field in fields(MaskRules)}
    if data.keys() != wanted:
        missing = ", ".join(sorted(wanted - data.keys())) or "none"
        unknown = ", ".join(sorted(data.keys() - wanted)) or "none"
        raise MasksInvalid(f"kinds missing: {missing}; kinds unknown: {unknown}")
    version = data.pop("version")
    if not isinstance(version, str):
        raise MasksInvalid("version: must be a text")
    masks = {kind: _rule(kind, rule) for kind, rule in data.items()}
    return MaskRules(version=version, **masks)


def _rule(kind: str, rule: object) -> Any:
    if not isinstance(rule, dict):
        raise MasksInvalid(f"{kind}: must be a table with `show`")
    shows = _SHOWS_OF.get(kind, _SHOWS)
    numbers = dict(rule)
    found = shows.get(numbers.pop("show", ""))
    if found is None:
        raise MasksInvalid(f"{kind}: show must be one of {', '.join(sorted(shows))}")
    names, make = found
    if set(numbers) != set(names):
        raise MasksInvalid(f"{kind}: takes show and {', '.join(names) or 'nothing else'}")
    for name, number in numbers.items():
        if type(number) is not int or number < (1 if name in ("hidden", "years", "top") else 0):
            raise MasksInvalid(f"{kind}.{name}: must be a whole number, not too small")
    return make(**numbers)


DEFAULT_MASKS = load_masks(
    resources.files("vault.records.masks").joinpath("default.toml").read_text("utf-8")
)
"""The rule set that the vault comes with, `default.toml`."""
