"""Whether customers' files lie within the reach of those who stand behind a call.

How far somebody's roles reach stands in the directory (vault.access.scope): some branches, some
classes of files. What a file is of stands in the file, so it is opened before that can be told, and
nothing of it leaves if it is outside. It is the customer as he is now who counts, also for what is
below him and for his earlier versions.

Whose reach is not limited pays nothing here: no file is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection

from vault.access.scope import Scope
from vault.records import (
    IDENTITY_SCOPE,
    Customer,
    FileMarks,
    ScopeRef,
    classes_of,
    sensitive,
    ulid_between,
)
from vault.sealing import Clock, ScopeShredded
from vault.services import sealer
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS
from vault.store import CustomerRow, Database, MaskedCustomerRow, customers

Row = TypeVar("Row", CustomerRow, MaskedCustomerRow)
K = TypeVar("K")
T = TypeVar("T")

# Files that one call looks at to fill a page, at the most, and at once. Where next to none is
# within reach, a page is short or empty, and says where to go on.
MOST: Final = 2_000
WINDOW: Final = 200
_LEAST: Final = 25


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A page in order of identifiers. `further` is where to go on although it is not full; empty
    where nothing more is known to come."""

    rows: list[T]
    further: str = ""


Page = Callable[[str, int], Awaitable[tuple[list[str], dict[str, Row]]]]
"""Up to so many identifiers beyond one, in order, and the rows of those that there are."""

Marks = Callable[[Sequence[Row]], Awaitable[dict[str, FileMarks]]]
"""What files are of, by customer; without those that were destroyed."""


class Reach(Generic[Row]):
    """Holds calls against files; `marks` tells what those files are of that still open."""

    def __init__(self, marks: Marks[Row]) -> None:
        self._marks: Marks[Row] = marks

    async def require(self, call: Call, owner: Row | None) -> None:
        """Make sure that a customer is within reach; one who does not exist is. Raises
        OutsideScope, also for a file that was destroyed: what it was of is not known any more."""
        if owner is not None and not await self.inside(call.scope, [owner]):
            raise OutsideScope

    async def inside(self, scope: Scope, rows: Sequence[Row]) -> list[Row]:
        """Those of the customers who are within reach."""
        if not scope.limits or not rows:
            return list(rows)
        if scope.empty:
            return []
        marks = await self._marks(rows)
        return [
            row
            for row in rows
            if (found := marks.get(row.customer)) is not None and scope.covers(*found)
        ]

    async def page(
        self, call: Call, page: Page[Row], after: str, limit: int, *, most: int = MOST
    ) -> Listing[Row]:
        """The first `limit` customers beyond `after` who are within reach, of those that `page`
        gives. Looks at some `most` of them, and tells by `further` of nobody who is outside."""
        scope = call.scope
        found: list[Row] = []
        at, looked, size = after, 0, max(limit, _LEAST)
        while not scope.empty:
            size = min(size, WINDOW)
            ids, rows = await page(at, size)
            some = await self.inside(scope, [rows[one] for one in ids if one in rows])
            found += some
            if len(found) >= limit:
                return Listing(found[:limit])
            if len(ids) < size:
                break
            at, looked, size = ids[-1], looked + size, 2 * size
            if looked >= most:
                shown = bool(some) and some[-1].customer == at
                return Listing(found, at if shown else ulid_between(ids[-2], at))
            await asyncio.sleep(0)
        return Listing(found)


class FullReach(Reach[CustomerRow]):
    """Of a node that opens full records, which alone say what a file is of today."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        super().__init__(self._of)
        self._database = database
        self._keys = keys
        self._clock = clock

    async def outside(self, scope: Scope, institution: str, ids: Iterable[str]) -> frozenset[str]:
        """Those of the customers who are not within reach; one who does not exist is within."""
        wanted = list(dict.fromkeys(ids))
        if not scope.limits or not wanted:
            return frozenset()

        def find(conn: Connection) -> list[CustomerRow]:
            return customers.many(conn, institution, wanted)

        rows = await self._database.read(find)
        inside = {row.customer for row in await self.inside(scope, rows)}
        return frozenset(row.customer for row in rows) - inside

    async def sensitive(self, rows: Sequence[CustomerRow]) -> bool:
        """Whether one of these files takes more to open than others; none does that was
        destroyed."""
        today = sealer.utc_day(self._clock.now_micros())
        return any(sensitive(file, today) for _, file in await self._files(rows))

    async def _of(self, rows: Sequence[CustomerRow]) -> dict[str, FileMarks]:
        today = sealer.utc_day(self._clock.now_micros())
        return {
            row.customer: FileMarks(file.branch, classes_of(file, today))
            for row, file in await self._files(rows)
        }

    async def _files(self, rows: Sequence[CustomerRow]) -> list[tuple[CustomerRow, Customer]]:
        keys = await _those_there(self._keys.full, rows)
        return [
            (row, sealer.unseal(CUSTOMERS, row.sealed, ref, "", row.version, keys[ref]))
            for row in rows
            if (ref := _ref(row)) in keys
        ]


class MaskedReach(Reach[MaskedCustomerRow]):
    """Of a node that opens masked views: what stands sealed beside them."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(self._of)
        self._keys = keys

    async def _of(self, rows: Sequence[MaskedCustomerRow]) -> dict[str, FileMarks]:
        keys = await _those_there(self._keys.masked, rows)
        return {
            row.customer: sealer.unseal_marks(row.masked, ref, row.version, keys[ref])
            for row in rows
            if (ref := _ref(row)) in keys
        }


def _ref(row: CustomerRow | MaskedCustomerRow) -> ScopeRef:
    return ScopeRef(row.institution, row.customer, IDENTITY_SCOPE)


async def _those_there(
    keys: Callable[[Iterable[ScopeRef]], Awaitable[dict[ScopeRef, K]]],
    rows: Sequence[CustomerRow] | Sequence[MaskedCustomerRow],
) -> dict[ScopeRef, K]:
    """The keys of those files that have not been destroyed."""
    refs = [_ref(row) for row in rows]
    try:
        return await keys(refs)
    except ScopeShredded:
        pass
    found: dict[ScopeRef, K] = {}
    for ref in refs:
        try:
            found |= await keys([ref])
        except ScopeShredded:
            continue
    return found
