"""Where a document that was presented says otherwise than the element of the file: by path, and
without either value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vault.records.customer import Customer, IdentityElement
from vault.records.document import IdentityDocument
from vault.records.index_terms import IndexKind, normalise
from vault.rules.currency import latest_of_kind


class Differs(StrEnum):
    """What differs."""

    NUMBER = "NUMBER"
    NAME = "NAME"
    EXPIRY = "EXPIRY"


@dataclass(frozen=True, slots=True, order=True)
class Conflict:
    """An element of the file at `path` and the document `documents/{id}` that contradicts it."""

    path: str
    document: str
    differs: Differs


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a file states of a document, and of its holder's name."""

    path: str
    element: IdentityElement
    names: tuple[tuple[str, str], ...]


_NO_NAMES: Final[tuple[tuple[str, str], ...]] = ()


def conflicts(
    customer: Customer, documents: Mapping[str, IdentityDocument]
) -> tuple[Conflict, ...]:
    """All conflicts, in order. Compared with an element is the document of its number, else the
    one of its kind and country that is valid longest: another number is a conflict then."""
    found: list[Conflict] = []
    for stated in _stated(customer):
        found += _against(stated, documents)
    return tuple(sorted(found))


def _against(stated: _Stated, documents: Mapping[str, IdentityDocument]) -> Iterator[Conflict]:
    element = stated.element
    same = {
        name: one
        for name, one in documents.items()
        if one.kind is element.kind
        and (not element.issuing_country or one.issuing_country == element.issuing_country)
    }
    number = _number(element.number)
    named = {name: one for name, one in same.items() if _number(one.number) == number}
    for name, one in latest_of_kind(named or same).items():
        record = f"documents/{name}"
        if not named:
            yield Conflict(f"{stated.path}.number", record, Differs.NUMBER)
            continue
        if (element.expiry_date, element.long_term) != (one.expiry_date, one.long_term) and (
            element.expiry_date is not None or element.long_term
        ):
            yield Conflict(f"{stated.path}.expiry_date", record, Differs.EXPIRY)
        held = _name(one.holder_name)
        names = [(path, _name(text)) for path, text in stated.names if text]
        if held and names and all(text != held for _, text in names):
            yield Conflict(names[0][0], record, Differs.NAME)


def _stated(customer: Customer) -> Iterator[_Stated]:
    person, trader, entity = customer.natural_person, customer.sole_trader, customer.legal_entity
    trading = trader.person if trader is not None else None
    for path, one in (("natural_person", person), ("sole_trader.person", trading)):
        if one is not None and one.identity is not None:
            names = ((f"{path}.full_name", one.full_name), (f"{path}.latin_name", one.latin_name))
            yield _Stated(f"{path}.identity", one.identity, names)
    if trader is not None and trader.business_licence is not None:
        yield _Stated("sole_trader.business_licence", trader.business_licence, _NO_NAMES)
    if entity is not None and entity.establishing_document is not None:
        yield _Stated(
            "legal_entity.establishing_document",
            entity.establishing_document,
            (("legal_entity.full_name", entity.full_name),),
        )


def _number(text: str) -> str:
    return normalise(IndexKind.IDENTITY, text)


def _name(text: str) -> str:
    """Names on machine-readable documents are in capitals, and in either order."""
    return " ".join(sorted(normalise(IndexKind.NAME, text).replace(",", " ").split()))
