"""Holds calls against the rules.

Two steps a call: `look` says which alerts it raises and changes nothing; `keep` remembers it, once
its event and its alerts are durable. An alert that could not be written is raised by the next call
that fits.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from vault.access.actions import ActionClass
from vault.access.detection.rules import (
    Following,
    Hours,
    Refusals,
    Rule,
    Rules,
    Sequence,
)

_REMEMBERED: Final = 10_000  # callers
_FILES: Final = 1_000  # opened files of one caller that business may still follow
_HOUR: Final = 3_600_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that ended. `who` is one caller of one institution; `at` in microseconds since the
    epoch; `opened` whether it showed `customer`, of one record or one list below him."""

    who: str
    roles: frozenset[str]
    person: bool
    action_class: ActionClass
    customer: str
    opened: bool
    refused: bool
    at: int


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule says of a call; `count` of what it counted."""

    rule: Rule
    count: int


@dataclass(slots=True)
class _Run:
    """Customers in one order so far: since when each of the last ones, and which way it goes."""

    last: str = ""
    way: int = 0
    times: deque[int] = field(default_factory=deque)

    def with_next(self, customer: str, at: int, size: int) -> _Run:
        if customer == self.last:
            return self
        way = 1 if customer > self.last else -1
        if not self.last:
            return _Run(customer, 0, deque([at], size))
        if self.way in (0, way):
            return _Run(customer, way, deque([*self.times, at], size))
        # The last one may be the first of the other way.
        return _Run(customer, way, deque([self.times[-1], at], size))


@dataclass(slots=True)
class _Caller:
    runs: dict[str, _Run] = field(default_factory=dict)
    refused: deque[int] = field(default_factory=deque)
    warned: dict[str, int] = field(default_factory=dict)
    files: OrderedDict[str, int] = field(default_factory=OrderedDict)


class Sentry:
    """Remembers callers of one process. Not thread-safe: one event loop's."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._longest = max((rule.count for rule in rules.refusals), default=0)

    def look(self, seen: Seen) -> list[Alert]:
        """The alerts that a call raises."""
        caller = self._callers.get(seen.who) or _Caller()
        alerts: list[Alert] = []
        if seen.refused:
            for refusals in self._rules.refusals:
                self._refusals(refusals, caller, seen, alerts)
        elif seen.opened:
            for sequence in self._rules.sequences:
                self._sequence(sequence, caller, seen, alerts)
            for hours in self._rules.hours:
                self._hours(hours, caller, seen, alerts)
            for following in self._rules.following:
                self._following(following, caller, seen, alerts)
        return alerts

    def keep(self, seen: Seen, alerts: list[Alert]) -> None:
        """Remember a call, and that its alerts were raised."""
        caller = self._callers.get(seen.who)
        if caller is None:
            caller = self._callers[seen.who] = _Caller()
            if len(self._callers) > _REMEMBERED:
                self._callers.popitem(last=False)
        else:
            self._callers.move_to_end(seen.who)
        raised = {alert.rule.id for alert in alerts}
        if seen.refused:
            caller.refused.append(seen.at)
            while len(caller.refused) > self._longest:
                caller.refused.popleft()
            if raised:
                caller.refused.clear()
            return
        caller.refused.clear()
        if not seen.opened:
            self._business(caller, seen)
            return
        for rule in self._rules.sequences:
            if _concerns(rule, seen):
                run = caller.runs.get(rule.id, _Run()).with_next(seen.customer, seen.at, rule.count)
                caller.runs[rule.id] = (
                    _Run(run.last, 0, deque([seen.at], rule.count)) if rule.id in raised else run
                )
        for hours in self._rules.hours:
            if hours.id in raised:
                caller.warned[hours.id] = seen.at
        for following in self._rules.following:
            if following.id in raised:
                for customer in self._unfollowed(following, caller, seen.at):
                    del caller.files[customer]
        if self._rules.following and seen.action_class is ActionClass.FULL_READ:
            caller.files.setdefault(seen.customer, seen.at)
            if len(caller.files) > _FILES:
                caller.files.popitem(last=False)

    def _business(self, caller: _Caller, seen: Seen) -> None:
        if seen.customer in caller.files and any(
            seen.action_class in rule.followed_by for rule in self._rules.following
        ):
            del caller.files[seen.customer]

    @staticmethod
    def _refusals(rule: Refusals, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        if not rule.concerns(seen.roles, person=seen.person):
            return
        since = seen.at - rule.within
        count = 1 + sum(1 for at in caller.refused if at > since)
        if count >= rule.count:
            alerts.append(Alert(rule, count))

    @staticmethod
    def _sequence(rule: Sequence, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        if not _concerns(rule, seen):
            return
        before = caller.runs.get(rule.id, _Run())
        run = before.with_next(seen.customer, seen.at, rule.count)
        whole = run is not before and len(run.times) == rule.count
        if whole and seen.at - run.times[0] <= rule.within:
            alerts.append(Alert(rule, rule.count))

    @staticmethod
    def _hours(rule: Hours, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        if not _concerns(rule, seen):
            return
        warned = caller.warned.get(rule.id)
        if warned is not None and seen.at - warned < _HOUR:
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

    def _following(self, rule: Following, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        if _concerns(rule, seen):
            count = len(self._unfollowed(rule, caller, seen.at))
            if count >= rule.count:
                alerts.append(Alert(rule, count))

    @staticmethod
    def _unfollowed(rule: Following, caller: _Caller, at: int) -> list[str]:
        return [name for name, since in caller.files.items() if at - since > rule.after]


def _concerns(rule: Rule, seen: Seen) -> bool:
    return (rule.reads is None or rule.reads is seen.action_class) and rule.concerns(
        seen.roles, person=seen.person
    )
