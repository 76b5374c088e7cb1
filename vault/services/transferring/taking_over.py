"""A record of another vault's as this one keeps it. Pure.

What it says stays; the names in it of the file itself become those that it has here; and what
began on the day of its recording there gets that day in words, since the day of recording here is
another. Names of other files stay in what is history. The version that the institution adds itself
names only files that it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from vault.records import Customer, CustomerName, Relationship, Transaction
from vault.records.customer import RelatedPerson
from vault.records.timeline import begins


@dataclass(frozen=True, slots=True)
class Keeping:
    """Who keeps the file from now on, in which branch, under which of the institution's own
    numbers, and why it came."""

    branch: str
    custodian: str
    customer_number: str
    reason: str


def version_of_customer(there: Customer, recorded: date) -> Customer:
    """A version of before, recorded on a day."""
    return replace(there, valid_from=begins(there, recorded))


def transaction_of(there: Transaction, old: CustomerName, new: CustomerName) -> Transaction:
    """A transaction: what it corrects and reverses, and its vouchers, are of the file here."""

    def renamed(name: str) -> str:
        front = f"{old}/"
        return f"{new}/{name.removeprefix(front)}" if name.startswith(front) else name

    return replace(
        there,
        corrects=renamed(there.corrects),
        reverses=renamed(there.reverses),
        vouchers=tuple(map(renamed, there.vouchers)),
    )


def related_files(customer: Customer) -> dict[str, str]:
    """Names of the files of persons in a file, by where they stand in it."""
    found: dict[str, str] = {}

    def look(person: RelatedPerson, path: str) -> RelatedPerson:
        if person.customer:
            found[path] = person.customer
        return person

    _each_person(customer, look)
    return found


def received(last: Customer, keeping: Keeping, names: Mapping[str, str]) -> Customer:
    """The version that the receiving institution adds to the last one of before. `names` has the
    files that came here too, by their names there; of the others no file is named."""

    def here(person: RelatedPerson, _path: str) -> RelatedPerson:
        return replace(person, customer=names.get(person.customer, ""))

    relationship = replace(last.relationship or Relationship(), custodian=keeping.custodian)
    return replace(
        _each_person(last, here),
        branch=keeping.branch,
        customer_number=keeping.customer_number,
        relationship=relationship,
        change_reason=keeping.reason,
        valid_from=None,
        correction="",
    )


def loses_nothing(there: bytes, here: bytes) -> bool:
    """Whether all that stands in a record's bytes stands in what this release writes of it."""
    return _within(json.loads(there), json.loads(here))


def _within(there: Any, here: Any) -> bool:
    if isinstance(there, dict):
        return isinstance(here, dict) and all(
            name in here and _within(value, here[name]) for name, value in there.items()
        )
    if isinstance(there, list):
        return (
            isinstance(here, list)
            and len(there) == len(here)
            and all(_within(one, other) for one, other in zip(there, here, strict=True))
        )
    return bool(there == here)


def _each_person(
    customer: Customer, change: Callable[[RelatedPerson, str], RelatedPerson]
) -> Customer:
    entity = customer.legal_entity
    if entity is None:
        return customer
    front = "legal_entity"
    lists: dict[str, Any] = {
        name: tuple(
            change(one, f"{front}.{name}[{place}]")
            for place, one in enumerate(getattr(entity, name))
        )
        for name in ("controllers", "beneficial_owners", "agents")
    }
    head = entity.legal_representative
    if head is not None:
        head = change(head, f"{front}.legal_representative")
    return replace(customer, legal_entity=replace(entity, legal_representative=head, **lists))
