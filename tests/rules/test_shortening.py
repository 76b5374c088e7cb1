"""A rule set that keeps anything for less long than the one before it is found out, whether or not
there is anybody yet whom that concerns."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from vault.rules.retention import (
    ClockStart,
    RecordKind,
    RetentionRule,
    RuleBook,
    RuleSet,
    Ruling,
)
from vault.rules.shortening import shortens

DAY = date(2030, 1, 1)
IDENTITY = RetentionRule(
    "identity", RecordKind.IDENTITY, ClockStart.RELATIONSHIP_END, 10, None, "law", "1", True
)
BOOKED = RetentionRule(
    "booked", RecordKind.TRANSACTIONS, ClockStart.BOOKING_YEAR, 10, None, "law", "2", True
)
BEFORE = RuleSet("law", 1, frozenset({"CN", "HK"}), date(2020, 1, 1), None, (IDENTITY, BOOKED))


def found(**changes: Any) -> bool:
    added = replace(BEFORE, version=2, effective_from=date(2025, 1, 1), **changes)
    before = RuleBook([BEFORE])
    return shortens(before, before.with_set(added), added, DAY)


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": (replace(IDENTITY, minimum=9), BOOKED)},
        {"rules": (IDENTITY,)},
        {"rules": (replace(IDENTITY, classes=frozenset({"VIP"})), BOOKED)},
        {"rules": (IDENTITY, replace(BOOKED, clock=ClockStart.BOOKING))},
        {"rules": (replace(IDENTITY, clock=ClockStart.BOOKING), BOOKED)},
        {"jurisdictions": frozenset({"CN"})},
        {"effective_until": date(2040, 1, 1)},
    ],
    ids=["a_year_less", "no_rule_for_a_kind", "for_a_class_only", "from_the_day",
         "by_another_clock", "a_place_less", "ends"],
)  # fmt: skip
def test_what_keeps_for_less_long_is_found(changes: dict[str, Any]) -> None:
    assert found(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rules": (replace(IDENTITY, minimum=11), BOOKED)},
        {"rules": (replace(IDENTITY, clock=ClockStart.RELATIONSHIP_END_YEAR), BOOKED)},
        {"rules": (IDENTITY, replace(BOOKED, clock=ClockStart.BOOKING, minimum=11))},
        {"jurisdictions": frozenset({"CN", "HK", "MO"})},
    ],
    ids=[
        "the_same",
        "a_year_more",
        "from_the_years_end",
        "a_year_more_from_the_day",
        "more_places",
    ],
)
def test_what_keeps_for_as_long_or_longer_is_not(changes: dict[str, Any]) -> None:
    assert not found(**changes)


def test_a_law_of_its_own_shortens_nothing() -> None:
    added = replace(BEFORE, name="other", rules=(replace(IDENTITY, minimum=1),))
    before = RuleBook([BEFORE])
    assert not shortens(before, before.with_set(added), added, DAY)


@pytest.mark.parametrize(
    ("before", "after", "shorter"),
    [(None, 12, True), (12, 11, True), (12, 12, False), (11, 12, False), (12, None, False)],
)
def test_a_maximum_that_was_ruled_to_prevail_shortens_what_yields_to_it(
    before: int | None, after: int | None, shorter: bool
) -> None:
    """Where two persons have ruled that a rule prevails, its maximum ends another one's minimum."""
    ruled = [Ruling("law/identity", "other/identity")]
    old = replace(BEFORE, rules=(replace(IDENTITY, maximum=before),))
    added = replace(
        old,
        version=2,
        effective_from=date(2025, 1, 1),
        rules=(replace(IDENTITY, maximum=after),),
    )
    book = RuleBook([old], ruled)
    assert shortens(book, book.with_set(added), added, DAY) == shorter
    # Without a ruling a maximum ends nobody's minimum.
    book = RuleBook([old])
    assert not shortens(book, book.with_set(added), added, DAY)
