"""The rules of detection as they are written. Data.

    [[sequence]]                 # distinct customers opened one after another in one order
    id = "sequential-full"       # the event's reason is this in capitals, SEQUENTIAL_FULL
    severity = "alert"           # or "warning"
    roles = ["teller"]           # who has one of these; left out: everybody
    callers = "persons"          # or "programs"; left out: both
    reads = "full"               # or "masked"; left out: both
    count = 25
    within = "10m"               # minutes (m) or hours (h), a day at most

    [[refusals]]                 # calls refused one after another; an allowed one ends the row
    count = 20
    within = "10m"

    [[similar]]                  # distinct customers, opened in full, who have something in common
    by = "surname"               # or "street"; or "other-branch": none is of the caller's branches
    count = 12
    within = "1h"

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
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from vault.access.actions import ActionClass
from vault.access.detection.rules import (
    LONGEST,
    By,
    Following,
    Hours,
    Refusals,
    Rules,
    Sequence,
    Severity,
    Similar,
)

DEFAULT_RULES: Final = Path(__file__).parent / "default.toml"
_TIME: Final = re.compile(r"([1-9][0-9]{0,3})([mh])")
_UNIT: Final = {"m": 60, "h": 3_600}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MICROS: Final = 1_000_000


class DetectionInvalid(Exception):
    """The rules cannot be used; says which and how to mend it."""


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


class _Similar(_Entry, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: By
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
    similar: list[_Similar] = []
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
    entries: list[_Entry] = [
        *file.sequence,
        *file.refusals,
        *file.similar,
        *file.following,
        *file.hours,
    ]
    ids = [entry.id for entry in entries]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise DetectionInvalid(f"{path.name}: more than one rule is called {', '.join(twice)}")
    for entry in entries:
        if len(set(entry.roles)) != len(entry.roles):
            raise DetectionInvalid(f"{path.name}: {entry.id}: roles names something twice")
    where = path.name
    full = ActionClass.FULL_READ
    return Rules(
        tuple(
            Sequence(
                **_common(e), reads=_READS[e.reads], count=e.count, within=_time(where, e, e.within)
            )
            for e in file.sequence
        ),
        tuple(
            Refusals(**_common(e), count=e.count, within=_time(where, e, e.within))
            for e in file.refusals
        ),
        tuple(
            Similar(
                **_common(e), reads=full, by=e.by, count=e.count, within=_time(where, e, e.within)
            )
            for e in file.similar
        ),
        tuple(
            Following(
                **_common(e),
                reads=full,
                count=e.count,
                after=_time(where, e, e.after),
                followed_by=frozenset(e.followed_by),
            )
            for e in file.following
        ),
        tuple(
            Hours(
                **_common(e),
                reads=_READS[e.reads],
                days=_days(where, e),
                start=_clock(where, e, e.from_),
                end=_clock(where, e, e.to),
                zone=_zone(where, e),
            )
            for e in file.hours
        ),
    )


def _common(entry: _Entry) -> dict[str, Any]:
    """What every rule has."""
    return {
        "id": entry.id,
        "severity": entry.severity,
        "roles": frozenset(entry.roles),
        "persons": _PERSONS[entry.callers],
    }


_PERSONS: Final = {"persons": True, "programs": False, "both": None}
_READS: Final = {"full": ActionClass.FULL_READ, "masked": ActionClass.MASKED_READ, "both": None}


def _time(where: str, rule: _Entry, text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise DetectionInvalid(
            f'{where}: {rule.id}: "{text}" is no time; write for example 10m or 2h'
        )
    length = int(found[1]) * _UNIT[found[2]] * _MICROS
    if length > LONGEST:
        raise DetectionInvalid(
            f'{where}: {rule.id}: "{text}" is more than a day; write 24h at most'
        )
    return length


def _days(where: str, rule: _Hours) -> frozenset[int]:
    unknown = [day for day in rule.days if day not in _DAYS]
    if unknown:
        raise DetectionInvalid(
            f"{where}: {rule.id}: no day is called {', '.join(unknown)}; write mon to sun"
        )
    return frozenset(_DAYS.index(day) for day in rule.days)


def _clock(where: str, rule: _Entry, text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise DetectionInvalid(
            f'{where}: {rule.id}: "{text}" is no time of day; write 07:30'
        ) from None


def _zone(where: str, rule: _Hours) -> ZoneInfo:
    name = rule.time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DetectionInvalid(
            f'{where}: {rule.id}: time_zone "{name}" is not known; write for example Asia/Shanghai'
        ) from None
