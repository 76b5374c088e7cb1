"""Whose file needs more care, and that no masked view shows it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from tests.records import strategies
from tests.records.builders import TODAY, customer, entity_customer, person, trader_customer
from vault.records import (
    Customer,
    Sensitivity,
    SoleTrader,
    decode_customer,
    encode_record,
    encode_view,
    sensitive,
)
from vault.records.masks import mask_customer

MARKS = tuple(Sensitivity)[1:]


@pytest.mark.parametrize("mark", MARKS)
def test_a_file_that_is_marked_is_sensitive(mark: Sensitivity) -> None:
    for record in (customer(), entity_customer(), trader_customer()):
        assert not sensitive(record, TODAY)
        assert sensitive(replace(record, sensitivities=(mark,)), TODAY)


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        (date(2008, 11, 25), date(2026, 11, 24), True),
        (date(2008, 11, 25), date(2026, 11, 25), False),
        (date(2008, 2, 29), date(2026, 2, 28), True),
        (date(2008, 2, 29), date(2026, 3, 1), False),
        (date(2027, 1, 1), date(2026, 1, 1), True),
        (None, date(2026, 1, 1), False),
    ],
)
def test_a_person_under_age_is_sensitive_without_a_mark(
    born: date | None, today: date, expected: bool
) -> None:
    young = person(birth_date=born, identity=None)
    assert sensitive(customer(natural_person=young), today) is expected
    trading = customer(natural_person=None, sole_trader=SoleTrader(young))
    assert sensitive(trading, today) is expected


@given(strategies.customers)
def test_a_masked_view_is_the_same_with_and_without_marks(record: Customer) -> None:
    plain = encode_view(mask_customer(replace(record, sensitivities=()), TODAY))
    assert encode_view(mask_customer(replace(record, sensitivities=MARKS), TODAY)) == plain


def test_a_record_from_before_there_were_marks_opens_without_any() -> None:
    written = encode_record(customer()).replace(b',"sensitivities":[]', b"")
    assert b"sensitivities" not in written
    assert decode_customer(written) == customer()
    assert decode_customer(written).sensitivities == ()
