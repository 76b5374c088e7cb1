"""Transactions as they stood: those booked by a day, as was known at a moment of the vault's, each
with what had corrected or reversed it by then.

A booking's day is that of its own time zone, which only the record says. Its identifier has the
instant, so that of most it need not be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection

from vault.records import first_ulid
from vault.records.timeline import booked_on
from vault.services.at import At
from vault.services.kinds import TRANSACTIONS
from vault.services.opening import Opened, Opener
from vault.services.period import Period
from vault.services.reach import Listing
from vault.store import Database, LinkRow, TransactionRow, as_known, transactions

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000


class BookingsAt:
    """Finds transactions by their two times. Raises Shredded, Corrupted."""

    def __init__(self, database: Database, opener: Opener) -> None:
        self._database = database
        self._opener = opener

    async def one(
        self, institution: str, customer: str, transaction: str, at: At, *, views: bool
    ) -> Opened | None:
        """A transaction, if it stood then."""
        place = (institution, customer)

        def find(conn: Connection) -> tuple[TransactionRow | None, list[LinkRow]]:
            row = transactions.get(conn, *place, transaction)
            return row, as_known.links_to(conn, *place, [transaction], at.known_by)

        row, links = await self._database.read(find)
        if row is None or row.recorded_at > at.known_by:
            return None
        links = await self._booked(*place, links, at)
        (found,) = await self._opener.many(TRANSACTIONS, [row], links, views=views)
        return found if at.holds(found) else None

    async def page(
        self,
        institution: str,
        customer: str,
        period: Period,
        at: At,
        after: str,
        limit: int,
        *,
        views: bool,
    ) -> Listing[Opened]:
        """A customer's transactions that stood then, in order of booking, beyond the identifier
        `after`; one less than `limit` are looked at."""
        place = (institution, customer)
        high = period.high
        if at.as_of is not None:
            high = min(high, _doubtful(at.as_of)[1])

        def find(conn: Connection) -> tuple[list[TransactionRow], list[LinkRow]]:
            rows = as_known.transaction_page(
                conn,
                *place,
                at.known_by,
                low=period.low,
                high=high,
                after=after,
                descending=period.newest_first,
                limit=limit,
            )
            targets = [row.transaction for row in rows[: limit - 1]]
            return rows, as_known.links_to(conn, *place, targets, at.known_by)

        rows, links = await self._database.read(find)
        further = rows[-2].transaction if len(rows) == limit else ""
        links = await self._booked(*place, links, at)
        opened = await self._opener.many(TRANSACTIONS, rows[: limit - 1], links, views=views)
        return Listing([one for one in opened if at.holds(one)], further)

    async def _booked(
        self, institution: str, customer: str, links: Sequence[LinkRow], at: At
    ) -> list[LinkRow]:
        """Those of the links whose transactions had been booked."""
        if at.as_of is None:
            return list(links)
        low, high = _doubtful(at.as_of)
        ids = sorted({one.transaction for one in links if low <= one.transaction < high})

        def find(conn: Connection) -> list[TransactionRow]:
            found = [transactions.get(conn, institution, customer, one) for one in ids]
            return [row for row in found if row is not None]

        rows = await self._database.read(find) if ids else []
        opened = await self._opener.many(TRANSACTIONS, rows, views=False) if rows else []
        there = {
            row.transaction
            for row, one in zip(rows, opened, strict=True)
            if booked_on(one.value) <= at.as_of
        }
        return [one for one in links if one.transaction < low or one.transaction in there]


def _doubtful(day: date) -> tuple[str, str]:
    """Identifiers from the first on that may be booked after a day, up to where all are: no time
    zone is a day away from UTC."""
    begin = day.toordinal() - _EPOCH
    low, high = (max(0, n) * _DAY_MS for n in (begin, begin + 2))
    return first_ulid(low), first_ulid(high)
