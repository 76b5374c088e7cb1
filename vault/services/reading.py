"""Opens full records: one, a page, or the versions of one, for a purpose that policy has
allowed. Nobody's own file, nor a declared relative's, is opened to him, and none that his roles do
not reach.

``views`` asks for the masked views beside the records. The masked keys are used only then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.services import sealer
from vault.services.at import At, Standing
from vault.services.call import Call
from vault.services.closed import OutsideScope, OwnFile
from vault.services.errors import NotFound
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.merging.standing import Merges
from vault.services.opening import Opened, Opener
from vault.services.reach import FullReach, Listing
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    LinkRow,
    TransactionRow,
    as_known,
    customers,
    documents,
    transactions,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Period:
    """Bounds of a page of transactions, as identifiers: low <= id < high."""

    low: str = ""
    high: str = "~"
    newest_first: bool = False


class Reading:
    """The use cases that open full records. Raises NotFound, Shredded, Corrupted, OwnFile,
    OutsideScope; StoreUnavailable and KmsUnavailable from below."""

    def __init__(
        self, database: Database, keys: Keys, reach: FullReach, merges: Merges | None = None
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._opener = Opener(keys)
        self._reach = reach
        self._standing = Standing(database, self._opener)

    async def customer(
        self,
        call: Call,
        institution: str,
        customer: str,
        version: int = 0,
        *,
        needed: ActionClass = ActionClass.FULL_READ,
        views: bool = False,
        at: At | None = None,
        apart: bool = False,
    ) -> Opened:
        """A customer; the current version if ``version`` is 0, or the one that stood ``at`` two
        times. With ``apart``, the current version only of a file that stands for itself; raises
        Merged."""
        _require(call, institution, customer, needed)
        if at:
            await self._current(call, institution, customer)
            found = await self._standing.version(institution, customer, at, views=views)
            if found is None:
                raise NotFound(sealer.resource_name(institution, customer))
            return found
        row = await (
            self._within(
                call,
                institution,
                customer,
                lambda conn: customers.version(conn, institution, customer, version),
            )
            if version
            else self._current(call, institution, customer)
        )
        if apart and not version and row is not None:
            self._merges.require_apart(institution, customer)
        return await self._opener.one(
            CUSTOMERS, row, sealer.resource_name(institution, customer), views=views
        )

    async def document(
        self,
        call: Call,
        institution: str,
        customer: str,
        document: str,
        version: int = 0,
        *,
        needed: ActionClass = ActionClass.FULL_READ,
        views: bool = False,
        known_at: int | None = None,
    ) -> Opened:
        """An identity document; the current version if ``version`` is 0, or that of a time."""
        _require(call, institution, customer, needed)

        def find(conn: Connection) -> DocumentRow | None:
            if known_at is not None:
                return as_known.document(conn, institution, customer, document, known_at)
            if version:
                return documents.version(conn, institution, customer, document, version)
            return documents.current(conn, institution, customer, document)

        row = await self._within(call, institution, customer, find)
        name = sealer.resource_name(institution, customer, f"documents/{document}")
        return await self._opener.one(DOCUMENTS, row, name, views=views)

    async def transaction(
        self,
        call: Call,
        institution: str,
        customer: str,
        transaction: str,
        *,
        needed: ActionClass = ActionClass.FULL_READ,
        views: bool = False,
    ) -> Opened:
        """A transaction, with what corrects and reverses it."""
        _require(call, institution, customer, needed)

        def find(conn: Any) -> tuple[TransactionRow | None, list[LinkRow]]:
            row = transactions.get(conn, institution, customer, transaction)
            return row, transactions.links_to(conn, institution, customer, [transaction])

        row, links = await self._within(call, institution, customer, find)
        name = sealer.resource_name(institution, customer, f"transactions/{transaction}")
        return await self._opener.one(TRANSACTIONS, row, name, links, views=views)

    async def customer_page(
        self,
        call: Call,
        institution: str,
        after: str,
        limit: int,
        *,
        views: bool = False,
    ) -> list[Opened]:
        """Current versions of an institution's customers, beyond the identifier ``after``, without
        those whose files are closed to the caller. For who reaches all others: of a listing, see
        ``customer_listing``."""
        call.require(ActionClass.FULL_READ, institution)
        if call.scope.limits:
            raise OutsideScope
        closed = call.close_files
        rows = await self._database.read(
            lambda conn: customers.page(conn, institution, after=after, limit=limit + len(closed))
        )
        open_ = [row for row in rows if row.customer not in closed] if closed else rows
        return await self._opener.many(CUSTOMERS, open_[:limit], views=views)

    async def customer_listing(
        self,
        call: Call,
        institution: str,
        after: str,
        limit: int,
        *,
        views: bool = False,
        at: At | None = None,
    ) -> Listing[Opened]:
        """As ``customer_page``, of those customers whom the caller's roles reach and whose files
        point to no other; as they stood ``at`` two times, without those of whom nothing did. A page
        is then short where it has to be, and says where to go on."""
        if at:
            # One less, so that what is behind the page is never taken for its last.
            listed = await self.customer_listing(call, institution, after, limit)
            rows = listed.rows
            further = rows[-2].customer if len(rows) == limit else listed.further
            kept = rows[: limit - 1] if len(rows) == limit else rows
            stood = [
                await self._standing.version(institution, one.customer, at, views=views)
                for one in kept
            ]
            return Listing([one for one in stood if one is not None], further)
        merged = self._merges.of(institution)
        if not call.scope.limits and not merged:
            return Listing(await self.customer_page(call, institution, after, limit, views=views))
        call.require(ActionClass.FULL_READ, institution)
        closed = call.close_files

        async def page(at: str, size: int) -> tuple[list[str], dict[str, CustomerRow]]:
            rows = await self._database.read(
                lambda conn: customers.page(conn, institution, after=at, limit=size)
            )
            open_ = {
                row.customer: row
                for row in rows
                if row.customer not in closed and row.customer not in merged
            }
            return [row.customer for row in rows], open_

        found = await self._reach.page(call, page, after, limit)
        return Listing(await self._opener.many(CUSTOMERS, found.rows, views=views), found.further)

    async def document_page(
        self,
        call: Call,
        institution: str,
        customer: str,
        after: str,
        limit: int,
        *,
        views: bool = False,
        known_at: int | None = None,
    ) -> list[Opened]:
        """Current versions of a customer's documents, beyond the identifier ``after``; or those
        that were current at a time."""
        _require(call, institution, customer)
        rows = await self._within(
            call,
            institution,
            customer,
            lambda conn: (
                documents.page(conn, institution, customer, after=after, limit=limit)
                if known_at is None
                else as_known.document_page(conn, institution, customer, known_at, after, limit)
            ),
        )
        return await self._opener.many(DOCUMENTS, rows, views=views)

    async def transaction_page(
        self,
        call: Call,
        institution: str,
        customer: str,
        period: Period,
        after: str,
        limit: int,
        *,
        views: bool = False,
        known_at: int | None = None,
    ) -> list[Opened]:
        """A customer's transactions in order of booking, beyond the identifier ``after``; of a
        time, those that were recorded by then."""
        _require(call, institution, customer)
        page = (
            transactions.page
            if known_at is None
            else partial(as_known.transaction_page, known_at=known_at)
        )

        def find(conn: Any) -> tuple[list[TransactionRow], list[LinkRow]]:
            rows = page(
                conn,
                institution,
                customer,
                low=period.low,
                high=period.high,
                after=after,
                descending=period.newest_first,
                limit=limit,
            )
            place, targets = (institution, customer), [r.transaction for r in rows]
            if known_at is None:
                return rows, transactions.links_to(conn, *place, targets)
            return rows, as_known.links_to(conn, *place, targets, known_at)

        rows, links = await self._within(call, institution, customer, find)
        return await self._opener.many(TRANSACTIONS, rows, links, views=views)

    async def customer_versions(
        self,
        call: Call,
        institution: str,
        customer: str,
        before: int | None,
        limit: int,
        *,
        views: bool = False,
        at: At | None = None,
    ) -> list[Opened]:
        """Versions of a customer, newest first, below number ``before``; with ``at``, those that
        were known then and had begun to be true."""
        _require(call, institution, customer)
        if at:
            await self._current(call, institution, customer)
            found: list[Opened] = []
            versions = self._standing.versions(institution, customer, at, before, views=views)
            async with aclosing(versions):
                async for some in versions:
                    found += some
                    if len(found) >= limit:
                        break
            return found[:limit]
        rows = await self._within(
            call,
            institution,
            customer,
            lambda conn: customers.history(conn, institution, customer, before=before, limit=limit),
        )
        if not rows and before is None:
            raise NotFound(sealer.resource_name(institution, customer))
        return await self._opener.many(CUSTOMERS, rows, views=views)

    async def document_versions(
        self,
        call: Call,
        institution: str,
        customer: str,
        document: str,
        before: int | None,
        limit: int,
        *,
        views: bool = False,
        known_at: int | None = None,
    ) -> list[Opened]:
        """Versions of a document, newest first, below number ``before``; with a time, those that
        were recorded by then."""
        _require(call, institution, customer)
        place = (institution, customer, document)
        rows = await self._within(
            call,
            institution,
            customer,
            lambda conn: (
                documents.history(conn, *place, before=before, limit=limit)
                if known_at is None
                else as_known.document_versions(conn, *place, known_at, before, limit)
            ),
        )
        if not rows and before is None:
            raise NotFound(sealer.resource_name(institution, customer, f"documents/{document}"))
        return await self._opener.many(DOCUMENTS, rows, views=views)

    async def _current(self, call: Call, institution: str, customer: str) -> CustomerRow | None:
        """A customer's current row, if he is within reach: where the call is by a check-out, the
        one that stood beside it."""
        row = call.file
        if row is None or (row.institution, row.customer) != (institution, customer):
            return await self._within(
                call,
                institution,
                customer,
                lambda conn: customers.current(conn, institution, customer),
            )
        if call.scope.limits:
            await self._reach.require(call, row)
        return row

    async def _within(
        self, call: Call, institution: str, customer: str, find: Callable[[Connection], T]
    ) -> T:
        """What is found of a customer, if he is within reach. Where that is not so of everybody he
        is looked at himself, as he stands at the same moment."""
        if not call.scope.limits:
            return await self._database.read(find)
        found, owner = await self._database.read(
            lambda conn: (find(conn), customers.current(conn, institution, customer))
        )
        await self._reach.require(call, owner)
        return found


def _require(
    call: Call, institution: str, customer: str, needed: ActionClass = ActionClass.FULL_READ
) -> None:
    call.require(needed, institution, customer)
    if needed is ActionClass.FULL_READ and customer in call.close_files:
        raise OwnFile
