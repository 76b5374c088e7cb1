"""The table of budgets. Data.

    time_zone = "Asia/Shanghai"     # whose hours and days they are

    [[budget]]
    roles = ["teller"]              # who has one of these; left out: whoever has no row of his role
    callers = "persons"             # or "programs"; left out: both
    full_an_hour = 60               # distinct customers opened in full; left out: no limit
    full_a_day = 300
    masked_an_hour = 600            # distinct customers looked at in masked views
    masked_a_day = 3_000
    search_misses_an_hour = 100     # searches that found nobody
    list_pages_an_hour = 300        # pages of masked lists, and of what is below one customer
    full_list_pages_an_hour = 1     # pages of an institution's customers in full

Whoever has several roles with rows of their own has the largest of their limits, for each meter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

DEFAULT_BUDGETS: Final = Path(__file__).parent / "default.toml"
_CACHE_SIZE: Final = 4_096
_MICROS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BudgetsInvalid(Exception):
    """The table cannot be used; says which row and how to mend it."""


class Meter(StrEnum):
    """What is counted, and for how long."""

    FULL_HOUR = "full_an_hour"
    FULL_DAY = "full_a_day"
    MASKED_HOUR = "masked_an_hour"
    MASKED_DAY = "masked_a_day"
    MISSES = "search_misses_an_hour"
    PAGES = "list_pages_an_hour"
    FULL_PAGES = "full_list_pages_an_hour"

    # Enum hashes by name in Python code; as a key of what is remembered the C hash is wanted.
    __hash__ = str.__hash__

    @property
    def daily(self) -> bool:
        """Whether it is counted for a day, else for an hour."""
        return self.value.endswith("_a_day")


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a caller; a meter that is absent has none."""

    limits: tuple[tuple[Meter, int], ...] = ()

    def limit(self, meter: Meter) -> int | None:
        """The limit of a meter, or None."""
        return next((limit for name, limit in self.limits if name is meter), None)


UNLIMITED: Final = Budget()


@dataclass(frozen=True, slots=True)
class Period:
    """An hour or a day; in microseconds since the epoch, without its end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Row:
    roles: frozenset[str]
    persons: bool | None
    limits: dict[Meter, int]


class BudgetTable:
    """All rows. Thread-safe."""

    def __init__(self, rows: Iterable[_Row], zone: ZoneInfo) -> None:
        """Use `read_budgets`."""
        self._rows = tuple(rows)
        self._zone = zone
        self._cached = lru_cache(_CACHE_SIZE)(self._of)
        self._periods: dict[bool, Period] = {}

    def of(self, roles: frozenset[str], *, person: bool) -> Budget:
        """The budget of somebody with these roles."""
        return self._cached(roles, person)

    def period(self, meter: Meter, now: int) -> Period:
        """The hour or day of a meter that `now` (microseconds) is in."""
        daily = meter.daily
        known = self._periods.get(daily)
        if known is None or not known.start <= now < known.end:
            known = self._periods[daily] = self._day(now) if daily else self._hour(now)
        return known

    def _of(self, roles: frozenset[str], person: bool) -> Budget:
        mine = [row for row in self._rows if row.persons is None or row.persons is person]
        found = [row for row in mine if not roles.isdisjoint(row.roles)]
        limits: dict[Meter, int] = {}
        for row in found or [row for row in mine if not row.roles]:
            for meter, limit in row.limits.items():
                limits[meter] = max(limit, limits.get(meter, 0))
        if len(found) > 1:
            # What one of the rows does not limit is not limited.
            limits = {m: v for m, v in limits.items() if all(m in row.limits for row in found)}
        return Budget(tuple(limits.items()))

    def _hour(self, now: int) -> Period:
        local = (_EPOCH + timedelta(microseconds=now)).astimezone(self._zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        start = now - into // timedelta(microseconds=1)
        return Period(start, start + 3_600 * _MICROS)

    def _day(self, now: int) -> Period:
        today = (_EPOCH + timedelta(microseconds=now)).astimezone(self._zone).date()
        # From midnight to midnight, however long a day is on which the clocks are changed.
        start, end = (
            datetime(day.year, day.month, day.day, tzinfo=self._zone)
            for day in (today, today + timedelta(days=1))
        )
        micro = timedelta(microseconds=1)
        return Period((start - _EPOCH) // micro, (end - _EPOCH) // micro)


_Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
_Limit = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    roles: list[_Role] = []
    callers: Literal["persons", "programs", "both"] = "both"
    full_an_hour: _Limit | None = None
    full_a_day: _Limit | None = None
    masked_an_hour: _Limit | None = None
    masked_a_day: _Limit | None = None
    search_misses_an_hour: _Limit | None = None
    list_pages_an_hour: _Limit | None = None
    full_list_pages_an_hour: _Limit | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    time_zone: str
    budgets: list[_Entry] = msgspec.field(name="budget", default_factory=list)


def read_budgets(path: Path = DEFAULT_BUDGETS) -> BudgetTable:
    """The table of a file. Raises BudgetsInvalid."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise BudgetsInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BudgetsInvalid(f"{path.name}: {error}") from None
    try:
        zone = ZoneInfo(file.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BudgetsInvalid(
            f'{path.name}: time_zone "{file.time_zone}" is not known; write for example '
            "Asia/Shanghai"
        ) from None
    seen: set[tuple[str, bool]] = set()
    rows = []
    for number, entry in enumerate(file.budgets, 1):
        row = _row(f"{path.name}: budget {number}", entry)
        kinds = (True, False) if row.persons is None else (row.persons,)
        keys = {(role, kind) for role in row.roles or {""} for kind in kinds}
        if keys & seen:
            whom = ", ".join(sorted({role or "everybody" for role, _ in keys & seen}))
            raise BudgetsInvalid(
                f"{path.name}: budget {number}: {whom} has a row already; join the two"
            )
        seen |= keys
        rows.append(row)
    return BudgetTable(rows, zone)


def _row(where: str, entry: _Entry) -> _Row:
    if len(set(entry.roles)) != len(entry.roles):
        raise BudgetsInvalid(f"{where}: roles names something twice")
    limits = {m: limit for m in Meter if (limit := getattr(entry, m.value)) is not None}
    if not limits:
        raise BudgetsInvalid(f"{where}: limits nothing; write for example full_an_hour = 60")
    persons = {"persons": True, "programs": False, "both": None}[entry.callers]
    return _Row(frozenset(entry.roles), persons, limits)
