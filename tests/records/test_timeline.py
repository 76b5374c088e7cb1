"""Two times: an as-of read is what a replay of the history gives; and what differs is named."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import customer, entity_customer, person, relationship
from vault.records.differing import differing
from vault.records.timeline import begins, dated, standing

BEGIN = date(2026, 1, 1)
MICROS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Version:
    number: int
    known_from: int
    valid_from: date


@dataclass(frozen=True)
class Step:
    """A version as somebody writes it, so many days after the one before."""

    wait: int
    valid: int | None
    correction: bool


steps = st.lists(
    st.builds(Step, st.integers(0, 5), st.none() | st.integers(-10, 0), st.booleans()),
    min_size=1,
    max_size=8,
)


def written(history: list[Step]) -> list[Version]:
    out: list[Version] = []
    old, recorded = None, BEGIN
    day = BEGIN
    for number, step in enumerate(history, 1):
        day += timedelta(days=step.wait)
        new = customer(
            valid_from=None if step.valid is None else day + timedelta(days=step.valid),
            correction=f"wrong {number}" if step.correction else "",
        )
        if old is not None:
            new = dated(new, old, recorded)
        known = (day - BEGIN).days * MICROS_A_DAY + number
        out.append(Version(number, known, begins(new, day)))
        old, recorded = new, day
    return out


def replay(versions: list[Version], as_of: date, known_at: int) -> int:
    """Slowly: a calendar that each version paints over from its first day on."""
    calendar = dict.fromkeys((BEGIN + timedelta(days=n) for n in range(-15, 50)), 0)
    for one in versions:
        if one.known_from <= known_at:
            for day in calendar:
                if day >= one.valid_from:
                    calendar[day] = one.number
    return calendar[as_of]


@given(steps, st.integers(-15, 49), st.integers(0, 50 * MICROS_A_DAY))
def test_a_read_as_of_a_day_as_known_at_a_time_equals_a_replay(
    history: list[Step], days: int, known_at: int
) -> None:
    versions = written(history)
    as_of = BEGIN + timedelta(days=days)
    found = standing(reversed(versions), as_of, known_at)
    assert (found.number if found else 0) == replay(versions, as_of, known_at)


@given(steps)
def test_without_either_time_the_newest_stands(history: list[Step]) -> None:
    versions = written(history)
    assert standing(reversed(versions), None, None) == versions[-1]


def test_a_change_begins_today_and_a_correction_where_the_version_before_began() -> None:
    later = BEGIN + timedelta(days=9)
    first = customer(valid_from=BEGIN)
    assert begins(dated(customer(), first, BEGIN), later) == later
    corrected = dated(customer(correction="the name was misspelt"), first, later)
    assert begins(corrected, later) == BEGIN
    # A version that states no day began when it was recorded.
    assert dated(customer(correction="x"), customer(), BEGIN).valid_from == BEGIN
    stated = customer(correction="x", valid_from=date(2025, 5, 5))
    assert dated(stated, first, later).valid_from == date(2025, 5, 5)


def test_what_was_carried_along_from_the_version_before_says_nothing_of_this_one() -> None:
    before = customer(valid_from=BEGIN, correction="the name was misspelt")
    again = dated(before, before, BEGIN)
    assert (again.valid_from, again.correction) == (None, "")
    assert dated(customer(valid_from=BEGIN), before, BEGIN).valid_from is None
    other = replace(before, correction="the number was wrong, too")
    assert dated(other, before, BEGIN).correction == other.correction


def test_what_differs_is_named_to_the_field_and_no_value_is() -> None:
    one = customer(relationship=relationship())
    assert differing(one, one) == ()
    other = replace(
        one,
        natural_person=person(full_name="王大明"),
        phones=("+8613900139000",),
        emails=(),
        relationship=None,
    )
    assert differing(one, other) == (
        "natural_person.full_name",
        "phones[0]",
        "emails",
        "relationship",
    )
    assert set(differing(customer(), entity_customer())) == {"natural_person", "legal_entity"}
