"""Rules of retention for tests: as the text of their file, and a model of what they say that was
written another way than the vault's: day by day, with a calendar of its own, one question at a
time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from vault.rules.retention import (
    EVERYWHERE,
    ClockStart,
    Facts,
    RecordKind,
    RetentionRule,
    RuleBook,
    RuleSet,
)

# -- rules to vary ---------------------------------------------------------------------------


def rule(
    kind: RecordKind,
    minimum: int,
    maximum: int | None = None,
    *,
    name: str = "",
    clock: ClockStart | None = None,
    classes: Iterable[str] = (),
) -> RetentionRule:
    """A rule, with its name and its clock by its kind where none is given."""
    by_kind = ClockStart.RELATIONSHIP_END if kind is RecordKind.IDENTITY else ClockStart.BOOKING
    return RetentionRule(
        name or kind.value,
        kind,
        clock or by_kind,
        minimum,
        maximum,
        "a law",
        "1",
        True,
        frozenset(classes),
    )


def law(
    name: str,
    *rules: RetentionRule,
    version: int = 1,
    where: Iterable[str] = (EVERYWHERE,),
    begins: date = date(2000, 1, 1),
    until: date | None = None,
) -> RuleSet:
    """A rule set."""
    return RuleSet(name, version, frozenset(where), begins, until, rules)


def text_of(one: RuleSet) -> str:
    """The text of a rule set's file."""
    lines = [
        f'name = "{one.name}"',
        f"version = {one.version}",
        f"jurisdictions = {_words(one.jurisdictions)}",
        f"effective_from = {one.effective_from.isoformat()}",
    ]
    if one.effective_until is not None:
        lines.append(f"effective_until = {one.effective_until.isoformat()}")
    for each in one.rules:
        lines += [
            "[[rule]]",
            f'name = "{each.name}"',
            f'kind = "{each.kind.value}"',
            f'clock = "{each.clock.value}"',
            f"minimum_years = {each.minimum}",
            *([f"maximum_years = {each.maximum}"] if each.maximum is not None else []),
            f"classes = {_words(each.classes)}",
            f'source = "{each.source}"',
            f'article = "{each.article}"',
            f"checked = {str(each.checked).lower()}",
        ]
    return "\n".join(lines) + "\n"


def _words(some: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in sorted(some)) + "]"


# -- the model -------------------------------------------------------------------------------


def applying(book: RuleBook, about: Facts, day: date) -> list[RetentionRule]:
    """The rules that apply on a day."""
    chosen: list[RetentionRule] = []
    for name in {one.name for one in book.sets}:
        standing = [
            s
            for s in book.sets
            if s.name == name
            and s.effective_from <= day
            and not (s.effective_until is not None and s.effective_until < day)
        ]
        if not standing:
            continue
        latest = max(standing, key=lambda s: (s.effective_from, s.version))
        if "*" not in latest.jurisdictions and latest.jurisdictions.isdisjoint(about.jurisdictions):
            continue
        for one in latest.rules:
            if one.kind is not about.kind:
                continue
            if one.classes and one.classes.isdisjoint(about.classes):
                continue
            chosen.append(one)
    return chosen


def may_go(book: RuleBook, about: Facts, day: date) -> bool:
    """Every rule that applies has seen its minimum over."""
    found = applying(book, about, day)
    if not found:
        return False
    for one in found:
        start = _started(one, about)
        if start is None or start >= day or _years_passed(start, day) < one.minimum:
            return False
    return True


def forbidden(book: RuleBook, about: Facts, day: date) -> bool:
    """Some rule that applies has seen its maximum over."""
    for one in applying(book, about, day):
        start = _started(one, about)
        if one.maximum is None or start is None or start >= day:
            continue
        if _years_passed(start, day) >= one.maximum:
            return True
    return False


def _started(one: RetentionRule, about: Facts) -> date | None:
    event = about.last_booking if "booking" in one.clock.value else about.relationship_end
    if event is None:
        return None
    return date(event.year, 12, 31) if one.clock.value.endswith("year") else event


def _years_passed(start: date, day: date) -> int:
    """How many whole years lie behind a day that is over, from the one that began the clock."""
    years = day.year - start.year
    if (day.month, day.day) <= (start.month, start.day):
        years -= 1
    first_of_march = (start.month, start.day) == (2, 29) and (day.month, day.day) == (3, 1)
    if first_of_march and not _leap(day.year):
        # It stands for the missing day, and belongs to the period.
        years -= 1
    return years


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
