"""The kinds of rules of detection, as the evaluation sees them. How they are written is
rules_file.py's.

Times in microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from vault.access.actions import ActionClass

HOUR: Final = 3_600_000_000
LONGEST: Final = 24 * HOUR
"""The longest time of a rule."""
REMEMBERED: Final = 2 * LONGEST
"""Until when a file that no business followed is remembered."""


class Severity(StrEnum):
    """How much an alert matters."""

    WARNING = "warning"
    ALERT = "alert"


class By(StrEnum):
    """What files can have in common."""

    SURNAME = "surname"
    STREET = "street"
    OTHER_BRANCH = "other-branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. No roles means everybody, no reads both kinds."""

    id: str
    severity: Severity
    roles: frozenset[str] = frozenset()
    persons: bool | None = None
    reads: ActionClass | None = None

    @property
    def reason(self) -> str:
        """The reason in its event."""
        return self.id.upper().replace("-", "_")

    def concerns(self, roles: frozenset[str], *, person: bool) -> bool:
        """Whether the rule is about somebody with these roles."""
        return (self.persons is None or self.persons is person) and (
            not self.roles or not self.roles.isdisjoint(roles)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Rule):
    """Distinct customers in rising or falling order."""

    count: int
    within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals(Rule):
    """Refused calls in a row."""

    count: int
    within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar(Rule):
    """Distinct customers, opened in full, who have one value in common: of one surname, of one
    street; or who are all of other branches than the caller's."""

    by: By
    count: int
    within: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Following(Rule):
    """Files that no business followed."""

    count: int
    after: int
    followed_by: frozenset[ActionClass]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours(Rule):
    """Files opened outside of hours. `days` as weekdays from 0, Monday."""

    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo


_R = TypeVar("_R", bound=Rule)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, by kind."""

    sequences: tuple[Sequence, ...] = ()
    refusals: tuple[Refusals, ...] = ()
    similar: tuple[Similar, ...] = ()
    following: tuple[Following, ...] = ()
    hours: tuple[Hours, ...] = ()

    def of(self, roles: frozenset[str], *, person: bool) -> Rules:
        """Those that are about somebody with these roles."""

        def mine(rules: tuple[_R, ...]) -> tuple[_R, ...]:
            return tuple(rule for rule in rules if rule.concerns(roles, person=person))

        return Rules(
            mine(self.sequences),
            mine(self.refusals),
            mine(self.similar),
            mine(self.following),
            mine(self.hours),
        )

    @property
    def masked(self) -> Rules:
        """Those that can be about anything in the masked tier, where no file is opened in full."""
        full = ActionClass.FULL_READ
        return Rules(
            sequences=tuple(rule for rule in self.sequences if rule.reads is not full),
            refusals=self.refusals,
            hours=tuple(rule for rule in self.hours if rule.reads is not full),
        )

    @property
    def horizon(self) -> int:
        """How far back anything can matter."""
        if self.following:
            return REMEMBERED
        return max(
            *(rule.within for rule in self.sequences),
            *(rule.within for rule in self.refusals),
            *(rule.within for rule in self.similar),
            HOUR if self.hours else 0,
            0,
        )
