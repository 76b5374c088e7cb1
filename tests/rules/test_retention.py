"""What the rules of retention say, against a model that was written another way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.retention_rules import forbidden, may_go
from vault.rules.retention import (
    ClockStart,
    Facts,
    RecordKind,
    RetentionRule,
    RuleBook,
    RuleSet,
    Ruling,
    Standing,
    years_after,
)
from vault.rules.retention_files import RuleSetInvalid, read_rule_set, read_rule_sets

_WHERE = ("CN", "DE", "US")
_WORDS = ("HIGH", "MINOR", "private-banking")
_DAYS = st.dates(date(1996, 1, 1), date(2060, 12, 31))


@st.composite
def rules(draw: st.DrawFn, name: str) -> RetentionRule:
    minimum = draw(st.integers(1, 12))
    return RetentionRule(
        name,
        draw(st.sampled_from(RecordKind)),
        draw(st.sampled_from(ClockStart)),
        minimum,
        draw(st.none() | st.integers(minimum, 15)),
        "a law",
        "an article",
        True,
        draw(st.frozensets(st.sampled_from(_WORDS), max_size=2)),
    )


@st.composite
def books(draw: st.DrawFn) -> RuleBook:
    sets = []
    for name in draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True)):
        for version in range(1, draw(st.integers(1, 3)) + 1):
            begins = draw(_DAYS)
            until = draw(st.none() | st.integers(0, 9_000))
            sets.append(
                RuleSet(
                    name,
                    version,
                    draw(st.frozensets(st.sampled_from((*_WHERE, "*")), min_size=1)),
                    begins,
                    None if until is None else begins + timedelta(days=until),
                    tuple(draw(rules(f"r{n}")) for n in range(draw(st.integers(1, 3)))),
                )
            )
    return RuleBook(sets)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    return Facts(
        draw(st.sampled_from(RecordKind)),
        draw(st.frozensets(st.sampled_from(_WHERE))),
        draw(st.frozensets(st.sampled_from(_WORDS))),
        draw(st.none() | _DAYS),
        draw(st.none() | _DAYS),
    )


@settings(max_examples=400, deadline=None)
@given(books(), facts(), _DAYS)
def test_nothing_is_due_before_its_longest_minimum_and_what_must_go_does_go(
    book: RuleBook, about: Facts, day: date
) -> None:
    found = book.assess(about, day)
    may, over = may_go(book, about, day), forbidden(book, about, day)
    assert found.standing.due == may
    assert (found.standing is Standing.MUST_GO) == (may and over)
    assert (found.standing is Standing.CONFLICT) == (over and not may)


@settings(max_examples=150, deadline=None)
@given(books(), facts(), _DAYS)
def test_the_dates_agree_with_how_things_stand_on_each_day(
    book: RuleBook, about: Facts, day: date
) -> None:
    """As long as no other rules come into force, the day that is named is the day."""
    found = book.assess(about, day)
    if found.kept_through is None:
        assert not found.standing.due
        return
    law = RuleBook(
        [
            RuleSet(s.name, s.version, s.jurisdictions, date.min, None, s.rules)
            for s in book.in_force(day)
        ]
    )
    through = found.kept_through
    assert not law.assess(about, through).standing.due
    assert law.assess(about, through + timedelta(days=1)).standing.due
    if found.gone_after is not None:
        assert found.gone_after >= through
        over = law.assess(about, found.gone_after + timedelta(days=1))
        assert over.standing is Standing.MUST_GO


@settings(max_examples=150, deadline=None)
@given(books(), facts(), _DAYS)
def test_a_prefilter_by_the_shortest_minimum_leaves_out_nothing_that_is_due(
    book: RuleBook, about: Facts, day: date
) -> None:
    shortest = book.shortest_minimum(about.kind, day)
    if book.assess(about, day).standing.due:
        assert shortest is not None
        last = max(d for d in (about.relationship_end, about.last_booking) if d is not None)
        earliest = min(d for d in (about.relationship_end, about.last_booking) if d is not None)
        assert years_after(earliest, shortest) < day or years_after(last, shortest) < day


@settings(max_examples=150, deadline=None)
@given(books(), facts(), _DAYS, st.data())
def test_one_more_rule_without_a_maximum_never_makes_anything_due_earlier(
    book: RuleBook, about: Facts, day: date, data: st.DataObject
) -> None:
    rule = data.draw(rules("more"))
    added = RuleSet("more", 1, frozenset("*"), date.min, None, (rule,))
    if book.assess(about, day).standing is not Standing.NO_RULE:
        before = book.assess(about, day).standing.due
        after = book.with_set(added).assess(about, day).standing.due
        assert before or not after


def _rule(name: str, minimum: int, maximum: int | None = None) -> RetentionRule:
    kind, clock = RecordKind.IDENTITY, ClockStart.RELATIONSHIP_END
    return RetentionRule(name, kind, clock, minimum, maximum, "a law", "an article", True)


def _law(name: str, rule: RetentionRule) -> RuleSet:
    return RuleSet(name, 1, frozenset("*"), date(2000, 1, 1), None, (rule,))


_ENDED = Facts(RecordKind.IDENTITY, frozenset(), relationship_end=date(2010, 6, 30), customer="c1")


def test_a_maximum_below_another_minimum_is_a_conflict_that_names_both() -> None:
    book = RuleBook([_law("cn", _rule("id", 10)), _law("eu", _rule("id", 5, 5))])
    found = book.assess(_ENDED, date(2017, 1, 1))
    assert found.standing is Standing.CONFLICT
    [conflict] = found.conflicts
    assert (conflict.maximum.rule, conflict.minimum.rule) == ("eu/id", "cn/id")
    assert book.assess(_ENDED, date(2015, 6, 30)).standing is Standing.KEPT
    assert book.assess(_ENDED, date(2020, 6, 30)).standing is Standing.CONFLICT
    assert book.assess(_ENDED, date(2020, 7, 1)).standing is Standing.MUST_GO


def test_a_ruling_decides_a_conflict_for_whom_it_is_made() -> None:
    sets = [_law("cn", _rule("id", 10)), _law("eu", _rule("id", 5, 5))]
    day = date(2017, 1, 1)
    erased = RuleBook(sets, [Ruling("eu/id", "cn/id", "c1")])
    assert erased.assess(_ENDED, day).standing is Standing.MUST_GO
    other = Facts(RecordKind.IDENTITY, frozenset(), frozenset(), date(2010, 6, 30), None, "c2")
    assert erased.assess(other, day).standing is Standing.CONFLICT
    kept = RuleBook(sets, [Ruling("cn/id", "eu/id")])
    assert kept.assess(_ENDED, day).standing is Standing.KEPT
    assert kept.assess(_ENDED, date(2020, 7, 1)).standing.due


def test_a_ruling_shortens_nothing_where_there_is_no_conflict() -> None:
    book = RuleBook(
        [_law("cn", _rule("id", 10)), _law("eu", _rule("id", 5))], [Ruling("eu/id", "cn/id")]
    )
    assert book.assess(_ENDED, date(2017, 1, 1)).standing is Standing.KEPT


def test_rulings_in_a_circle_keep_what_they_are_about() -> None:
    book = RuleBook(
        [_law("cn", _rule("id", 10)), _law("eu", _rule("id", 5, 5))],
        [Ruling("eu/id", "cn/id"), Ruling("cn/id", "eu/id")],
    )
    assert book.assess(_ENDED, date(2021, 1, 1)).standing is Standing.MUST_GO
    assert book.assess(_ENDED, date(2017, 1, 1)).standing is Standing.CONFLICT
    assert not book.assess(_ENDED, date(2015, 1, 1)).standing.due


def test_a_ruling_of_one_customer_counts_before_that_of_all() -> None:
    sets = [_law("cn", _rule("id", 10)), _law("eu", _rule("id", 5, 5))]
    day = date(2017, 1, 1)
    other = Facts(RecordKind.IDENTITY, frozenset(), frozenset(), date(2010, 6, 30), None, "c2")
    kept = RuleBook(sets, [Ruling("eu/id", "cn/id"), Ruling("cn/id", "eu/id", "c1")])
    assert kept.assess(_ENDED, day).standing is Standing.KEPT
    assert kept.assess(other, day).standing is Standing.MUST_GO
    gone = RuleBook(sets, [Ruling("cn/id", "eu/id"), Ruling("eu/id", "cn/id", "c1")])
    assert gone.assess(_ENDED, day).standing is Standing.MUST_GO
    assert gone.assess(other, day).standing is Standing.KEPT


def test_the_day_on_which_a_period_ends_belongs_to_it() -> None:
    book = RuleBook([_law("eu", _rule("id", 5, 5))])
    assert book.assess(_ENDED, date(2015, 6, 30)).standing is Standing.KEPT
    assert book.assess(_ENDED, date(2015, 7, 1)).standing is Standing.MUST_GO


@pytest.mark.parametrize(
    ("start", "years", "through"),
    [
        (date(2012, 2, 29), 5, date(2017, 3, 1)),
        (date(2012, 2, 29), 4, date(2016, 2, 29)),
        (date(2011, 2, 28), 1, date(2012, 2, 28)),
        (date(9990, 1, 1), 50, date.max),
    ],
)
def test_no_period_is_a_day_short(start: date, years: int, through: date) -> None:
    assert years_after(start, years) == through


# -- the data --------------------------------------------------------------------


def _booked(where: str, day: date) -> Facts:
    return Facts(RecordKind.TRANSACTIONS, frozenset([where]), frozenset(), None, day)


def test_china_counted_from_the_year_before_2025_and_keeps_ten_years_since() -> None:
    book = read_rule_sets()
    about = _booked("CN", date(2015, 3, 3))
    assert book.assess(about, date(2020, 12, 31)).standing is Standing.KEPT
    assert book.assess(about, date(2021, 1, 1)).standing is Standing.MAY_GO
    assert book.assess(about, date(2025, 1, 1)).standing is Standing.KEPT
    assert book.assess(about, date(2025, 3, 4)).standing is Standing.MAY_GO


def test_the_union_asks_for_deletion_after_five_years() -> None:
    book = read_rule_sets()
    about = Facts(
        RecordKind.TRANSACTIONS,
        frozenset(["DE"]),
        relationship_end=date(2028, 1, 31),
        last_booking=date(2027, 12, 1),
    )
    assert book.assess(about, date(2033, 1, 31)).standing is Standing.KEPT
    assert book.assess(about, date(2033, 2, 1)).standing is Standing.MUST_GO


def test_a_customer_of_two_jurisdictions_meets_the_conflict_of_their_laws() -> None:
    book = read_rule_sets()
    about = Facts(RecordKind.IDENTITY, frozenset(["CN", "DE"]), relationship_end=date(2028, 1, 31))
    found = book.assess(about, date(2034, 1, 1))
    assert found.standing is Standing.CONFLICT
    assert found.decides is not None
    assert found.decides.set_label == "cn/2"


def test_wherever_a_customer_is_five_years_hold() -> None:
    book = read_rule_sets()
    about = _booked("ZZ", date(2020, 1, 1))
    assert book.assess(about, date(2025, 1, 1)).standing is Standing.KEPT
    assert book.assess(about, date(2025, 1, 2)).standing is Standing.MAY_GO


def test_every_rule_names_its_source() -> None:
    for one in read_rule_sets().sets:
        for rule in one.rules:
            assert rule.source
            assert rule.article


_TEXT = """
name = "x"
version = 1
jurisdictions = ["CN"]
effective_from = 2030-01-01
[[rule]]
name = "identity"
kind = "identity"
clock = "relationship_end"
minimum_years = 6
source = "a law"
article = "1"
checked = false
"""


@pytest.mark.parametrize(
    ("change", "to", "says"),
    [
        ("minimum_years = 6", "minimum_years = 0", "minimum_years"),
        ("minimum_years = 6", "minimum_years = 6\nmaximum_years = 5", "shorter than the minimum"),
        ('clock = "relationship_end"', 'clock = "birth"', "clock"),
        ('jurisdictions = ["CN"]', "jurisdictions = []", "jurisdictions"),
        ("version = 1", "version = 1\nsurprise = 2", "surprise"),
        ('name = "x"', 'name = "x', "TOML"),
        ("2030-01-01", "2030-01-01\neffective_until = 2029-12-31", "before effective_from"),
    ],
)
def test_a_rule_set_that_cannot_be_meant_is_refused_by_name(
    change: str, to: str, says: str
) -> None:
    assert read_rule_set(_TEXT).version == 1
    with pytest.raises(RuleSetInvalid, match=says):
        read_rule_set(_TEXT.replace(change, to, 1))
