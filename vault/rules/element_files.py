"""Reads element sets: TOML, one file a version of one law, as those under `data/elements/`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.records.element_paths import ELEMENT_PATHS
from vault.records.enums import AddressKind, CustomerKind
from vault.rules.completeness import ElementBook, ElementRule, ElementSet
from vault.rules.reading import RulesInvalid, read_folder

DEFAULT_ELEMENTS: Final = Path(__file__).parent / "data" / "elements"

_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
_Where = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class _Element(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    paths: Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)]
    validity: bool = False
    verified: bool = False
    address_kinds: list[AddressKind] = []
    from_age: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    born: str = ""
    country: str = ""
    countries: list[_Where] = []
    if_any: str = ""


class _Set(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    jurisdictions: Annotated[list[_Where], msgspec.Meta(min_length=1, max_length=300)]
    customers: Annotated[list[CustomerKind], msgspec.Meta(min_length=1)]
    effective_from: date
    source: _Text
    article: _Text
    checked: bool
    element: Annotated[list[_Element], msgspec.Meta(min_length=1, max_length=200)]
    effective_until: date | None = None


def read_elements(folder: Path = DEFAULT_ELEMENTS) -> ElementBook:
    """All element sets of a folder. Raises RulesInvalid, which names the file."""
    found = []
    for name, made in read_folder(folder, _Set):
        names = [one.name for one in made.element]
        if len(set(names)) < len(names):
            raise RulesInvalid(f"{name}: two elements have the same name")
        for one in made.element:
            for path in (*one.paths, one.born, one.country, one.if_any):
                if path and path not in ELEMENT_PATHS:
                    raise RulesInvalid(f"{name}: {one.name}: no customer has {path}")
        found.append(_set(made))
    if not found:
        raise RulesInvalid(f"{folder}: there is no set of elements, so that every file is complete")
    try:
        return ElementBook(found)
    except ValueError as problem:
        raise RulesInvalid(str(problem)) from None


def _set(made: _Set) -> ElementSet:
    return ElementSet(
        made.name,
        made.version,
        frozenset(made.jurisdictions),
        frozenset(made.customers),
        made.effective_from,
        made.effective_until,
        made.source,
        made.article,
        made.checked,
        tuple(
            ElementRule(
                one.name,
                tuple(one.paths),
                one.validity,
                one.verified,
                frozenset(one.address_kinds),
                one.from_age,
                one.born,
                one.country,
                frozenset(one.countries),
                one.if_any,
            )
            for one in made.element
        ),
    )
