"""Opens full records: one, a page, or the versions of one, for a purpose that policy has
allowed. Nobody's own file, nor a declared relative's, is opened to him, and none that his roles do
not reach.

``views`` asks for the masked views beside the records. The masked keys are used only then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from vault.access import ActionClass, GrantMismatch
from vault.services import sealer
from vault.services.at import At, Standing, some
from vault.services.bookings_at import BookingsAt
from vault.services.call import Call
from vault.services.closed import OutsideScope, OwnFile
from vault.services.errors import NotFound
from vault.services.keys import Keys
from vault.services.kin_files import KinFiles
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.opening import Opened, Opener
from vault.services.period import Period
from vault.services.reach import FullReach, Listing
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    LinkRow,
    TransactionRow,
    customers,
    documents,
    transactions,
)

T = TypeVar("T")


class Reading:
    """The use cases that open full records. Raises NotFound, Shredded, Corrupted, OwnFile,
    OutsideScope; StoreUnavailable and KmsUnavailable from below."""

    def __init__(
        self, database: Database, keys: Keys, reach: FullReach, merges: Merges | None = None
    ) -> None:
        self._merges = merges or Merges()
        self._kin = MergedKin(self._merges)
        self._database = database
        self._opener = Opener(keys)
        self._reach = reach
        self._standing = Standing(database, self._opener)
        self._bookings = BookingsAt(database, self._opener)

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
            found = await self._standing.customer(institution, customer, at, views=views)
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
        at: At | None = None,
    ) -> Opened:
        """An identity document; the current version if ``version`` is 0, or the one that stood
        ``at`` two times."""
        _require(call, institution, customer, needed)
        name = sealer.resource_name(institution, customer, f"documents/{document}")
        if at:
            await self._current(call, institution, customer)
            found = await self._standing.document(institution, customer, document, at, views=views)
            if found is None:
                raise NotFound(name)
            return found

        def find(conn: Connection) -> DocumentRow | None:
            if version:
                return documents.version(conn, institution, customer, document, version)
            return documents.current(conn, institution, customer, document)

        row = await self._within(call, institution, customer, find)
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
        at: At | None = None,
    ) -> Opened:
        """A transaction, with what corrects and reverses it; with ``at``, if it was booked and
        known then, with what had been."""
        _require(call, institution, customer, needed)
        name = sealer.resource_name(institution, customer, f"transactions/{transaction}")
        if at:
            await self._current(call, institution, customer)
            place = (institution, customer, transaction)
            found = await self._bookings.one(*place, at, views=views)
            if found is None:
                raise NotFound(name)
            return found

        def find(conn: Any) -> tuple[TransactionRow | None, list[LinkRow]]:
            row = transactions.get(conn, institution, customer, transaction)
            return row, transactions.links_to(conn, institution, customer, [transaction])

        row, links = await self._within(call, institution, customer, find)
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
                await self._standing.customer(institution, one.customer, at, views=views)
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

    async def document_listing(
        self,
        call: Call,
        institution: str,
        customer: str,
        after: str,
        limit: int,
        *,
        views: bool = False,
        at: At | None = None,
    ) -> Listing[Opened]:
        """Current versions of a customer's documents, beyond the identifier ``after``; or those
        that stood ``at`` two times. A page of these is short where it has to be, and says where to
        go on."""
        _require(call, institution, customer)
        place = (institution, customer)
        if at:
            await self._current(call, *place)
            return await self._standing.document_page(*place, at, after, limit, views=views)
        rows = await self._within(
            call, *place, lambda conn: documents.page(conn, *place, after=after, limit=limit)
        )
        return Listing(await self._opener.many(DOCUMENTS, rows, views=views))

    async def transaction_listing(
        self,
        call: Call,
        institution: str,
        customer: str,
        period: Period,
        after: str,
        limit: int,
        *,
        views: bool = False,
        at: At | None = None,
    ) -> Listing[Opened]:
        """As ``transaction_page``; or those that stood ``at`` two times, in pages that are short
        where they have to be, and say where to go on."""
        place = (institution, customer, period)
        if not at:
            return Listing(await self.transaction_page(call, *place, after, limit, views=views))
        _require(call, institution, customer)
        await self._current(call, institution, customer)
        return await self._bookings.page(*place, at, after, limit, views=views)

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
    ) -> list[Opened]:
        """A customer's transactions in order of booking, beyond the identifier ``after``."""
        _require(call, institution, customer)
        return await self._bookings_of(
            call, institution, customer, period, after, limit, views=views
        )

    async def files(self, call: Call, institution: str, customer: str) -> KinFiles:
        """The files that a customer's bookings stand in, whichever of them is asked for: all that
        are of one customer with his, each of which has to be within reach and nobody's own.

        A check-out is of one file alone, and two persons who merge that with another lend nothing
        by it: by a check-out the file that it covers is all that is looked at, and what is told of
        it is not `whole` where there are others.
        """
        _require(call, institution, customer)
        everyone = self._kin(institution, customer)
        if len(everyone) == 1 or call.lent is not None:
            return KinFiles(institution, customer, (customer,), len(everyone) == 1)
        if call.close_files & everyone:
            raise OwnFile
        if await self._reach.outside(call.scope, institution, everyone):
            raise OutsideScope
        return KinFiles(institution, customer, tuple(sorted(everyone)), whole=True)

    async def page_of_kin(
        self, call: Call, files: KinFiles, customer: str, period: Period, after: str, limit: int
    ) -> list[Opened]:
        """As ``transaction_page``, of any of the files that the call looks through."""
        _require(call, files.institution, files.asked)
        if customer not in files.customers:
            raise GrantMismatch("the file is none of those that the call looks through")
        return await self._bookings_of(call, files.institution, customer, period, after, limit)

    async def _bookings_of(
        self,
        call: Call,
        institution: str,
        customer: str,
        period: Period,
        after: str,
        limit: int,
        *,
        views: bool = False,
    ) -> list[Opened]:
        def find(conn: Connection) -> tuple[list[TransactionRow], list[LinkRow]]:
            rows = transactions.page(
                conn,
                institution,
                customer,
                low=period.low,
                high=period.high,
                after=after,
                descending=period.newest_first,
                limit=limit,
            )
            targets = [row.transaction for row in rows]
            return rows, transactions.links_to(conn, institution, customer, targets)

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
            place = (institution, customer, at, before)
            return await some(self._standing.customer_versions(*place, views=views), limit)
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
        at: At | None = None,
    ) -> list[Opened]:
        """Versions of a document, newest first, below number ``before``; with ``at``, those that
        were known then and had begun to be true."""
        _require(call, institution, customer)
        place = (institution, customer, document)
        name = sealer.resource_name(institution, customer, f"documents/{document}")
        if at:
            await self._current(call, institution, customer)
            stood = self._standing.document_versions(*place, at, before, views=views)
            found = await some(stood, limit)
            if not found and before is None:
                raise NotFound(name)
            return found
        rows = await self._within(
            call,
            institution,
            customer,
            lambda conn: documents.history(conn, *place, before=before, limit=limit),
        )
        if not rows and before is None:
            raise NotFound(name)
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
