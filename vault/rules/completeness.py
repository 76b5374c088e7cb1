"""Whether a customer's file has what the law asks for: each statutory element with its state.

Rule sets say which elements a kind of customer has in a jurisdiction (`data/elements/`). Every set
that applies holds; of several versions of one set, the one that came into force last. An element
that several sets name is judged by each of them, and stands as the worst of what they find.

    PRESENT          it is there, not past its validity, and verified where that is asked for
    UNVERIFIED       it is there, and nobody is named who verified it
    EXPIRED          its document is no longer valid
    MISSING          it is not there; of a document, its validity is not stated either
    NOT_APPLICABLE   it is not asked of this customer, for a reason that is given
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from vault.records.customer import Address, Customer, IdentityElement
from vault.records.element_paths import covers
from vault.records.enums import CustomerKind
from vault.rules.newest import in_force

EVERYWHERE = "*"


class State(StrEnum):
    """How an element stands, the better first."""

    NOT_APPLICABLE = "NOT_APPLICABLE"
    PRESENT = "PRESENT"
    UNVERIFIED = "UNVERIFIED"
    EXPIRED = "EXPIRED"
    MISSING = "MISSING"


_RANK = {state: place for place, state in enumerate(State)}


class WhyNot(StrEnum):
    """Why an element is not asked of a customer."""

    UNDER_AGE = "UNDER_AGE"
    OTHER_COUNTRY = "OTHER_COUNTRY"
    NOBODY_APPOINTED = "NOBODY_APPOINTED"


@dataclass(frozen=True, slots=True)
class ElementRule:
    """An element, found at any of its paths. With `validity` they are of identity documents, which
    must be valid. `from_age` (years, by the date at `born`), `countries` (of the code at `country`)
    and `if_any` (a list) say of whom it is asked; `verified`, that somebody must have verified it.
    """

    name: str
    paths: tuple[str, ...]
    validity: bool = False
    verified: bool = False
    address_kinds: frozenset[str] = frozenset()
    from_age: int = 0
    born: str = ""
    country: str = ""
    countries: frozenset[str] = frozenset()
    if_any: str = ""


@dataclass(frozen=True, slots=True)
class ElementSet:
    """The elements of some kinds of customers in some jurisdictions, by one law."""

    name: str
    version: int
    jurisdictions: frozenset[str]
    customers: frozenset[CustomerKind]
    effective_from: date
    effective_until: date | None
    source: str
    article: str
    checked: bool
    elements: tuple[ElementRule, ...]

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class ElementState:
    """How an element of a customer stands. `expiry` is the last day of validity where there is one;
    `rule_set` is the one that decided."""

    name: str
    state: State
    rule_set: str
    paths: tuple[str, ...]
    why_not: WhyNot | None = None
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class Completeness:
    """All elements of a customer, in the order of their sets."""

    elements: tuple[ElementState, ...]

    def named(self, *states: State) -> tuple[str, ...]:
        """Names of the elements that stand so."""
        return tuple(one.name for one in self.elements if one.state in states)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, expired or unverified."""
        return not self.named(State.MISSING, State.EXPIRED, State.UNVERIFIED)


class ElementBook:
    """All element sets. Immutable."""

    def __init__(self, sets: Iterable[ElementSet]) -> None:
        """Raises ValueError for two versions of one set that are the same version."""
        self.sets = tuple(sorted(sets, key=lambda one: (one.name, one.version)))
        labels = [one.label for one in self.sets]
        if len(set(labels)) < len(labels):
            raise ValueError("two element sets have the same name and version")

    def applying(
        self, kind: CustomerKind, jurisdictions: frozenset[str], day: date
    ) -> tuple[ElementSet, ...]:
        """The sets in force on a day for a kind of customer, in order of name."""
        return tuple(
            one
            for one in in_force(self.sets, day)
            if kind in one.customers
            and (EVERYWHERE in one.jurisdictions or one.jurisdictions & jurisdictions)
        )

    def evaluate(
        self,
        customer: Customer,
        jurisdictions: frozenset[str],
        day: date,
        only: frozenset[str] | None = None,
    ) -> Completeness:
        """How a customer's elements stand on a day; with `only`, those of these names.
        `jurisdictions` are the institution's own, which hold where the file names none."""
        named = customer.relationship.jurisdictions if customer.relationship is not None else ()
        where = frozenset(named) or jurisdictions
        verified = tuple(one.path for one in customer.sources if one.verified_by)
        found: dict[str, ElementState] = {}
        for one in self.applying(customer.kind, where, day):
            for rule in one.elements:
                if only is not None and rule.name not in only:
                    continue
                state = _judge(customer, rule, one.label, verified, day)
                before = found.get(rule.name)
                if before is None or _RANK[state.state] > _RANK[before.state]:
                    found[rule.name] = state
        return Completeness(tuple(found.values()))


def values_at(customer: Customer, path: str) -> Iterator[object]:
    """What stands at a path, each entry of a list by itself; absent values are passed over."""
    yield from _values(customer, path.split("."))


def _values(value: object, names: list[str]) -> Iterator[object]:
    if isinstance(value, tuple):
        for one in value:
            yield from _values(one, names)
    elif not names:
        if value and value != "UNSPECIFIED":
            yield value
    elif value is not None:
        yield from _values(getattr(value, names[0]), names[1:])


def _judge(
    customer: Customer, rule: ElementRule, label: str, verified: tuple[str, ...], day: date
) -> ElementState:
    why_not = _why_not(customer, rule, day)
    if why_not is not None:
        return ElementState(rule.name, State.NOT_APPLICABLE, label, rule.paths, why_not)
    expiry = None
    if rule.validity:
        state, expiry = _validity(customer, rule, day)
    else:
        state = State.PRESENT if _present(customer, rule) else State.MISSING
    if state is State.PRESENT and rule.verified and not _is_verified(customer, rule, verified):
        state = State.UNVERIFIED
    return ElementState(rule.name, state, label, rule.paths, None, expiry)


def _why_not(customer: Customer, rule: ElementRule, day: date) -> WhyNot | None:
    if rule.from_age and rule.born:
        for born in values_at(customer, rule.born):
            if isinstance(born, date) and _age(born, day) < rule.from_age:
                return WhyNot.UNDER_AGE
    if rule.countries and rule.country:
        codes = set(values_at(customer, rule.country))
        if codes and not codes & rule.countries:
            return WhyNot.OTHER_COUNTRY
    if rule.if_any and not any(True for _ in values_at(customer, rule.if_any)):
        return WhyNot.NOBODY_APPOINTED
    return None


def _present(customer: Customer, rule: ElementRule) -> bool:
    for path in rule.paths:
        for value in values_at(customer, path):
            if not rule.address_kinds:
                return True
            if isinstance(value, Address) and value.kind in rule.address_kinds:
                return True
    return False


def _validity(customer: Customer, rule: ElementRule, day: date) -> tuple[State, date | None]:
    """Of the documents at the paths, each has to be valid; the one that ends first is told."""
    documents = [
        value
        for path in rule.paths
        for value in values_at(customer, path)
        if isinstance(value, IdentityElement)
    ]
    # As many as there are persons: one without a document has no validity.
    owners = sum(1 for _ in values_at(customer, rule.if_any)) if rule.if_any else 1
    expiries = [one.expiry_date for one in documents if one.expiry_date is not None]
    first = min(expiries, default=None)
    if first is not None and first < day:
        return State.EXPIRED, first
    stated = all(one.long_term or one.expiry_date is not None for one in documents)
    if len(documents) < owners or not stated:
        return State.MISSING, first
    return State.PRESENT, first


def _is_verified(customer: Customer, rule: ElementRule, verified: tuple[str, ...]) -> bool:
    """Of some path at which the element stands, somebody verified the source."""
    return any(
        covers(source, path)
        for path in rule.paths
        if any(True for _ in values_at(customer, path))
        for source in verified
    )


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
