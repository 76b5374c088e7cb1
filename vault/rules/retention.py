"""How long records must be kept, and when they must go: an evaluation of facts by a book of rules.

Each rule has a minimum and may have a maximum, in whole years from a clock's start. All rules that
apply hold together:

    kept through    the longest minimum; on the day after it the records may go
    gone after      the earliest maximum that is not shorter than that; longer it is forbidden
    conflicts       maxima that are shorter: one law forbids what another asks for. Nothing goes by
                    itself then before the longest minimum is over; a person decides (`Ruling`)

A clock that has not started ends no minimum. Records that no rule applies to are kept: what nobody
has thought of is not destroyed. Of records that are destroyed together, the last one counts ("one
medium with several periods keeps the longest").

Days are whole days, and the day on which a period ends belongs to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

EVERYWHERE = "*"
"""As a jurisdiction of a rule set: it applies whatever the jurisdiction is."""


class RecordKind(StrEnum):
    """What is kept."""

    IDENTITY = "identity"
    TRANSACTIONS = "transactions"


class ClockStart(StrEnum):
    """What starts a rule's clock; with the year, its last day."""

    RELATIONSHIP_END = "relationship_end"
    RELATIONSHIP_END_YEAR = "relationship_end_year"
    BOOKING = "booking"
    BOOKING_YEAR = "booking_year"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A rule. Periods are in years; `classes` limits it to records of one of these, and an empty
    one does not limit. `checked`: somebody has read the text of the source for this rule."""

    name: str
    kind: RecordKind
    clock: ClockStart
    minimum: int
    maximum: int | None
    source: str
    article: str
    checked: bool
    classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one law, as it stands from a day on. Of several versions of one name the one
    that came into force last counts, and of those the highest version."""

    name: str
    version: int
    jurisdictions: frozenset[str]
    effective_from: date
    effective_until: date | None
    rules: tuple[RetentionRule, ...]

    @property
    def label(self) -> str:
        """Name and version, as reasons and certificates give it."""
        return f"{self.name}/{self.version}"

    def in_force(self, day: date) -> bool:
        """Whether it is in force on a day, as far as no other version is."""
        return self.effective_from <= day and (
            self.effective_until is None or day <= self.effective_until
        )


@dataclass(frozen=True, slots=True)
class Ruling:
    """What two persons decided of a conflict: of these rules, as `set/rule`, one yields to the
    other. For one customer, or for all of them (empty)."""

    prevails: str
    yields: str
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at, of records that are destroyed together. `last_booking` is the day of
    the last transaction, None where there is none; `classes` are words: the risk class, the
    sensitivities and the segments of the customer."""

    kind: RecordKind
    jurisdictions: frozenset[str]
    classes: frozenset[str] = frozenset()
    relationship_end: date | None = None
    last_booking: date | None = None
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """A rule as it applies: `start` of its clock, None where it has not started. `set_label` has
    the version, `rule` is `set/rule` without it."""

    rule: str
    set_label: str
    clock: ClockStart
    start: date | None
    minimum_through: date | None
    maximum_through: date | None
    has_maximum: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """A maximum that ends before another rule's minimum does."""

    maximum: Period
    minimum: Period


class Standing(StrEnum):
    """How records stand on a day."""

    NO_RULE = "NO_RULE"
    """No rule applies; kept."""
    RUNNING = "RUNNING"
    """A clock that decides has not started."""
    KEPT = "KEPT"
    """A minimum is not over."""
    CONFLICT = "CONFLICT"
    """A maximum is over and a minimum is not; a person decides, and until then it is kept."""
    MAY_GO = "MAY_GO"
    """Every minimum is over."""
    MUST_GO = "MUST_GO"
    """Every minimum is over, and a maximum too."""

    @property
    def due(self) -> bool:
        """Whether it is to be disposed of, if nothing else stands against it."""
        return self in (Standing.MAY_GO, Standing.MUST_GO)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules say of records on a day. `kept_through` is None where nothing ends the
    keeping, `gone_after` where nothing forbids it. `decides` is the rule whose minimum is the
    longest; `minima` are those that count, without those that were ruled to yield."""

    standing: Standing
    kept_through: date | None = None
    gone_after: date | None = None
    decides: Period | None = None
    conflicts: tuple[Conflict, ...] = ()
    periods: tuple[Period, ...] = field(default=(), repr=False)
    minima: tuple[Period, ...] = field(default=(), repr=False)


class RuleBook:
    """All rule sets, and what was ruled of their conflicts."""

    def __init__(self, sets: Iterable[RuleSet], rulings: Iterable[Ruling] = ()) -> None:
        self.sets = tuple(sorted(sets, key=lambda s: (s.name, s.effective_from, s.version)))
        self.rulings = tuple(rulings)
        labels = [one.label for one in self.sets]
        if len(set(labels)) < len(labels):
            raise ValueError("two rule sets have the same name and version")

    def with_set(self, added: RuleSet) -> RuleBook:
        """The book with one more rule set."""
        return RuleBook((*self.sets, added), self.rulings)

    def in_force(self, day: date) -> tuple[RuleSet, ...]:
        """The rule sets that count on a day, by name."""
        found: dict[str, RuleSet] = {}
        for one in self.sets:
            if one.in_force(day):
                found[one.name] = one  # in order of their coming into force
        return tuple(found.values())

    def shortest_minimum(self, kind: RecordKind, day: date) -> int | None:
        """The shortest minimum, in years, that any rule in force on a day has for a kind; before so
        long nothing of it can be due, whosever it is. None where no rule is for it."""
        found = [r.minimum for s in self.in_force(day) for r in s.rules if r.kind is kind]
        return min(found, default=None)

    def assess(self, facts: Facts, day: date) -> Assessment:
        """What the rules in force on a day say of records on that day."""
        periods = tuple(
            _period(one, rule, facts)
            for one in self.in_force(day)
            if one.jurisdictions & (facts.jurisdictions | {EVERYWHERE})
            for rule in one.rules
            if rule.kind is facts.kind and (not rule.classes or rule.classes & facts.classes)
        )
        return _assess(periods, self._rulings_for(facts), day)

    def _rulings_for(self, facts: Facts) -> frozenset[tuple[str, str]]:
        """What was ruled of one customer counts before what was ruled of all. Of two that say the
        opposite neither does: then the conflict stands, and nothing is destroyed by it."""
        own = {
            (r.prevails, r.yields)
            for r in self.rulings
            if r.customer and r.customer == facts.customer
        }
        of_all = {(r.prevails, r.yields) for r in self.rulings if not r.customer}
        standing = own | {one for one in of_all if one[::-1] not in own}
        return frozenset(one for one in standing if one[::-1] not in standing)


def years_after(start: date, years: int) -> date:
    """The same day so many years later; the 29th of February is the 1st of March in other years,
    so that no period is a day short. A year beyond 9999 is the last day there is."""
    if start.year + years > date.max.year:
        return date.max
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 3, 1)


def _start(clock: ClockStart, facts: Facts) -> date | None:
    by_end = clock in (ClockStart.RELATIONSHIP_END, ClockStart.RELATIONSHIP_END_YEAR)
    event = facts.relationship_end if by_end else facts.last_booking
    if event is not None and clock in (ClockStart.RELATIONSHIP_END_YEAR, ClockStart.BOOKING_YEAR):
        return date(event.year, 12, 31)
    return event


def _period(one: RuleSet, rule: RetentionRule, facts: Facts) -> Period:
    start = _start(rule.clock, facts)
    bounded = rule.maximum is not None
    return Period(
        rule=f"{one.name}/{rule.name}",
        set_label=one.label,
        clock=rule.clock,
        start=start,
        minimum_through=None if start is None else years_after(start, rule.minimum),
        maximum_through=(
            None if start is None or rule.maximum is None else years_after(start, rule.maximum)
        ),
        has_maximum=bounded,
    )


def _assess(
    periods: tuple[Period, ...], rulings: frozenset[tuple[str, str]], day: date
) -> Assessment:
    if not periods:
        return Assessment(Standing.NO_RULE)
    minima = [p for p in periods if not _yields_to_maximum(p, periods, rulings)]
    if not minima:
        # Rulings in a circle: whoever made them did not mean that nothing is kept.
        minima = list(periods)
    decides = max(minima, key=_longest)
    through = decides.minimum_through
    bounds = [p for p in periods if p.maximum_through is not None]
    conflicts = tuple(
        Conflict(bound, decides)
        for bound in sorted(bounds, key=lambda p: (p.maximum_through or date.max, p.rule))
        if _is_below(bound.maximum_through, through) and (decides.rule, bound.rule) not in rulings
    )
    kept = [
        p.maximum_through
        for p in bounds
        if p.maximum_through is not None and not _is_below(p.maximum_through, through)
    ]
    gone_after = min(kept, default=None)
    found = Assessment(
        Standing.KEPT, through, gone_after, decides, conflicts, periods, tuple(minima)
    )
    return _standing(found, bounds, rulings, day)


def _standing(
    found: Assessment, bounds: list[Period], rulings: frozenset[tuple[str, str]], day: date
) -> Assessment:
    through = found.kept_through
    if through is None or day <= through or through == date.max:
        over = any(
            c.maximum.maximum_through is not None and c.maximum.maximum_through < day
            for c in found.conflicts
        )
        waits = Standing.RUNNING if through is None else Standing.KEPT
        return replace(found, standing=Standing.CONFLICT if over else waits)
    # Past the longest minimum every maximum that is over counts, those of a conflict too.
    must = any(p.maximum_through is not None and p.maximum_through < day for p in bounds)
    return replace(found, standing=Standing.MUST_GO if must else Standing.MAY_GO)


def _yields_to_maximum(
    one: Period, periods: tuple[Period, ...], rulings: frozenset[tuple[str, str]]
) -> bool:
    """Whether a minimum was ruled to yield to a maximum that applies and is in its way."""
    return any(
        (other.rule, one.rule) in rulings
        and other.maximum_through is not None
        and _is_below(other.maximum_through, one.minimum_through)
        for other in periods
    )


def _is_below(maximum: date | None, minimum: date | None) -> bool:
    """Whether a maximum is over before a minimum; a minimum of None never ends."""
    return maximum is not None and (minimum is None or maximum < minimum)


def _longest(one: Period) -> tuple[date, bool, str]:
    return (one.minimum_through or date.max, one.minimum_through is None, one.rule)
