"""Reads masked views: all that a node of the masked tier can do.

It touches the masked columns and the masked key branch only. A search is answered by the full
tier's index oracle, which turns a value into identifiers; this tier holds no index key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.records import IDENTITY_SCOPE, IndexKind, ScopeRef
from vault.sealing import ScopeShredded
from vault.services import sealer
from vault.services.call import Call
from vault.services.errors import NotFound, Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.merging.standing import Merges
from vault.services.opening import pointing_at
from vault.services.period import Period
from vault.services.reach import Listing, MaskedReach
from vault.store import (
    Database,
    LinkRow,
    MaskedCustomerRow,
    MaskedDocumentRow,
    MaskedTransactionRow,
    customers,
    documents,
    transactions,
)

T = TypeVar("T")

MaskedRow = MaskedCustomerRow | MaskedDocumentRow | MaskedTransactionRow
Ids = tuple[list[str], dict[str, MaskedCustomerRow]]

# Of those that a value points to, looked at for a page: each look-up spends from the searches that
# the caller has.
_SEARCHED: Final = 400


@dataclass(frozen=True, slots=True)
class Shown:
    """A masked view with its place; ``recorded_at`` in microseconds since the epoch.

    ``corrected_by`` and ``reversed_by`` are resource names of the transactions that point here.
    """

    name: str
    customer: str
    record: str
    view: Any
    version: int
    recorded_at: int
    corrected_by: tuple[str, ...] = ()
    reversed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """A search: the kind of value, the value, and the page."""

    institution: str
    kind: IndexKind
    value: str
    after: str
    limit: int

    def __repr__(self) -> str:
        return f"Lookup({self.institution}, {self.kind.value})"


class IndexOracle(Protocol):
    """Turns a value into identifiers of customers."""

    async def look_up(self, call: Call, lookup: Lookup) -> list[str]:
        """Identifiers in order, beyond ``lookup.after``. Raises VaultError."""


class MaskedReading:
    """The masked use cases. Raises NotFound, Shredded, Corrupted, OutsideScope; StoreUnavailable
    and KmsUnavailable from below."""

    def __init__(
        self, database: Database, keys: Keys, oracle: IndexOracle, merges: Merges | None = None
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._keys = keys
        self._oracle = oracle
        self._reach = MaskedReach(keys)

    async def customer(self, call: Call, institution: str, customer: str) -> Shown:
        """A customer's masked view. Raises Merged for a file that points to another."""
        call.require(ActionClass.MASKED_READ, institution, customer)
        row = await self._database.read(
            lambda conn: customers.current_masked(conn, institution, customer)
        )
        if call.scope.limits:
            await self._reach.require(call, row)
        if row is not None:
            self._merges.require_apart(institution, customer)
        return await self._one(CUSTOMERS, row, sealer.resource_name(institution, customer))

    async def document(self, call: Call, institution: str, customer: str, document: str) -> Shown:
        """A document's masked view."""
        call.require(ActionClass.MASKED_READ, institution, customer)
        row = await self._within(
            call,
            institution,
            customer,
            lambda conn: documents.current_masked(conn, institution, customer, document),
        )
        name = sealer.resource_name(institution, customer, f"documents/{document}")
        return await self._one(DOCUMENTS, row, name)

    async def transaction(
        self, call: Call, institution: str, customer: str, transaction: str
    ) -> Shown:
        """A transaction's masked view, with what corrects and reverses it."""
        call.require(ActionClass.MASKED_READ, institution, customer)
        row, links = await self._within(
            call,
            institution,
            customer,
            lambda conn: transactions.get_masked(conn, institution, customer, transaction),
        )
        name = sealer.resource_name(institution, customer, f"transactions/{transaction}")
        return await self._one(TRANSACTIONS, row, name, links)

    async def customer_page(
        self, call: Call, institution: str, after: str, limit: int
    ) -> Listing[Shown]:
        """Masked customers of an institution, beyond the identifier ``after``, without files that
        point to another."""
        call.require(ActionClass.MASKED_READ, institution)
        merged = self._merges.of(institution)

        async def page(at: str, size: int) -> Ids:
            rows = await self._database.read(
                lambda conn: customers.page_masked(conn, institution, after=at, limit=size)
            )
            open_ = {row.customer: row for row in rows if row.customer not in merged}
            return [row.customer for row in rows], open_

        if not call.scope.limits and not merged:
            _, rows = await page(after, limit)
            return Listing(await self._many(CUSTOMERS, list(rows.values())))
        found = await self._reach.page(call, page, after, limit)
        return Listing(await self._many(CUSTOMERS, found.rows), found.further)

    async def document_page(
        self, call: Call, institution: str, customer: str, after: str, limit: int
    ) -> list[Shown]:
        """Masked documents of a customer, beyond the identifier ``after``."""
        call.require(ActionClass.MASKED_READ, institution, customer)
        rows = await self._within(
            call,
            institution,
            customer,
            lambda conn: documents.page_masked(
                conn, institution, customer, after=after, limit=limit
            ),
        )
        return await self._many(DOCUMENTS, rows)

    async def transaction_page(
        self, call: Call, institution: str, customer: str, period: Period, after: str, limit: int
    ) -> list[Shown]:
        """Masked transactions of a customer in order of booking, beyond the identifier
        ``after``."""
        call.require(ActionClass.MASKED_READ, institution, customer)

        def find(conn: Connection) -> tuple[list[MaskedTransactionRow], list[LinkRow]]:
            rows = transactions.page_masked(
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
        return await self._many(TRANSACTIONS, rows, links)

    async def search(self, call: Call, lookup: Lookup) -> Listing[Shown]:
        """Masked customers that a value points to, in order of identifier."""
        call.require(ActionClass.MASKED_READ, lookup.institution)

        async def page(at: str, size: int) -> Ids:
            found = await self._oracle.look_up(call, replace(lookup, after=at, limit=size))
            rows = await self._database.read(
                lambda conn: customers.many_masked(conn, lookup.institution, found)
            )
            return found, rows

        if not call.scope.limits:
            found, rows = await page(lookup.after, lookup.limit)
            return Listing(await self._many(CUSTOMERS, [rows[c] for c in found if c in rows]))
        some = await self._reach.page(call, page, lookup.after, lookup.limit, most=_SEARCHED)
        return Listing(await self._many(CUSTOMERS, some.rows), some.further)

    async def _within(
        self, call: Call, institution: str, customer: str, find: Callable[[Connection], T]
    ) -> T:
        """What is found of a customer, if he is within reach. Where that is not so of everybody he
        is looked at himself, as he stands at the same moment."""
        if not call.scope.limits:
            return await self._database.read(find)
        found, owner = await self._database.read(
            lambda conn: (find(conn), customers.current_masked(conn, institution, customer))
        )
        await self._reach.require(call, owner)
        return found

    async def _one(
        self, kind: AnyKind, row: MaskedRow | None, name: str, links: Sequence[LinkRow] = ()
    ) -> Shown:
        if row is None:
            raise NotFound(name)
        return (await self._many(kind, [row], links))[0]

    async def _many(
        self, kind: AnyKind, rows: Sequence[MaskedRow], links: Sequence[LinkRow] = ()
    ) -> list[Shown]:
        refs = [_scope(row) for row in rows]
        try:
            keys = await self._keys.masked(refs)
        except ScopeShredded as error:
            raise Shredded(_name(rows[refs.index(error.ref)])) from None
        out = []
        for row, ref in zip(rows, refs, strict=True):
            record = _record(row)
            version = 1 if isinstance(row, MaskedTransactionRow) else row.version
            view = sealer.unseal_view(kind, row.masked, ref, record, version, keys[ref])
            out.append(
                Shown(
                    _name(row),
                    row.customer,
                    record,
                    view,
                    version,
                    row.recorded_at,
                    *pointing_at(row, links),
                )
            )
        return out


def _scope(row: MaskedRow) -> ScopeRef:
    scope = row.scope if isinstance(row, MaskedTransactionRow) else IDENTITY_SCOPE
    return ScopeRef(row.institution, row.customer, scope)


def _record(row: MaskedRow) -> str:
    if isinstance(row, MaskedCustomerRow):
        return ""
    if isinstance(row, MaskedDocumentRow):
        return f"documents/{row.document}"
    return f"transactions/{row.transaction}"


def _name(row: MaskedRow) -> str:
    return sealer.resource_name(row.institution, row.customer, _record(row))
