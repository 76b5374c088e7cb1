"""Whether somebody may have his data erased, by the rules of retention alone.

As long as the longest minimum of anything that is kept of him runs, it is refused, and the ground
is the rule that decides. What stands against disposal beside the rules (a hold, an investigation)
does not come in here at all, so that no answer can tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from vault.rules.retention import (
    EVERYWHERE,
    Assessment,
    Facts,
    Period,
    RetentionRule,
    RuleBook,
    RuleSet,
    Standing,
)


class Verdict(StrEnum):
    """What the rules say of all that is kept of somebody."""

    KEPT = "KEPT"
    """A minimum runs: to be refused, with the grounds."""
    NO_RULE = "NO_RULE"
    """No minimum runs, but of something no rule says how long it is kept: there is no ground to
    refuse it, and nothing that lets it go. A rule is to be proposed."""
    DUE = "DUE"
    """Every minimum is over: it is to be disposed of."""
    GONE = "GONE"
    """Nothing is kept any more."""

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Ground:
    """How something that is kept stands, and the rule that decides. `what` names it (`identity`, or
    `transactions/{year}`); `rule` is None where no rule applies, `kept_through` where nothing ends
    the keeping yet: the clock that decides has not started."""

    what: str
    standing: Standing
    rule: RetentionRule | None = None
    label: str = ""
    kept_through: date | None = None

    @property
    def kept(self) -> bool:
        """Whether a minimum runs."""
        return self.standing in (Standing.RUNNING, Standing.KEPT, Standing.CONFLICT)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the rules say on a day."""

    verdict: Verdict
    grounds: tuple[Ground, ...]

    @property
    def not_before(self) -> date | None:
        """The last day on which something is kept by a minimum; None where none runs, or where a
        clock has not started so that nobody can say."""
        kept = [one.kept_through for one in self.grounds if one.kept]
        known = [day for day in kept if day is not None]
        return max(known) if known and len(known) == len(kept) else None


def judge(book: RuleBook, kept: Sequence[tuple[str, Facts]], day: date) -> Erasure:
    """What the rules say of all that is kept of somebody, each with its name."""
    grounds = tuple(_ground(book, what, book.assess(facts, day), day) for what, facts in kept)
    if not grounds:
        return Erasure(Verdict.GONE, ())
    if any(one.kept for one in grounds):
        return Erasure(Verdict.KEPT, grounds)
    if any(one.standing is Standing.NO_RULE for one in grounds):
        return Erasure(Verdict.NO_RULE, grounds)
    return Erasure(Verdict.DUE, grounds)


def _ground(book: RuleBook, what: str, found: Assessment, day: date) -> Ground:
    if found.decides is None:
        return Ground(what, found.standing)
    # Of rules that keep it equally long, the one with the longest period is named, and a law of the
    # place before what is for everywhere; none that was ruled to yield in his case.
    alike = [p for p in found.minima if p.minimum_through == found.decides.minimum_through]
    texts = [_text(book, one, day) for one in alike]
    one, rule = max(texts, key=lambda t: (t[1].minimum, EVERYWHERE not in t[0].jurisdictions))
    return Ground(what, found.standing, rule, one.label, found.kept_through)


def _text(book: RuleBook, period: Period, day: date) -> tuple[RuleSet, RetentionRule]:
    """The rule of a period, in the version that is in force."""
    return next(
        (one, rule)
        for one in book.in_force(day)
        if one.label == period.set_label
        for rule in one.rules
        if f"{one.name}/{rule.name}" == period.rule
    )
