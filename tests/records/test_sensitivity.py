"""Whose file needs more care, and that no masked view shows it."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import strategies
from tests.records.builders import TODAY, customer, entity_customer, person, trader_customer
from vault.records import (
    FILE_CLASSES,
    ORDINARY,
    Customer,
    Sensitivity,
    SoleTrader,
    classes_of,
    decode_customer,
    decode_marks,
    decode_masked_customer,
    encode_marked_view,
    encode_record,
    encode_view,
    sensitive,
)
from vault.records.masks import mask_customer
from vault.records.sensitivity import classes_in, marks_of

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


# -- classes -------------------------------------------------------------------------------------


def test_a_file_is_of_the_class_of_each_mark_and_ordinary_without_one() -> None:
    assert classes_of(customer(), TODAY) == {ORDINARY}
    assert classes_of(replace(customer(), sensitivities=MARKS), TODAY) == {
        one.value for one in MARKS
    }
    young = customer(natural_person=person(birth_date=TODAY, identity=None))
    assert classes_of(young, TODAY) == {"MINOR"}
    marked = replace(young, sensitivities=(Sensitivity.VIP,))
    assert classes_of(marked, TODAY) == {"MINOR", "VIP"}


@given(strategies.customers)
def test_a_file_has_a_class_and_more_than_the_ordinary_one_exactly_if_it_is_sensitive(
    record: Customer,
) -> None:
    found = classes_of(record, TODAY)
    assert found
    assert (found == {ORDINARY}) is not sensitive(record, TODAY)
    assert ORDINARY not in found or found == {ORDINARY}


@given(st.frozensets(st.sampled_from(FILE_CLASSES), min_size=1))
def test_classes_are_told_again_from_their_marks_whose_length_tells_nothing(
    classes: frozenset[str],
) -> None:
    assert classes_in(marks_of(classes)) == classes
    assert len(marks_of(classes)) == len(FILE_CLASSES)


@pytest.mark.parametrize("marks", ["", "00000"])
def test_marks_that_name_no_class_say_nothing(marks: str) -> None:
    assert classes_in(marks) is None


def test_a_class_of_a_later_release_is_one_that_nobody_is_let_into() -> None:
    assert classes_in("100000") == frozenset({ORDINARY})
    later = classes_in("100001")
    assert later is not None and not later <= {*FILE_CLASSES}


@given(strategies.customers)
def test_the_classes_stand_beside_a_masked_view_and_not_in_it(record: Customer) -> None:
    view = mask_customer(record, TODAY)
    classes = classes_of(record, TODAY)
    data = encode_marked_view(view, classes)
    assert decode_masked_customer(data) == view
    # UNSPECIFIED is no class; it is refused on write.
    known = None if Sensitivity.UNSPECIFIED.value in classes else classes
    assert decode_marks(data) == (record.branch, known)
    assert len(data) == len(encode_marked_view(view, {ORDINARY}))


def test_a_view_from_before_there_were_classes_opens_without_any() -> None:
    view = mask_customer(customer(), TODAY)
    assert decode_marks(encode_view(view)) == (customer().branch, None)
    assert customer().branch not in repr(decode_marks(encode_view(view)))
