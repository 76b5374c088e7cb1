"""What of a file falls due: documents that end, reviews by risk class, dormant relationships."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.records.customer import Customer, IdentityElement
from vault.records.document import IdentityDocument
from vault.records.enums import RiskClass
from vault.rules.completeness import values_at
from vault.rules.reading import RulesInvalid, read_folder

DEFAULT_CURRENCY: Final = Path(__file__).parent / "data" / "currency"
ELEMENT_DOCUMENTS: Final = (
    "natural_person.identity",
    "sole_trader.person.identity",
    "sole_trader.business_licence",
    "legal_entity.establishing_document",
    "legal_entity.legal_representative.identity",
    "legal_entity.controllers.identity",
    "legal_entity.beneficial_owners.identity",
    "legal_entity.agents.identity",
)
"""Where a customer's file states the validity of documents."""


class DueKind(StrEnum):
    """What falls due."""

    DOCUMENT_EXPIRY = "DOCUMENT_EXPIRY"
    REVIEW = "REVIEW"
    DORMANT = "DORMANT"
    SUBJECT_REQUEST = "SUBJECT_REQUEST"
    """The customer has asked about his own data, and is to be answered."""
    CUSTODIAN_LEFT = "CUSTODIAN_LEFT"
    """Nobody keeps the file who may: it is to be handed over at once."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """What falls due on a day: of a document, `path` is where the file states it, or
    `documents/{id}`; of a request `subjectRequests/{id}`; "" otherwise. `since` is when it came up
    where that is not with the file, in microseconds since the epoch; 0 otherwise."""

    day: date
    kind: DueKind
    path: str = ""
    since: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class CurrencyRules:
    """Months from one review to the next by risk class, and after which without a booking a
    relationship is dormant."""

    review_months: Mapping[RiskClass, int]
    dormant_months: int


def due_items(
    customer: Customer,
    documents: Mapping[str, IdentityDocument],
    rules: CurrencyRules,
    *,
    recorded_on: date,
    last_booking: date | None,
) -> tuple[Due, ...]:
    """All that falls due of a file, the earliest first; nothing where the relationship has ended.

    `documents` by their id; `recorded_on` is the day of the file's first version, on which the
    first period begins if nothing else says so.
    """
    relationship = customer.relationship
    if relationship is not None and relationship.end_date is not None:
        return ()
    found = [*_elements(customer), *_documents(documents)]
    found.append(Due(review_due(customer, rules, recorded_on), DueKind.REVIEW))
    began = relationship.start_date if relationship is not None else None
    alive = max(filter(None, (last_booking, began)), default=recorded_on)
    if customer.accounts:
        found.append(Due(add_months(alive, rules.dormant_months), DueKind.DORMANT))
    return tuple(sorted(set(found)))


def review_due(customer: Customer, rules: CurrencyRules, recorded_on: date) -> date:
    """The day of the next review: the one that was set, else a period of the risk class after the
    latest verification of an element, the start of the relationship, or `recorded_on`."""
    relationship = customer.relationship
    if relationship is not None and relationship.review_date is not None:
        return relationship.review_date
    verified = [one.verify_time.date() for one in customer.sources if one.verify_time is not None]
    began = relationship.start_date if relationship is not None else None
    base = max(verified, default=began or recorded_on)
    return add_months(base, rules.review_months[customer.risk_class])


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month; never beyond the calendar."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def latest_of_kind(documents: Mapping[str, IdentityDocument]) -> dict[str, IdentityDocument]:
    """Of several documents of one kind and country the one that is valid longest: the others have
    been replaced by it."""
    best: dict[tuple[str, str], str] = {}
    for name in sorted(documents):
        one = documents[name]
        key = (one.kind, one.issuing_country)
        if key not in best or _until(one) > _until(documents[best[key]]):
            best[key] = name
    return {name: documents[name] for name in sorted(best.values())}


def _until(document: IdentityDocument) -> date:
    if document.long_term or document.expiry_date is None:
        return date.max
    return document.expiry_date


def _elements(customer: Customer) -> Iterator[Due]:
    for path in ELEMENT_DOCUMENTS:
        for one in values_at(customer, path):
            if isinstance(one, IdentityElement) and one.expiry_date is not None:
                yield Due(one.expiry_date, DueKind.DOCUMENT_EXPIRY, path)


def _documents(documents: Mapping[str, IdentityDocument]) -> Iterator[Due]:
    for name, one in latest_of_kind(documents).items():
        if one.expiry_date is not None:
            yield Due(one.expiry_date, DueKind.DOCUMENT_EXPIRY, f"documents/{name}")


_Months = Annotated[int, msgspec.Meta(ge=1, le=1_200)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class _Dormant(msgspec.Struct, forbid_unknown_fields=True):
    months: _Months


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    source: _Text
    article: _Text
    checked: bool
    review_months: dict[RiskClass, _Months]
    dormant: _Dormant


def read_currency(folder: Path = DEFAULT_CURRENCY) -> CurrencyRules:
    """The rules of a folder: of several files, the shortest period of each. Raises
    RulesInvalid."""
    made = [one for _, one in read_folder(folder, _File)]
    for one in made:
        if set(one.review_months) != set(RiskClass):
            raise RulesInvalid(f"{one.name}: review_months needs every risk class")
    if not made:
        raise RulesInvalid(f"{folder.name}: there is no rule of when files are reviewed")
    return CurrencyRules(
        {risk: min(one.review_months[risk] for one in made) for risk in RiskClass},
        min(one.dormant.months for one in made),
    )


def until(items: Sequence[Due], day: date) -> tuple[Due, ...]:
    """Those that fall due by a day."""
    return tuple(one for one in items if one.day <= day)
