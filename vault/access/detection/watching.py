"""Holds calls against the rules.

Two steps a call: `look` says which alerts it raises and changes nothing; `keep` remembers it. What
is remembered of a caller is a `Memory`, which follows from the calls that were kept, in their
order, and from nothing else: whoever keeps the same calls has the same memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from vault.access.actions import ActionClass
from vault.access.detection.memory import Alert, Memory, Run, Seen
from vault.access.detection.rules import (
    HOUR,
    REMEMBERED,
    By,
    Following,
    Hours,
    Refusals,
    Rule,
    Rules,
    Sequence,
    Similar,
)

_ROLES: Final = 10_000  # sets of roles whose rules are held
_FILES: Final = 1_000  # opened files of one caller, and values in common, that are remembered
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Sentry:
    """The rules of one tier, held against calls. It remembers nothing itself."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._longest = max((rule.count for rule in rules.refusals), default=0)
        self._concern = lru_cache(_ROLES)(self._of)
        # Business is a person's in whichever of his accounts, so it is not asked for roles.
        self._business = {
            person: frozenset(
                one
                for rule in rules.following
                if rule.persons in (None, person)
                for one in rule.followed_by
            )
            for person in (True, False)
        }

    @property
    def horizon(self) -> int:
        """How far back anything can matter, in microseconds."""
        return self._rules.horizon

    @property
    def longest_row(self) -> int:
        """The longest time of a rule about refusals, in microseconds; 0 where there is none."""
        return max((rule.within for rule in self._rules.refusals), default=0)

    def passes(self, roles: frozenset[str], *, person: bool, refused: bool) -> bool:
        """Whether no rule is about a call of such a caller at all: what most calls of programs
        are. Cheap."""
        concern = self._concern(roles, person)
        if refused:
            return not concern.refusals
        return not (
            concern.sequences
            or concern.similar
            or concern.following
            or concern.hours
            or self._business[person]
        )

    def values(self, roles: frozenset[str], *, person: bool) -> frozenset[By]:
        """What has to be known of a customer whom such a caller opens in full. Cheap."""
        concern = self._concern(roles, person)
        return frozenset(rule.by for rule in concern.similar) if concern.similar else _NOTHING

    def matters(self, seen: Seen) -> bool:
        """Whether a call has to be looked at and remembered, but for that it may end a row of
        refusals."""
        concern = self._concern(seen.roles, seen.person)
        if seen.refused:
            return bool(concern.refusals)
        if not seen.customer:
            return False
        if not seen.opened:
            return seen.action_class in self._business[seen.person]
        return any(
            _reads(rule, seen) for rule in (*concern.sequences, *concern.hours, *concern.following)
        ) or any(rule.by is by for rule in concern.similar for by, _ in seen.alike)

    def look(self, memory: Memory, seen: Seen) -> list[Alert]:
        """The alerts that a call raises."""
        concern = self._concern(seen.roles, seen.person)
        alerts: list[Alert] = []
        if seen.refused:
            for refusals in concern.refusals:
                _look_refusals(refusals, memory, seen, alerts)
        elif seen.opened:
            for sequence in concern.sequences:
                _look_sequence(sequence, memory, seen, alerts)
            for similar in concern.similar:
                _look_similar(similar, memory, seen, alerts)
            for hours in concern.hours:
                _look_hours(hours, memory, seen, alerts)
            for following in concern.following:
                _look_following(following, memory, seen, alerts)
        return alerts

    def keep(self, memory: Memory, seen: Seen, raised: Container[str]) -> None:
        """Remember a call, and that it raised the alerts of these rules."""
        if seen.refused:
            memory.refused.append(seen.at)
            while len(memory.refused) > self._longest:
                memory.refused.popleft()
            if any(rule.id in raised for rule in self._rules.refusals):
                memory.refused.clear()
            return
        memory.refused.clear()
        if not seen.opened:
            if seen.action_class in self._business[seen.person]:
                memory.files.pop(seen.customer, None)
            return
        concern = self._concern(seen.roles, seen.person)
        for rule in concern.sequences:
            if _reads(rule, seen):
                run = memory.runs.get(rule.id)
                if run is None:
                    run = memory.runs[rule.id] = Run(deque(maxlen=rule.count))
                run.take(seen.customer, seen.at)
                if rule.id in raised:
                    run.restart(seen.at)
        for similar in concern.similar:
            _keep_similar(similar, memory, seen, raised=similar.id in raised)
        for hours in concern.hours:
            if hours.id in raised:
                memory.warned[hours.id] = seen.at
        for following in concern.following:
            if following.id in raised:
                for customer in _unfollowed(following, memory, seen.at):
                    del memory.files[customer]
        if concern.following and seen.action_class is ActionClass.FULL_READ:
            memory.files.setdefault(seen.customer, seen.at)
            if len(memory.files) > _FILES:
                memory.files.popitem(last=False)

    def _of(self, roles: frozenset[str], person: bool) -> Rules:
        return self._rules.of(roles, person=person)


_NOTHING: Final[frozenset[By]] = frozenset()


def _look_refusals(rule: Refusals, memory: Memory, seen: Seen, alerts: list[Alert]) -> None:
    since = seen.at - rule.within
    count = 1 + sum(1 for at in memory.refused if at > since)
    if count >= rule.count:
        alerts.append(Alert(rule, count))


def _look_sequence(rule: Sequence, memory: Memory, seen: Seen, alerts: list[Alert]) -> None:
    run = memory.runs.get(rule.id)
    if run is None or not _reads(rule, seen) or not run.goes_on(seen.customer):
        return
    before = len(run.times) - (rule.count - 1)
    if before >= 0 and seen.at - run.times[before] <= rule.within:
        alerts.append(Alert(rule, rule.count))


def _look_similar(rule: Similar, memory: Memory, seen: Seen, alerts: list[Alert]) -> None:
    since = seen.at - rule.within
    most = 0
    for by, value in seen.alike:
        if by is rule.by:
            known = memory.alike.get((rule.id, value), {})
            others = sum(1 for who, at in known.items() if at > since and who != seen.customer)
            most = max(most, others + 1)
    if most >= rule.count:
        alerts.append(Alert(rule, most))


def _keep_similar(rule: Similar, memory: Memory, seen: Seen, *, raised: bool) -> None:
    since = seen.at - rule.within
    for by, value in seen.alike:
        if by is not rule.by:
            continue
        key = (rule.id, value)
        known = memory.alike.pop(key, {})
        if raised:
            # Of several values the others were not so many; they begin anew with it.
            continue
        known = {who: at for who, at in known.items() if at > since}
        known[seen.customer] = seen.at
        memory.alike[key] = known
        if len(memory.alike) > _FILES:
            memory.alike.popitem(last=False)


def _look_hours(rule: Hours, memory: Memory, seen: Seen, alerts: list[Alert]) -> None:
    if not _reads(rule, seen):
        return
    warned = memory.warned.get(rule.id)
    if warned is not None and seen.at - warned < HOUR:
        return
    local = (_EPOCH + timedelta(microseconds=seen.at)).astimezone(rule.zone)
    now = local.time()
    if rule.start <= rule.end:
        inside = local.weekday() in rule.days and rule.start <= now < rule.end
    else:
        # A night belongs to the day on which it began.
        began = local.weekday() if now >= rule.start else (local.weekday() - 1) % 7
        inside = began in rule.days and (now >= rule.start or now < rule.end)
    if not inside:
        alerts.append(Alert(rule, 1))


def _look_following(rule: Following, memory: Memory, seen: Seen, alerts: list[Alert]) -> None:
    if _reads(rule, seen):
        count = len(_unfollowed(rule, memory, seen.at))
        if count >= rule.count:
            alerts.append(Alert(rule, count))


def _unfollowed(rule: Following, memory: Memory, at: int) -> list[str]:
    return [n for n, since in memory.files.items() if rule.after < at - since <= REMEMBERED]


def _reads(rule: Rule, seen: Seen) -> bool:
    return rule.reads is None or rule.reads is seen.action_class
