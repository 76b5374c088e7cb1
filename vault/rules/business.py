"""What is not done without elements of a file: rules that are data, some refuse and some warn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.records.customer import Customer
from vault.records.enums import CustomerKind
from vault.rules.completeness import Completeness, State
from vault.rules.reading import RulesInvalid, read_folder

DEFAULT_BUSINESS: Final = Path(__file__).parent / "data" / "business"


class When(StrEnum):
    """When a rule is about a file."""

    ALWAYS = "always"
    ACCOUNT = "account"
    """When it has accounts."""


class Effect(StrEnum):
    """What a broken rule does."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class BusinessRule:
    """A rule; of no `elements` it is about all that the customer has."""

    name: str
    when: When
    customers: frozenset[CustomerKind]
    elements: frozenset[str]
    states: frozenset[State]
    effect: Effect


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a file breaks, and by which elements."""

    rule: str
    effect: Effect
    elements: tuple[str, ...]


def concerns(rule: BusinessRule, customer: Customer) -> bool:
    """Whether a rule is about a file."""
    if customer.kind not in rule.customers:
        return False
    return rule.when is not When.ACCOUNT or bool(customer.accounts)


def broken(
    rules: Iterable[BusinessRule], customer: Customer, found: Completeness
) -> tuple[Broken, ...]:
    """The rules that a file breaks, in their order."""
    out = []
    for rule in rules:
        if not concerns(rule, customer):
            continue
        elements = tuple(
            one.name
            for one in found.elements
            if one.state in rule.states and (not rule.elements or one.name in rule.elements)
        )
        if elements:
            out.append(Broken(rule.name, rule.effect, elements))
    return tuple(out)


_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,59}$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    when: When
    customers: Annotated[list[CustomerKind], msgspec.Meta(min_length=1)]
    elements: list[_Word]
    states: Annotated[list[State], msgspec.Meta(min_length=1)]
    effect: Effect
    source: _Text
    article: _Text
    checked: bool


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    rule: Annotated[list[_Rule], msgspec.Meta(max_length=200)] = []


def read_business(folder: Path = DEFAULT_BUSINESS) -> tuple[BusinessRule, ...]:
    """The rules of all files of a folder. Raises RulesInvalid, which names the file."""
    out: list[BusinessRule] = []
    for name, made in read_folder(folder, _File):
        for one in made.rule:
            if any(before.name == one.name for before in out):
                raise RulesInvalid(f"{name}: two rules are called {one.name}")
            out.append(
                BusinessRule(
                    one.name,
                    one.when,
                    frozenset(one.customers),
                    frozenset(one.elements),
                    frozenset(one.states),
                    one.effect,
                )
            )
    return tuple(out)
