"""Whether a rule set that is to come lets records go earlier than the one before it. Pure."""

from __future__ import annotations

from datetime import date

from vault.rules.retention import RetentionRule, RuleBook, RuleSet


def shortens(before: RuleBook, after: RuleBook, added: RuleSet, day: date) -> bool:
    """Whether some rule that is in force is not there any more as long as it was, whether or not
    there is anybody yet whom that concerns."""
    new = {one.name: one for one in after.in_force(day)}.get(added.name)
    old = {one.name: one for one in before.in_force(day)}.get(added.name)
    if old is None or new is None or new is old:
        return False
    ends_sooner = new.effective_until is not None and (
        old.effective_until is None or new.effective_until < old.effective_until
    )
    return (
        ends_sooner
        or _prevails_sooner(old, new, after)
        or not old.jurisdictions <= new.jurisdictions
        or not all(any(_as_long(rule, other) for other in new.rules) for rule in old.rules)
    )


def _prevails_sooner(old: RuleSet, new: RuleSet, book: RuleBook) -> bool:
    """Whether a maximum to which other minima yield, as was ruled, is there now or is shorter."""
    ruled = {one.prevails for one in book.rulings}
    before = {one.name: one.maximum for one in old.rules}
    return any(
        f"{new.name}/{rule.name}" in ruled
        and rule.maximum is not None
        and ((was := before.get(rule.name)) is None or rule.maximum < was)
        for rule in new.rules
    )


def _as_long(rule: RetentionRule, other: RetentionRule) -> bool:
    """Whether wherever the one applies, the other does and keeps for as long."""
    same = other.clock.value.startswith(rule.clock.value)
    # From the event instead of its year's end is up to a year less.
    from_the_day = rule.clock.value.startswith(other.clock.value)
    minimum = rule.minimum if same else rule.minimum + 1
    return (
        rule.kind is other.kind
        and (same or from_the_day)
        and other.minimum >= minimum
        and (not other.classes or (bool(rule.classes) and rule.classes <= other.classes))
    )
