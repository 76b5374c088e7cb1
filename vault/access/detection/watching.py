"""Holds calls against the rules.

Two steps a call: `look` says which alerts it raises and changes nothing; `keep` remembers it, once
its event and its alerts are durable. An alert that could not be written is raised by the next call
that fits.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

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
_R = TypeVar("_R", bound=Rule)


class Seen(NamedTuple):
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
    """Customers in one order so far: the last one, which way it goes (1, -1, or 0 while there is
    one customer), and when each came."""

    times: deque[int]
    last: str = ""
    way: int = 0

    def goes_on(self, customer: str) -> bool:
        """Whether a customer is the next one in the order."""
        if not self.last or customer == self.last:
            return False
        return self.way == 0 or (customer > self.last) is (self.way > 0)

    def take(self, customer: str, at: int) -> None:
        """Go on, or begin anew."""
        if customer == self.last:
            return
        if self.last:
            if not self.goes_on(customer):
                # The last one may be the first of the other way.
                newest = self.times[-1]
                self.times.clear()
                self.times.append(newest)
            self.way = 1 if customer > self.last else -1
        self.times.append(at)
        self.last = customer

    def restart(self, at: int) -> None:
        """Begin anew with the last customer."""
        self.way = 0
        self.times.clear()
        self.times.append(at)


@dataclass(slots=True)
class _Caller:
    runs: dict[str, _Run] = field(default_factory=dict)
    refused: deque[int] = field(default_factory=deque)
    warned: dict[str, int] = field(default_factory=dict)
    files: OrderedDict[str, int] = field(default_factory=OrderedDict)


class _Concern(NamedTuple):
    """The rules that concern somebody with some roles."""

    sequences: tuple[Sequence, ...]
    refusals: tuple[Refusals, ...]
    following: tuple[Following, ...]
    hours: tuple[Hours, ...]


class Sentry:
    """Remembers callers of one process. Not thread-safe: one event loop's."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._longest = max((rule.count for rule in rules.refusals), default=0)
        self._concern = lru_cache(_REMEMBERED)(self._of)

    def passes(self, who: str, roles: frozenset[str], *, person: bool, refused: bool) -> bool:
        """Whether a call of this caller neither raises anything nor has to be remembered: what
        most calls of programs are. Cheap."""
        concern = self._concern(roles, person)
        if refused:
            return not concern.refusals
        return who not in self._callers and not (
            concern.sequences or concern.following or concern.hours
        )

    def look(self, seen: Seen) -> list[Alert]:
        """The alerts that a call raises."""
        concern = self._concern(seen.roles, seen.person)
        caller = self._callers.get(seen.who) or _Caller()
        alerts: list[Alert] = []
        if seen.refused:
            for refusals in concern.refusals:
                self._refusals(refusals, caller, seen, alerts)
        elif seen.opened:
            for sequence in concern.sequences:
                self._sequence(sequence, caller, seen, alerts)
            for hours in concern.hours:
                self._hours(hours, caller, seen, alerts)
            for following in concern.following:
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
        concern = self._concern(seen.roles, seen.person)
        for rule in concern.sequences:
            if _reads(rule, seen):
                run = caller.runs.get(rule.id)
                if run is None:
                    run = caller.runs[rule.id] = _Run(deque(maxlen=rule.count))
                run.take(seen.customer, seen.at)
                if rule.id in raised:
                    run.restart(seen.at)
        for hours in concern.hours:
            if hours.id in raised:
                caller.warned[hours.id] = seen.at
        for following in concern.following:
            if following.id in raised:
                for customer in self._unfollowed(following, caller, seen.at):
                    del caller.files[customer]
        if concern.following and seen.action_class is ActionClass.FULL_READ:
            caller.files.setdefault(seen.customer, seen.at)
            if len(caller.files) > _FILES:
                caller.files.popitem(last=False)

    def _of(self, roles: frozenset[str], person: bool) -> _Concern:
        def mine(rules: tuple[_R, ...]) -> tuple[_R, ...]:
            return tuple(rule for rule in rules if rule.concerns(roles, person=person))

        found = self._rules
        return _Concern(
            mine(found.sequences), mine(found.refusals), mine(found.following), mine(found.hours)
        )

    def _business(self, caller: _Caller, seen: Seen) -> None:
        if seen.customer in caller.files and any(
            seen.action_class in rule.followed_by for rule in self._rules.following
        ):
            del caller.files[seen.customer]

    @staticmethod
    def _refusals(rule: Refusals, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        since = seen.at - rule.within
        count = 1 + sum(1 for at in caller.refused if at > since)
        if count >= rule.count:
            alerts.append(Alert(rule, count))

    @staticmethod
    def _sequence(rule: Sequence, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        run = caller.runs.get(rule.id)
        if run is None or not _reads(rule, seen) or not run.goes_on(seen.customer):
            return
        before = len(run.times) - (rule.count - 1)
        if before >= 0 and seen.at - run.times[before] <= rule.within:
            alerts.append(Alert(rule, rule.count))

    @staticmethod
    def _hours(rule: Hours, caller: _Caller, seen: Seen, alerts: list[Alert]) -> None:
        if not _reads(rule, seen):
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
        if _reads(rule, seen):
            count = len(self._unfollowed(rule, caller, seen.at))
            if count >= rule.count:
                alerts.append(Alert(rule, count))

    @staticmethod
    def _unfollowed(rule: Following, caller: _Caller, at: int) -> list[str]:
        return [name for name, since in caller.files.items() if at - since > rule.after]


def _reads(rule: Rule, seen: Seen) -> bool:
    return rule.reads is None or rule.reads is seen.action_class
