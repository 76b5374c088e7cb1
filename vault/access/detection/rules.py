"""The rules of detection. Data.

    [[sequence]]                 # distinct customers opened one after another in one order
    id = "sequential-full"       # the event's reason is this in capitals, SEQUENTIAL_FULL
    severity = "alert"           # or "warning"
    roles = ["teller"]           # who has one of these; left out: everybody
    callers = "persons"          # or "programs"; left out: both
    reads = "full"               # or "masked"; left out: both
    count = 25
    within = "10m"               # minutes (m) or hours (h)

    [[refusals]]                 # calls refused one after another; an allowed one ends the row
    count = 20
    within = "10m"

    [[following]]                # files opened in full that no business of his followed in time
    count = 15                   # so many of them
    after = "30m"                # until which it should have followed
    followed_by = ["write", "lending"]   # classes of actions on the same customer

    [[hours]]                    # files opened outside these hours; once an hour a person
    reads = "full"
    days = ["mon", "fri"]
    from = "07:30"
    to = "19:00"
    time_zone = "Asia/Shanghai"

Every kind has `id`, `severity`, `roles` and `callers`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from vault.access.actions import ActionClass

DEFAULT_RULES: Final = Path(__file__).parent / "default.toml"
_TIME: Final = re.compile(r"([1-9][0-9]{0,3})([mh])")
_UNIT: Final = {"m": 60, "h": 3_600}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MICROS: Final = 1_000_000


class DetectionInvalid(Exception):
    """The rules cannot be used; says which and how to mend it."""


class Severity(StrEnum):
    """How much an alert matters."""

    WARNING = "warning"
    ALERT = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. Times in microseconds; no roles means everybody, no reads both kinds."""

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


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, by kind."""

    sequences: tuple[Sequence, ...] = ()
    refusals: tuple[Refusals, ...] = ()
    following: tuple[Following, ...] = ()
    hours: tuple[Hours, ...] = ()


_Count = Annotated[int, msgspec.Meta(ge=2, le=10_000)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,39}\Z")]
    severity: Severity
    roles: list[Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]] = []
    callers: Literal["persons", "programs", "both"] = "both"


class _Sequence(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    count: _Count
    within: str
    reads: Literal["full", "masked", "both"] = "both"


class _Refusals(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    count: _Count
    within: str


class _Following(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    count: _Count
    after: str
    followed_by: Annotated[list[ActionClass], msgspec.Meta(min_length=1)]


class _Hours(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    days: Annotated[list[str], msgspec.Meta(min_length=1)]
    from_: str = msgspec.field(name="from")
    to: str
    time_zone: str
    reads: Literal["full", "masked", "both"] = "both"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sequence: list[_Sequence] = []
    refusals: list[_Refusals] = []
    following: list[_Following] = []
    hours: list[_Hours] = []


def read_rules(path: Path = DEFAULT_RULES) -> Rules:
    """The rules of a file. Raises DetectionInvalid."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise DetectionInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DetectionInvalid(f"{path.name}: {error}") from None
    entries: list[_Entry] = [*file.sequence, *file.refusals, *file.following, *file.hours]
    ids = [entry.id for entry in entries]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise DetectionInvalid(f"{path.name}: more than one rule is called {', '.join(twice)}")
    for entry in entries:
        if len(set(entry.roles)) != len(entry.roles):
            raise DetectionInvalid(f"{path.name}: {entry.id}: roles names something twice")
    where = path.name
    return Rules(
        tuple(
            Sequence(
                id=e.id,
                severity=e.severity,
                roles=frozenset(e.roles),
                persons=_PERSONS[e.callers],
                reads=_READS[e.reads],
                count=e.count,
                within=_time(where, e.id, e.within),
            )
            for e in file.sequence
        ),
        tuple(
            Refusals(
                id=e.id,
                severity=e.severity,
                roles=frozenset(e.roles),
                persons=_PERSONS[e.callers],
                count=e.count,
                within=_time(where, e.id, e.within),
            )
            for e in file.refusals
        ),
        tuple(
            Following(
                id=e.id,
                severity=e.severity,
                roles=frozenset(e.roles),
                persons=_PERSONS[e.callers],
                reads=ActionClass.FULL_READ,
                count=e.count,
                after=_time(where, e.id, e.after),
                followed_by=frozenset(e.followed_by),
            )
            for e in file.following
        ),
        tuple(
            Hours(
                id=e.id,
                severity=e.severity,
                roles=frozenset(e.roles),
                persons=_PERSONS[e.callers],
                reads=_READS[e.reads],
                days=_days(where, e),
                start=_clock(where, e.id, e.from_),
                end=_clock(where, e.id, e.to),
                zone=_zone(where, e.id, e.time_zone),
            )
            for e in file.hours
        ),
    )


_PERSONS: Final = {"persons": True, "programs": False, "both": None}
_READS: Final = {"full": ActionClass.FULL_READ, "masked": ActionClass.MASKED_READ, "both": None}


def _time(where: str, rule: str, text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise DetectionInvalid(f'{where}: {rule}: "{text}" is no time; write for example 10m or 2h')
    return int(found[1]) * _UNIT[found[2]] * _MICROS


def _days(where: str, entry: _Hours) -> frozenset[int]:
    unknown = [day for day in entry.days if day not in _DAYS]
    if unknown:
        raise DetectionInvalid(
            f"{where}: {entry.id}: no day is called {', '.join(unknown)}; write mon to sun"
        )
    return frozenset(_DAYS.index(day) for day in entry.days)


def _clock(where: str, rule: str, text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise DetectionInvalid(
            f'{where}: {rule}: "{text}" is no time of day; write 07:30'
        ) from None


def _zone(where: str, rule: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DetectionInvalid(
            f'{where}: {rule}: time_zone "{name}" is not known; write for example Asia/Shanghai'
        ) from None
