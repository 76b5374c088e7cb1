"""Validation of the relationship, of the sources of elements, and of a version's valid time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from vault.records.customer import Customer, ElementSource, Relationship
from vault.records.element_paths import ELEMENT_PATHS
from vault.records.reasons import Reason
from vault.records.validation.fields import check_country, check_text, require
from vault.records.validation.text import Masks
from vault.records.validation.violation import Findings

# Clocks of callers and of the vault differ, and somewhere on earth tomorrow has begun.
_AHEAD = timedelta(days=1)


def check_relationship(found: Findings, relationship: Relationship, today: date) -> None:
    """Days in order and none of the past in the future, codes that exist, lists without doubles."""
    prefix = "relationship."
    start, end = relationship.start_date, relationship.end_date
    if start is not None and start > today + _AHEAD:
        found.add(prefix + "start_date", Reason.IN_FUTURE)
    if end is not None:
        # An end that is still to come would start the clock of retention too early.
        if end > today + _AHEAD:
            found.add(prefix + "end_date", Reason.IN_FUTURE)
        if start is not None and end < start:
            found.add(prefix + "end_date", Reason.DATE_ORDER)
    _list(found, prefix + "jurisdictions", relationship.jurisdictions, 20)
    for place, code in enumerate(relationship.jurisdictions):
        require(found, prefix, f"jurisdictions[{place}]", code)
        check_country(found, prefix, f"jurisdictions[{place}]", code)
    _list(found, prefix + "segments", relationship.segments, 20)
    for place, segment in enumerate(relationship.segments):
        require(found, prefix, f"segments[{place}]", segment)
        check_text(found, prefix, f"segments[{place}]", segment, 64, Masks.FREE)
    check_text(found, prefix, "custodian", relationship.custodian, 100, Masks.FREE)


def check_sources(found: Findings, customer: Customer, today: date) -> None:
    """Each names an element of a customer, and each element has one source. Who verified an
    element and when are stated together, and not of a day to come."""
    if len(customer.sources) > 100:
        found.add("sources", Reason.TOO_MANY)
    seen = set()
    for place, source in enumerate(customer.sources):
        prefix = f"sources[{place}]."
        _source(found, prefix, source, today)
        if source.path in seen:
            found.add(prefix + "path", Reason.DUPLICATE)
        seen.add(source.path)


def check_version(found: Findings, customer: Customer, today: date) -> None:
    """From when on a version is true, and what it corrects."""
    if customer.valid_from is not None and customer.valid_from > today + _AHEAD:
        found.add("valid_from", Reason.IN_FUTURE)
    check_text(found, "", "correction", customer.correction, 500, Masks.FREE)


def _source(found: Findings, prefix: str, source: ElementSource, today: date) -> None:
    require(found, prefix, "path", source.path)
    if source.path and source.path not in ELEMENT_PATHS:
        found.add(prefix + "path", Reason.NAME)
    require(found, prefix, "kind", source.kind)
    check_text(found, prefix, "reference", source.reference, 300, Masks.FREE)
    check_text(found, prefix, "verified_by", source.verified_by, 100, Masks.FREE)
    check_text(found, prefix, "method", source.method, 100, Masks.FREE)
    if source.verified_by and source.verify_time is None:
        found.add(prefix + "verify_time", Reason.REQUIRED)
    if source.verify_time is not None:
        require(found, prefix, "verified_by", source.verified_by)
        if source.verify_time >= _end_of(today):
            found.add(prefix + "verify_time", Reason.IN_FUTURE)


def _end_of(today: date) -> datetime:
    if today >= date.max - 2 * _AHEAD:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(today + 2 * _AHEAD, time(), UTC)


def _list(found: Findings, name: str, values: Sequence[str], most: int) -> None:
    if len(values) > most:
        found.add(name, Reason.TOO_MANY)
    for place, value in enumerate(values):
        if value in values[:place]:
            found.add(f"{name}[{place}]", Reason.DUPLICATE)
