"""Opens full records: one, a page, or the versions of one, for a purpose that policy has
allowed. Nobody's own file, nor a declared relative's, is opened to him.

``views`` asks for the masked views beside the records. The masked keys are used only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vault.access import ActionClass
from vault.records import IDENTITY_SCOPE, ScopeRef, ulid_ms
from vault.sealing import ScopeShredded
from vault.services import sealer
from vault.services.call import Call
from vault.services.closed import OwnFile
from vault.services.errors import NotFound, Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    LinkRow,
    MaskedTransactionRow,
    TransactionRow,
    customers,
    documents,
    transactions,
)

AnyRow = CustomerRow | DocumentRow | TransactionRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A record in full with what the vault knows about it; times in microseconds since the
    epoch. ``view`` is its masked view, where that was asked for."""

    customer: str
    record: str
    value: Any
    version: int
    etag: str
    created_at: int
    recorded_at: int
    corrected_by: tuple[str, ...] = ()
    reversed_by: tuple[str, ...] = ()
    view: Any = None


@dataclass(frozen=True, slots=True)
class Period:
    """Bounds of a page of transactions, as identifiers: low <= id < high."""

    low: str = ""
    high: str = "~"
    newest_first: bool = False


class Reading:
    """The use cases that open full records. Raises NotFound, Shredded, Corrupted, OwnFile;
    StoreUnavailable and KmsUnavailable from below."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def customer(
        self,
        call: Call,
        institution: str,
        customer: str,
        version: int = 0,
        *,
        needed: ActionClass = ActionClass.FULL_READ,
        views: bool = False,
    ) -> Opened:
        """A customer; the current version if ``version`` is 0."""
        _require(call, institution, customer, needed)
        row = await self._database.read(
            lambda conn: (
                customers.version(conn, institution, customer, version)
                if version
                else customers.current(conn, institution, customer)
            )
        )
        return await self._one(
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
    ) -> Opened:
        """An identity document; the current version if ``version`` is 0."""
        _require(call, institution, customer, needed)
        row = await self._database.read(
            lambda conn: (
                documents.version(conn, institution, customer, document, version)
                if version
                else documents.current(conn, institution, customer, document)
            )
        )
        name = sealer.resource_name(institution, customer, f"documents/{document}")
        return await self._one(DOCUMENTS, row, name, views=views)

    async def transaction(
        self,
        call: Call,
        institution: str,
        customer: str,
        transaction: str,
        *,
        views: bool = False,
    ) -> Opened:
        """A transaction, with what corrects and reverses it."""
        _require(call, institution, customer)

        def find(conn: Any) -> tuple[TransactionRow | None, list[LinkRow]]:
            row = transactions.get(conn, institution, customer, transaction)
            return row, transactions.links_to(conn, institution, customer, [transaction])

        row, links = await self._database.read(find)
        name = sealer.resource_name(institution, customer, f"transactions/{transaction}")
        return await self._one(TRANSACTIONS, row, name, links, views=views)

    async def customer_page(
        self,
        call: Call,
        institution: str,
        after: str,
        limit: int,
        *,
        needed: ActionClass = ActionClass.FULL_READ,
        views: bool = False,
    ) -> list[Opened]:
        """Current versions of an institution's customers, beyond the identifier ``after``, without
        those whose files are closed to the caller."""
        call.require(needed, institution)
        closed = call.close_files
        rows = await self._database.read(
            lambda conn: customers.page(conn, institution, after=after, limit=limit + len(closed))
        )
        open_ = [row for row in rows if row.customer not in closed] if closed else rows
        return await self._many(CUSTOMERS, open_[:limit], views=views)

    async def document_page(
        self,
        call: Call,
        institution: str,
        customer: str,
        after: str,
        limit: int,
        *,
        views: bool = False,
    ) -> list[Opened]:
        """Current versions of a customer's documents, beyond the identifier ``after``."""
        _require(call, institution, customer)
        rows = await self._database.read(
            lambda conn: documents.page(conn, institution, customer, after=after, limit=limit)
        )
        return await self._many(DOCUMENTS, rows, views=views)

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

        def find(conn: Any) -> tuple[list[TransactionRow], list[LinkRow]]:
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
            targets = [r.transaction for r in rows]
            return rows, transactions.links_to(conn, institution, customer, targets)

        rows, links = await self._database.read(find)
        return await self._many(TRANSACTIONS, rows, links, views=views)

    async def customer_versions(
        self,
        call: Call,
        institution: str,
        customer: str,
        before: int | None,
        limit: int,
        *,
        views: bool = False,
    ) -> list[Opened]:
        """Versions of a customer, newest first, below number ``before``."""
        _require(call, institution, customer)
        rows = await self._database.read(
            lambda conn: customers.history(conn, institution, customer, before=before, limit=limit)
        )
        if not rows and before is None:
            raise NotFound(sealer.resource_name(institution, customer))
        return await self._many(CUSTOMERS, rows, views=views)

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
    ) -> list[Opened]:
        """Versions of a document, newest first, below number ``before``."""
        _require(call, institution, customer)
        rows = await self._database.read(
            lambda conn: documents.history(
                conn, institution, customer, document, before=before, limit=limit
            )
        )
        if not rows and before is None:
            raise NotFound(sealer.resource_name(institution, customer, f"documents/{document}"))
        return await self._many(DOCUMENTS, rows, views=views)

    async def _one(
        self,
        kind: AnyKind,
        row: AnyRow | None,
        name: str,
        links: Sequence[LinkRow] = (),
        *,
        views: bool,
    ) -> Opened:
        if row is None:
            raise NotFound(name)
        return (await self._many(kind, [row], links, views=views))[0]

    async def _many(
        self,
        kind: AnyKind,
        rows: Sequence[AnyRow],
        links: Sequence[LinkRow] = (),
        *,
        views: bool,
    ) -> list[Opened]:
        refs = [scope_of(row) for row in rows]
        try:
            keys = await self._keys.full(refs)
            masked = await self._keys.masked(refs) if views else {}
        except ScopeShredded as error:
            raise Shredded(row_resource(rows[refs.index(error.ref)])) from None
        out = []
        for row, ref in zip(rows, refs, strict=True):
            record, version = record_of(row), version_of(row)
            value = sealer.unseal(kind, row.sealed, ref, record, version, keys[ref])
            view = (
                sealer.unseal_view(kind, row.masked, ref, record, version, masked[ref])
                if views
                else None
            )
            corrected, reversed_ = pointing_at(row, links)
            out.append(
                Opened(
                    customer=row.customer,
                    record=record,
                    value=value,
                    version=version,
                    etag=sealer.etag_of(row.sealed),
                    created_at=_created_at(row),
                    recorded_at=row.recorded_at,
                    corrected_by=corrected,
                    reversed_by=reversed_,
                    view=view,
                )
            )
        return out


def _require(
    call: Call, institution: str, customer: str, needed: ActionClass = ActionClass.FULL_READ
) -> None:
    call.require(needed, institution, customer)
    if needed is ActionClass.FULL_READ and customer in call.close_files:
        raise OwnFile


def scope_of(row: AnyRow) -> ScopeRef:
    """The scope that a row's keys belong to."""
    scope = row.scope if isinstance(row, TransactionRow) else IDENTITY_SCOPE
    return ScopeRef(row.institution, row.customer, scope)


def record_of(row: AnyRow) -> str:
    """A row's path inside its customer."""
    if isinstance(row, CustomerRow):
        return ""
    if isinstance(row, DocumentRow):
        return f"documents/{row.document}"
    return f"transactions/{row.transaction}"


def version_of(row: AnyRow) -> int:
    """A row's version; a transaction has only the first."""
    return 1 if isinstance(row, TransactionRow) else row.version


def row_resource(row: AnyRow) -> str:
    """A row's resource name."""
    return sealer.resource_name(row.institution, row.customer, record_of(row))


def _created_at(row: AnyRow) -> int:
    """When the first version was recorded, to the millisecond for a customer or document: its
    identifier is a ULID of it, and every version says the same."""
    if isinstance(row, TransactionRow):
        return row.recorded_at
    return ulid_ms(row.customer if isinstance(row, CustomerRow) else row.document) * 1000


def pointing_at(row: object, links: Sequence[LinkRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of what corrects and of what reverses a transaction; none for another record."""
    if not links or not isinstance(row, TransactionRow | MaskedTransactionRow):
        return (), ()

    def names(kind: str) -> tuple[str, ...]:
        return tuple(
            sealer.resource_name(row.institution, row.customer, f"transactions/{link.transaction}")
            for link in links
            if link.target == row.transaction and link.kind == kind
        )

    return names("corrects"), names("reverses")
