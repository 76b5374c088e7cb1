"""Until when a person is answered, what he is told of who has used his data, and when he may be
refused an erasure; the last against the model of retention."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.test_retention import _DAYS, books, facts
from tests.support.retention_rules import applying, may_go
from vault.access import Action, ActionClass
from vault.rules.disclosure import OTHERS, Use, read_disclosure
from vault.rules.erasure import Erasure, Verdict, judge
from vault.rules.retention import (
    ClockStart,
    Facts,
    RecordKind,
    RetentionRule,
    RuleBook,
    RuleSet,
    Ruling,
    Standing,
)
from vault.rules.retention_files import read_rule_sets
from vault.rules.subjects import Limit, LimitBook, LimitSet, RequestKind, read_limits

_LIMITS = read_limits()
_TOLD = read_disclosure()


# -- until when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "received", "due", "longest"),
    [
        ("DE", date(2024, 1, 31), date(2024, 2, 29), date(2024, 4, 30)),
        ("DE", date(2025, 1, 31), date(2025, 2, 28), date(2025, 4, 30)),
        ("DE", date(2025, 12, 9), date(2026, 1, 9), date(2026, 3, 9)),
        ("CN", date(2025, 1, 31), date(2025, 3, 2), None),
        ("GB", date(2025, 6, 30), date(2025, 7, 30), date(2025, 9, 30)),
        # Nobody's law is known here, or it was not in force yet.
        ("BR", date(2025, 1, 31), date(2025, 3, 2), None),
        ("DE", date(2018, 5, 24), date(2018, 6, 23), None),
    ],
)
def test_a_person_is_answered_within_the_time_of_his_law(
    where: str, received: date, due: date, longest: date | None
) -> None:
    for kind in RequestKind:
        found = _LIMITS.deadline(kind, frozenset({where}), received)
        assert found is not None
        assert (found.due, found.extended) == (due, longest)


def test_of_two_laws_the_earlier_day_counts_and_both_have_to_allow_a_longer_time() -> None:
    found = _LIMITS.deadline(RequestKind.ACCESS, frozenset({"CN", "DE"}), date(2025, 7, 1))
    assert found is not None
    assert (found.due, found.extended, found.by.label) == (date(2025, 7, 31), None, "cn/1")


_limits = st.builds(
    lambda months, days, more: (months, 0 if months else days, more),
    st.integers(0, 6),
    st.integers(1, 90),
    st.integers(0, 3),
)


@given(st.lists(_limits, min_size=1, max_size=4), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_day_to_answer_is_never_later_than_any_law_has_it(
    rules: list[tuple[int, int, int]], received: date
) -> None:
    sets = [
        LimitSet(
            f"l{n}",
            1,
            frozenset({"DE"}),
            date(1990, 1, 1),
            (Limit(f"l{n}/1", frozenset(RequestKind), months, days, more, "a law", "1", True),),
        )
        for n, (months, days, more) in enumerate(rules)
    ]
    found = LimitBook(sets).deadline(RequestKind.ERASURE, frozenset({"DE", "FR"}), received)
    assert found is not None
    own = [_model_due(received, months, days) for months, days, _ in rules]
    assert found.due == min(own) > received
    if all(more for _, _, more in rules):
        assert found.extended is not None and found.extended > found.due
    else:
        assert found.extended is None


def _model_due(received: date, months: int, days: int) -> date:
    """Day by day: the same day of a later month, or the last day before it is passed."""
    if not months:
        return received + timedelta(days=days)
    wanted = (received.year * 12 + received.month - 1) + months
    day = received
    while True:
        after = day + timedelta(days=1)
        if after.year * 12 + after.month - 1 > wanted:
            return day
        if day.year * 12 + day.month - 1 == wanted and day.day == received.day:
            return day
        day = after


# -- what is told --------------------------------------------------------------------------------

_SECRET = (
    "SUSPICIOUS_ACTIVITY_INVESTIGATION",
    "REGULATOR_REQUEST",
    "JUDICIAL_REQUEST",
    "TRANSACTION_MONITORING",
    "ENHANCED_DUE_DILIGENCE",
    "A_PURPOSE_OF_TOMORROW",
)
_ROLES = (
    "ingestor crm_viewer teller custodian compliance break_glass investigator security_officer "
    "access_admin operator masked_node a_role_of_tomorrow"
).split()


def test_nothing_is_told_of_what_an_investigation_or_an_authority_asks_for() -> None:
    for action, purpose, role in product(Action, _SECRET, _ROLES):
        assert _TOLD.told(action.value, purpose, [role]) is None
    for action, purpose in product(Action, ["", "CUSTOMER_SERVICE", *_SECRET]):
        for role in _ROLES:
            assert _TOLD.told(action.value, purpose, [role, "investigator"]) is None


def test_a_masked_view_is_told_of_the_front_office_alone() -> None:
    """Others look because somebody wants to open the file, and why is not told."""
    told = {r for r in _ROLES if _TOLD.told("masked.customers.get", "", [r]) is not None}
    assert told == {"crm_viewer", "teller"}
    assert _TOLD.told("masked.customers.get", "", ["teller", "compliance"]) is None


def test_only_reading_is_told_and_all_of_it() -> None:
    known = {action.value: action.action_class for action in Action}
    reads = {ActionClass.FULL_READ, ActionClass.BULK_READ, ActionClass.MASKED_READ}
    assert set(_TOLD.uses) <= set(known)
    assert set(_TOLD.uses) == {name for name, kind in known.items() if kind in reads}


def test_who_it_was_is_told_by_category() -> None:
    for role in _ROLES:
        told = _TOLD.told("records.customers.get", "CUSTOMER_SERVICE", [role])
        if role == "investigator":
            assert told is None
            continue
        assert told is not None and told.use is Use.READ
        assert role not in (told.category.en, told.category.zh)
        assert told.category in _TOLD.all_categories
    strange = _TOLD.told("records.customers.get", "CUSTOMER_SERVICE", ["a_role_of_tomorrow"])
    assert strange is not None and strange.category is OTHERS


# -- erasure -------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(books(), st.lists(facts(), max_size=4), _DAYS)
def test_an_erasure_is_refused_exactly_as_long_as_some_minimum_runs(
    book: RuleBook, kept: list[Facts], day: date
) -> None:
    found = judge(book, [(f"part {n}", one) for n, one in enumerate(kept)], day)
    ruled = [one for one in kept if applying(book, one, day)]
    runs = [one for one in ruled if not may_go(book, one, day)]
    if runs:
        wanted = Verdict.KEPT
    elif not kept:
        wanted = Verdict.GONE
    else:
        wanted = Verdict.DUE if len(ruled) == len(kept) else Verdict.NO_RULE
    assert found.verdict is wanted
    assert sum(one.kept for one in found.grounds) == len(runs)
    for one in found.grounds:
        # A refusal names its law, and until when it holds where anybody can say.
        assert (one.rule is None) is (one.standing is Standing.NO_RULE)
        assert (
            one.kept_through is not None
            or one.standing in (Standing.NO_RULE, Standing.RUNNING)
            or (one.standing is Standing.CONFLICT)
        )
    _holds_until(found, book, kept, day)


def _holds_until(found: Erasure, book: RuleBook, kept: list[Facts], day: date) -> None:
    """Until the day that a refusal names, the same rules refuse it; none is refused beyond it."""
    last = found.not_before
    if last is None or any(one.effective_from > day for one in book.sets):
        return
    if last.year > 2200 or any(one.effective_until is not None for one in book.sets):
        return
    parts = [(f"part {n}", one) for n, one in enumerate(kept)]
    assert judge(book, parts, last).verdict is Verdict.KEPT
    assert judge(book, parts, last + timedelta(days=1)).verdict is not Verdict.KEPT


def test_the_ground_of_a_refusal_is_the_longest_rule_with_its_law() -> None:
    gone = Facts(RecordKind.IDENTITY, frozenset({"CN", "DE"}), relationship_end=date(2025, 3, 1))
    found = judge(read_rule_sets(), [("identity", gone)], date(2026, 1, 1))
    assert found.verdict is Verdict.KEPT
    assert found.not_before == date(2035, 3, 1)
    (ground,) = found.grounds
    assert ground.rule is not None and ground.label == "cn/2"
    assert (ground.rule.source, ground.rule.article) == (
        "中华人民共和国反洗钱法 (2024 修订)",
        "第三十四条",
    )
    here = Facts(RecordKind.IDENTITY, frozenset({"DE"}))
    assert judge(read_rule_sets(), [("identity", here)], date(2026, 1, 1)).not_before is None


_KEPT_IN_DE = Facts(
    RecordKind.IDENTITY,
    frozenset({"DE"}),
    relationship_end=date(2024, 5, 1),
    last_booking=date(2024, 5, 1),
    customer="his",
)


@pytest.mark.parametrize(
    "ruling",
    [
        Ruling("cn/identity", "eu/identity", "somebody-else"),
        # For everybody, of a rule that does not apply to him.
        Ruling("cn/identity", "eu/identity"),
        Ruling("cn/identity", "us/identity", "his"),
    ],
)
def test_what_was_ruled_of_others_changes_no_ground_of_a_refusal(ruling: Ruling) -> None:
    sets = read_rule_sets().sets
    day = date(2026, 12, 1)
    (before,) = judge(RuleBook(sets), [("identity", _KEPT_IN_DE)], day).grounds
    (after,) = judge(RuleBook(sets, (ruling,)), [("identity", _KEPT_IN_DE)], day).grounds
    assert after == before
    assert after.rule is not None
    assert (after.rule.source, after.rule.article) == ("Directive (EU) 2015/849", "Article 40")


def _ground(ruling: Ruling, sets: tuple[RuleSet, ...], **more: Any) -> tuple[str, date | None]:
    """The rule set that is named to him, and until when."""
    book = RuleBook(sets, (ruling,))
    (found,) = judge(book, [("identity", replace(_KEPT_IN_DE, **more))], date(2026, 12, 1)).grounds
    return found.label, found.kept_through


def test_a_rule_that_was_ruled_to_yield_is_no_ground_and_a_law_still_comes_before_the_rest() -> (
    None
):
    sets = read_rule_sets().sets
    both = frozenset({"CN", "DE"})
    stands = _ground(Ruling("cn/identity", "eu/identity", "his"), sets, jurisdictions=both)
    assert stands == ("cn/2", date(2034, 5, 1))
    yields = _ground(Ruling("eu/identity", "cn/identity", "his"), sets, jurisdictions=both)
    assert yields == ("eu/1", date(2029, 5, 1))


def test_of_two_that_keep_it_equally_long_the_one_that_yields_is_not_named() -> None:
    """The longer period would be named of the two."""
    sets = (
        _law("a", ClockStart.RELATIONSHIP_END, 10, None),
        _law("b", ClockStart.BOOKING, 12, None),
        _law("c", ClockStart.RELATIONSHIP_END, 5, 5),
    )
    ruling = Ruling("c/identity", "b/identity", "his")
    booked = {"last_booking": date(2022, 5, 1)}
    assert _ground(ruling, sets, **booked) == ("a/1", date(2034, 5, 1))
    assert _ground(replace(ruling, customer="hers"), sets, **booked) == ("b/1", date(2034, 5, 1))


def _law(name: str, clock: ClockStart, minimum: int, maximum: int | None) -> RuleSet:
    rule = RetentionRule(
        "identity", RecordKind.IDENTITY, clock, minimum, maximum, "a law", "1", checked=True
    )
    return RuleSet(name, 1, frozenset({"DE"}), date(1990, 1, 1), None, (rule,))
