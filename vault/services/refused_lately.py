"""Who was refused lately, in whichever process of a tier: looked up again every second.

A row of refused calls ends with one that is allowed. So that not every allowed call has to be
remembered for that, it is only where there is a row to end.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from vault.sealing import Clock
from vault.services.callers import Caller
from vault.store import Database
from vault.store.sightings import Sightings

_SECONDS: Final = 1.0
_ENDED: Final = 10_000


class RefusedLately:
    """Those who were, within `longest` microseconds: the longest time of a row; 0 if no rule is
    about rows."""

    def __init__(self, database: Database, rows: Sightings, clock: Clock, longest: int) -> None:
        self._database = database
        self._rows = rows
        self._clock = clock
        self._longest = longest
        # By institution: who was refused, and when last.
        self._refused: dict[str, dict[str, int]] = {}
        self._looked: dict[str, float] = {}
        self._ended: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def look(self, institution: str) -> None:
        """See who there is, if that was not done just now. Raises StoreUnavailable."""
        if not self._longest:
            return
        looked = self._looked.get(institution)
        now = self._clock.monotonic()
        if looked is not None and now - looked < _SECONDS:
            return
        # Others go on by what is known while this one looks.
        self._looked[institution] = now
        since = self._clock.now_micros() - self._longest
        found = await self._database.read(lambda conn: self._rows.refused(conn, institution, since))
        # What was kept here while it was looked for may not be in it.
        for who, at in self._refused.get(institution, {}).items():
            if at >= since:
                found[who] = max(at, found.get(who, 0))
        self._refused[institution] = found

    def has_row(self, caller: Caller) -> bool:
        """Whether there is a row of his that an allowed call would end."""
        refused = self._refused.get(caller.institution)
        if not refused or (last := refused.get(caller.who)) is None:
            return False
        return last > self._ended.get((caller.institution, caller.who), 0)

    def keep(self, caller: Caller, at: int, *, refused: bool) -> None:
        """A call was remembered: refused, or one that ended a row."""
        if refused:
            self._refused.setdefault(caller.institution, {})[caller.who] = at
        elif self.has_row(caller):
            self._ended[caller.institution, caller.who] = at
            if len(self._ended) > _ENDED:
                self._ended.popitem(last=False)
