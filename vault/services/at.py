"""Customers as they stood: on a day of their lives, as was known at a moment of the vault's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from vault.records.timeline import begins
from vault.services import sealer
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opened, Opener
from vault.store import Database, customers

_PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class At:
    """The two times of a read: a day, and microseconds since the epoch; None for no bound."""

    as_of: date | None = None
    known_at: int | None = None

    def __bool__(self) -> bool:
        return self.as_of is not None or self.known_at is not None

    def holds(self, one: Opened) -> bool:
        """Whether a version of a customer was known then, and had begun to be true."""
        if self.known_at is not None and one.recorded_at > self.known_at:
            return False
        if self.as_of is None:
            return True
        return begins(one.value, sealer.utc_day(one.recorded_at)) <= self.as_of


ANY_TIME: Final = At()


class Standing:
    """Finds versions by their two times (vault/records/timeline.py)."""

    def __init__(self, database: Database, opener: Opener) -> None:
        self._database = database
        self._opener = opener

    async def version(
        self, institution: str, customer: str, at: At, *, views: bool
    ) -> Opened | None:
        """The version that was true then: of those known, the last recorded that had begun. Opens
        no more than it must: a few at a time, from the newest back. Raises Shredded, Corrupted."""
        async with aclosing(self.versions(institution, customer, at, None, views=views)) as parts:
            async for some in parts:
                for one in some:
                    return one
        return None

    async def versions(
        self, institution: str, customer: str, at: At, before: int | None, *, views: bool
    ) -> AsyncGenerator[list[Opened], None]:
        """Versions that hold at both times, newest first, below number `before`, a few at a
        time."""
        while True:
            look = partial(
                customers.history,
                institution=institution,
                customer=customer,
                before=before,
                limit=_PAGE,
            )
            rows = await self._database.read(look)
            # What was not known then need not be opened.
            known = [r for r in rows if at.known_at is None or r.recorded_at <= at.known_at]
            opened = await self._opener.many(CUSTOMERS, known, views=views) if known else []
            yield [one for one in opened if at.holds(one)]
            if len(rows) < _PAGE:
                return
            before = rows[-1].version
