"""What falls due of a file, and where documents contradict it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import customer, document, entity_customer, person, relationship, source
from vault.records import Customer, DocumentKind, IdentityDocument, IdentityElement, RiskClass
from vault.rules.conflicts import Conflict, Differs, conflicts
from vault.rules.currency import (
    Due,
    DueKind,
    add_months,
    due_items,
    read_currency,
    review_due,
    until,
)
from vault.rules.reading import RulesInvalid

RULES = read_currency()
BORN = date(2026, 1, 31)
PASSPORT = IdentityElement(DocumentKind.PASSPORT, "L898902C3", "SE", None, date(2027, 4, 15))
ERIKSSON = person(full_name="Eriksson Anna Maria", latin_name="", identity=PASSPORT)


def due(
    record: Customer,
    documents: dict[str, IdentityDocument] | None = None,
    last_booking: date | None = None,
) -> tuple[Due, ...]:
    return due_items(record, documents or {}, RULES, recorded_on=BORN, last_booking=last_booking)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1, 1200))
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


def test_a_higher_risk_is_reviewed_sooner() -> None:
    days = [
        review_due(customer(risk_class=risk), RULES, BORN)
        for risk in (RiskClass.HIGH, RiskClass.MEDIUM, RiskClass.LOW)
    ]
    assert days == sorted(days)
    assert days[0] == date(2026, 7, 31)


def test_a_review_runs_from_the_last_verification_and_a_set_day_wins() -> None:
    seen = source(verify_time=datetime(2026, 6, 1, tzinfo=UTC))
    record = customer(risk_class=RiskClass.HIGH, sources=(seen,))
    assert review_due(record, RULES, BORN) == date(2026, 12, 1)
    record = replace(record, relationship=relationship(review_date=date(2026, 9, 9)))
    assert review_due(record, RULES, BORN) == date(2026, 9, 9)


def test_documents_of_every_person_of_a_file_expire() -> None:
    record = customer(natural_person=person(identity=PASSPORT))
    assert Due(date(2027, 4, 15), DueKind.DOCUMENT_EXPIRY, "natural_person.identity") in due(record)
    paper = IdentityElement(
        DocumentKind.CN_BUSINESS_LICENCE, "91350100M000100Y43", "CN", None, date(2027, 1, 1)
    )
    found = due(entity_customer(establishing_document=paper))
    assert found[0].path == "legal_entity.establishing_document"


def test_a_document_that_another_replaced_is_not_due() -> None:
    old = document(expiry_date=date(2026, 1, 1))
    new = document(number="L898902D4", expiry_date=date(2036, 1, 1))
    found = [one for one in due(customer(), {"a": old, "b": new}) if one.path]
    assert found == [Due(date(2036, 1, 1), DueKind.DOCUMENT_EXPIRY, "documents/b")]


def test_a_relationship_without_bookings_becomes_dormant_and_an_ended_one_falls_due_no_more() -> (
    None
):
    record = customer(relationship=relationship())
    assert Due(date(2023, 5, 6), DueKind.DORMANT) in due(record)
    booked = due(record, last_booking=date(2026, 11, 1))
    assert Due(date(2029, 11, 1), DueKind.DORMANT) in booked
    ended = replace(record, relationship=relationship(end_date=date(2026, 1, 1)))
    assert due(ended) == ()
    no_account = due(replace(record, accounts=()))
    assert all(one.kind is not DueKind.DORMANT for one in no_account)


def test_what_is_due_by_a_day_is_the_first_part() -> None:
    found = due(customer())
    assert until(found, date.max) == found
    assert until(found, date.min) == ()


def test_rules_without_a_period_for_every_class_are_refused(tmp_path: Path) -> None:
    text = (Path("vault/rules/data/currency") / "default.toml").read_text(encoding="utf-8")
    (tmp_path / "x.toml").write_text(text.replace("HIGH = 6\n", ""), encoding="utf-8")
    with pytest.raises(RulesInvalid, match="every risk class"):
        read_currency(tmp_path)
    (tmp_path / "x.toml").unlink()
    with pytest.raises(RulesInvalid, match="no rule"):
        read_currency(tmp_path)


# -- conflicts -----------------------------------------------------------------------------------


def test_a_document_that_agrees_is_no_conflict_in_either_order_of_the_name() -> None:
    record = customer(natural_person=ERIKSSON)
    assert conflicts(record, {"a": document(expiry_date=date(2027, 4, 15))}) == ()
    shouted = document(holder_name="ERIKSSON ANNA MARIA", expiry_date=date(2027, 4, 15))
    assert conflicts(record, {"a": shouted}) == ()


def test_another_number_name_or_expiry_is_a_conflict_and_no_value_is_told() -> None:
    record = customer(natural_person=ERIKSSON)

    def found(**changes: object) -> list[Conflict]:
        paper = document(**({"expiry_date": date(2027, 4, 15)} | changes))
        return list(conflicts(record, {"a": paper}))

    at = "natural_person.identity"
    assert found(number="L898902D4") == [Conflict(f"{at}.number", "documents/a", Differs.NUMBER)]
    assert found(holder_name="Anna Svensson") == [
        Conflict("natural_person.full_name", "documents/a", Differs.NAME)
    ]
    assert found(expiry_date=date(2028, 4, 15)) == [
        Conflict(f"{at}.expiry_date", "documents/a", Differs.EXPIRY)
    ]
    assert found(kind=DocumentKind.DRIVING_LICENCE, number="D1") == []


def test_the_document_of_the_elements_own_number_is_compared_first() -> None:
    record = customer(natural_person=ERIKSSON)
    same = document(expiry_date=date(2027, 4, 15))
    other = document(number="L898902D4", expiry_date=date(2040, 1, 1))
    assert conflicts(record, {"a": same, "b": other}) == ()
