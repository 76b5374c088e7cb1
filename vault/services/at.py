"""Customers and documents as they stood: on a day of their lives, as was known at a moment of the
vault's. Transactions: vault/services/bookings_at.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from vault.records.timeline import begins
from vault.services import sealer
from vault.services.kinds import CUSTOMERS, DOCUMENTS, AnyKind
from vault.services.opening import Opened, Opener
from vault.services.reach import Listing
from vault.store import CustomerRow, Database, DocumentRow, as_known, customers

_PAGE: Final = 20
_FOREVER: Final = 2**63 - 1

Look = Callable[[Connection, int | None, int], Sequence[CustomerRow] | Sequence[DocumentRow]]
"""Versions of one record, newest first, below a number if one is given, so many at most."""


@dataclass(frozen=True, slots=True)
class At:
    """The two times of a read: a day, and microseconds since the epoch; None for no bound."""

    as_of: date | None = None
    known_at: int | None = None

    def __bool__(self) -> bool:
        return self.as_of is not None or self.known_at is not None

    @property
    def known_by(self) -> int:
        """`known_at`, or what is later than any recording."""
        return _FOREVER if self.known_at is None else self.known_at

    def holds(self, one: Opened) -> bool:
        """Whether a version was known then, and had begun to be true."""
        if one.recorded_at > self.known_by:
            return False
        if self.as_of is None:
            return True
        return begins(one.value, sealer.utc_day(one.recorded_at)) <= self.as_of


ANY_TIME: Final = At()


class Standing:
    """Finds versions by their two times (vault/records/timeline.py). Opens no more than it must: a
    few at a time, from the newest back. Raises Shredded, Corrupted."""

    def __init__(self, database: Database, opener: Opener) -> None:
        self._database = database
        self._opener = opener

    async def customer(
        self, institution: str, customer: str, at: At, *, views: bool
    ) -> Opened | None:
        """The version that was true then: of those known, the last recorded that had begun."""
        return await _first(self.customer_versions(institution, customer, at, None, views=views))

    def customer_versions(
        self, institution: str, customer: str, at: At, before: int | None, *, views: bool
    ) -> AsyncGenerator[list[Opened], None]:
        """Versions that hold at both times, newest first, below number `before`, a few at a
        time."""

        def look(conn: Connection, before: int | None, limit: int) -> list[CustomerRow]:
            return customers.history(conn, institution, customer, before=before, limit=limit)

        return self._versions(CUSTOMERS, look, at, before, views)

    async def document(
        self,
        institution: str,
        customer: str,
        document: str,
        at: At,
        *,
        below: int | None = None,
        views: bool,
    ) -> Opened | None:
        """As `customer`, of a document; of its versions below a number, if one is given."""
        return await _first(
            self.document_versions(institution, customer, document, at, below, views=views)
        )

    def document_versions(
        self,
        institution: str,
        customer: str,
        document: str,
        at: At,
        before: int | None,
        *,
        views: bool,
    ) -> AsyncGenerator[list[Opened], None]:
        """As `customer_versions`, of a document."""

        def look(conn: Connection, before: int | None, limit: int) -> list[DocumentRow]:
            place = (institution, customer, document)
            return as_known.document_versions(conn, *place, at.known_by, before, limit)

        return self._versions(DOCUMENTS, look, at, before, views)

    async def document_page(
        self, institution: str, customer: str, at: At, after: str, limit: int, *, views: bool
    ) -> Listing[Opened]:
        """Of a customer's documents, beyond the identifier `after`, the versions that were true
        then, without those documents of which none was; one less than `limit` are looked at."""
        rows = await self._database.read(
            lambda conn: as_known.document_page(
                conn, institution, customer, at.known_by, after, limit
            )
        )
        further = rows[-2].document if len(rows) == limit else ""
        kept = rows[: limit - 1]
        found: list[Opened] = []
        newest = await self._opener.many(DOCUMENTS, kept, views=views)
        for row, one in zip(kept, newest, strict=True):
            stood: Opened | None = one
            if not at.holds(one):
                place = (institution, customer, row.document)
                stood = await self.document(*place, at, below=row.version, views=views)
            if stood is not None:
                found.append(stood)
        return Listing(found, further)

    async def _versions(
        self, kind: AnyKind, look: Look, at: At, before: int | None, views: bool
    ) -> AsyncGenerator[list[Opened], None]:
        while True:
            below = before
            rows = await self._database.read(lambda conn: look(conn, below, _PAGE))  # noqa: B023  # is called before the loop goes on
            # What was not known then need not be opened.
            known = [r for r in rows if r.recorded_at <= at.known_by]
            opened = await self._opener.many(kind, known, views=views) if known else []
            yield [one for one in opened if at.holds(one)]
            if len(rows) < _PAGE:
                return
            before = rows[-1].version


async def some(parts: AsyncGenerator[list[Opened], None], limit: int) -> list[Opened]:
    """The first of what comes in parts."""
    found: list[Opened] = []
    async with aclosing(parts):
        async for more in parts:
            found += more
            if len(found) >= limit:
                break
    return found[:limit]


async def _first(parts: AsyncGenerator[list[Opened], None]) -> Opened | None:
    found = await some(parts, 1)
    return found[0] if found else None
