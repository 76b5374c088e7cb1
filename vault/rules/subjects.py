"""Until when a person who asks about his own data is answered: data, by jurisdiction.

Of several rules that apply, the one that ends first counts, and a longer time is taken only where
each of them allows one. The day of receipt is not counted, and the last day belongs to the period;
where the last month has no such day, its last one is meant (Regulation (EEC, Euratom) No 1182/71
art. 3). That a period may end on the next working day is not made use of: the earlier day is safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.rules.currency import add_months
from vault.rules.reading import RulesInvalid, read_folder
from vault.rules.retention import EVERYWHERE

DEFAULT_LIMITS: Final = Path(__file__).parent / "data" / "subjects"


class RequestKind(StrEnum):
    """What a person asks of his own data."""

    ACCESS = "ACCESS"
    """What is held of him, and who has used it."""
    CORRECTION = "CORRECTION"
    ERASURE = "ERASURE"

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule: so many months or days from receipt, of which the other is 0, and so many months more
    where a longer time is taken, 0 where none may be. `label` is `set/version`; `checked` says
    whether somebody has read the text of the source."""

    label: str
    kinds: frozenset[RequestKind]
    months: int
    days: int
    extension_months: int
    source: str
    article: str
    checked: bool

    def due(self, received: date) -> date:
        """The last day to answer."""
        if self.months:
            return add_months(received, self.months)
        return _days_after(received, self.days)

    def extended(self, received: date) -> date | None:
        """The last day where a longer time is taken; None where none may be."""
        if not self.extension_months:
            return None
        if self.months:
            return add_months(received, self.months + self.extension_months)
        return add_months(self.due(received), self.extension_months)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day to answer, by which rule, and the last one where a longer time is taken (None:
    none may be)."""

    due: date
    extended: date | None
    by: Limit


@dataclass(frozen=True, slots=True)
class LimitSet:
    """The rules of one law, as it stands from a day on."""

    name: str
    version: int
    jurisdictions: frozenset[str]
    effective_from: date
    limits: tuple[Limit, ...]


class LimitBook:
    """All rule sets; of several versions of one name, the one that came into force last counts."""

    def __init__(self, sets: Iterable[LimitSet]) -> None:
        self.sets = tuple(sorted(sets, key=lambda s: (s.name, s.effective_from, s.version)))
        labels = [(one.name, one.version) for one in self.sets]
        if len(set(labels)) < len(labels):
            raise ValueError("two rule sets have the same name and version")

    def deadline(
        self, kind: RequestKind, jurisdictions: frozenset[str], received: date
    ) -> Deadline | None:
        """Until when a request that was received on a day is answered. None where no rule is."""
        found = self._applying(kind, jurisdictions, received)
        if not found:
            return None
        by = min(found, key=lambda one: (one.due(received), one.label))
        longer = [one.extended(received) for one in found]
        known = [day for day in longer if day is not None]
        return Deadline(by.due(received), min(known) if len(known) == len(longer) else None, by)

    def _applying(
        self, kind: RequestKind, jurisdictions: frozenset[str], received: date
    ) -> list[Limit]:
        in_force = {one.name: one for one in self.sets if one.effective_from <= received}
        found = {
            everywhere: [
                limit
                for one in in_force.values()
                if (one.jurisdictions & jurisdictions if not everywhere else _is_general(one))
                for limit in one.limits
                if kind in limit.kinds
            ]
            for everywhere in (False, True)
        }
        # What is for everywhere is for where nothing else is.
        return found[False] or found[True]


def _is_general(one: LimitSet) -> bool:
    return EVERYWHERE in one.jurisdictions


def _days_after(day: date, days: int) -> date:
    left = (date.max - day).days
    return day + timedelta(days=min(days, left))


_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Where = Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|\*)$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Months = Annotated[int, msgspec.Meta(ge=1, le=24)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=730)]


class _Limit(msgspec.Struct, forbid_unknown_fields=True):
    kinds: Annotated[list[RequestKind], msgspec.Meta(min_length=1)]
    source: _Text
    article: _Text
    checked: bool
    months: _Months | None = None
    days: _Days | None = None
    extension_months: _Months | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: _Word
    version: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    jurisdictions: Annotated[list[_Where], msgspec.Meta(min_length=1, max_length=300)]
    effective_from: date
    limit: Annotated[list[_Limit], msgspec.Meta(min_length=1, max_length=100)]


def read_limits(folder: Path = DEFAULT_LIMITS) -> LimitBook:
    """All rule sets of a folder. Raises RulesInvalid, which names the file."""
    sets = []
    for name, made in read_folder(folder, _File):
        for one in made.limit:
            if (one.months is None) is (one.days is None):
                raise RulesInvalid(f"{name}: a limit is of months or of days, one of the two")
        label = f"{made.name}/{made.version}"
        sets.append(
            LimitSet(
                made.name,
                made.version,
                frozenset(made.jurisdictions),
                made.effective_from,
                tuple(
                    Limit(
                        label,
                        frozenset(one.kinds),
                        one.months or 0,
                        one.days or 0,
                        one.extension_months or 0,
                        one.source,
                        one.article,
                        one.checked,
                    )
                    for one in made.limit
                ),
            )
        )
    try:
        return LimitBook(sets)
    except ValueError as problem:
        raise RulesInvalid(str(problem)) from None
