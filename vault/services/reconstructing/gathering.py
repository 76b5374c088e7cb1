"""Gathers what a transaction is reconstructed from: rows, opened, each with the key that shows it.

What was destroyed meanwhile, such as an identity file whose retention ended before the booking's,
is left out; the bundle says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from vault.records import (
    Customer,
    DocumentName,
    InvalidName,
    RecordUndecodable,
    ScopeRef,
    Transaction,
    TransactionName,
)
from vault.records.timeline import booked_on
from vault.sealing import ScopeShredded, SealBroken, UnknownSuite, disclose, open_full
from vault.services import sealer
from vault.services.contents.sealed import place_of_content
from vault.services.contents.stored import ContentOpener, OpenedContent
from vault.services.errors import Corrupted, NotFound, Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.logged import relative
from vault.services.opening import AnyRow, record_of, row_resource, scope_of, version_of
from vault.services.reconstructing.shown import Gathered, Shown, booked_at
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    contents,
    customers,
    documents,
    transactions,
)
from vault.store.contents import ContentRow
from vault.store.evidence import columns_of, table_of

NEIGHBOURS: Final = 5
"""Entries of the account before and after, at most."""
# Transactions that are looked through for them on each side: other accounts may have many.
_LOOKED_AT: Final = 100
_RELATED: Final = 50
_VERSIONS: Final = 50
_PAGES: Final = 999


class Gatherer:
    """Whoever calls it has made sure that the caller may. Raises NotFound, Shredded (of the
    transaction itself), Corrupted."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys
        self._contents = ContentOpener(keys)

    async def gather(self, name: TransactionName, files: Sequence[str] = ()) -> Gathered:
        """All that there is. The entries of the account around it are of `files`, the customers
        that are one with his as far as the caller may look: of his own alone, if left out."""
        at = (name.institution, name.customer)
        gone: list[str] = []
        row = await self._database.read(lambda conn: transactions.get(conn, *at, name.transaction))
        if row is None:
            raise NotFound(str(name))
        own = await self.open_row(TRANSACTIONS, row)
        booked: Transaction = own.value
        related = await self._related(own, gone)
        files = files or (name.customer,)
        before = await self._neighbours(own, files, gone, earlier=True)
        after = await self._neighbours(own, files, gone, earlier=False)
        customer = await self._party(name, booked, gone)
        papers = await self._database.read(
            lambda conn: _papers(conn, booked.vouchers, row.recorded_at)
        )
        vouchers = [
            await self._unless_gone(DOCUMENTS, paper, gone, named) for named, paper in papers
        ]
        owners = [
            name.record,
            *(
                record_of(paper)
                for (_, paper), there in zip(papers, vouchers, strict=True)
                if paper is not None and there is not None
            ),
        ]
        pages = await self._database.read(
            lambda conn: [
                one
                for owner in owners
                for one in contents.listing(conn, *at, owner, after=0, limit=_PAGES)
            ]
        )
        return Gathered(
            own,
            tuple(related),
            tuple(before),
            tuple(after),
            customer,
            tuple(one for one in vouchers if one is not None),
            tuple([await self.open_content(one) for one in pages]),
            tuple(dict.fromkeys(gone)),
        )

    async def _party(
        self, name: TransactionName, booked: Transaction, gone: list[str]
    ) -> Shown[Customer] | None:
        """The customer as the vault knew him when it was booked: of the versions recorded by then
        the last that had begun to be true. Where there was none, the first one there is."""
        at, then = (name.institution, name.customer), booked_at(booked)
        # Begun where it was booked, or where it was recorded: a day goes round the earth.
        day = max(booked_on(booked), sealer.utc_day(then))
        first: CustomerRow | None = None
        while rows := await self._database.read(
            lambda conn, below=first.version if first else None: customers.history(  # type: ignore[misc]  # a default, not a parameter
                conn, *at, before=below, limit=_VERSIONS
            )
        ):
            for first in rows:
                if first.recorded_at > then:
                    continue
                shown: Shown[Customer] | None = await self._unless_gone(CUSTOMERS, first, gone)
                if shown is None or (shown.value.valid_from or day) <= day:
                    return shown
        return await self._unless_gone(CUSTOMERS, first, gone, sealer.resource_name(*at))

    async def _related(
        self, own: Shown[Transaction], gone: list[str]
    ) -> list[tuple[str, Shown[Transaction]]]:
        """What it corrects or reverses, and what does so to it, from one to the next."""
        name = TransactionName.parse(own.name)
        at = (name.institution, name.customer)
        seen = {own.name}
        found: list[tuple[str, Shown[Transaction]]] = []
        waiting: list[tuple[str, Shown[Transaction]]] = [("", own)]
        while waiting and len(found) < _RELATED:
            _, one = waiting.pop(0)
            target = TransactionName.parse(one.name).transaction
            links = await self._database.read(
                lambda conn, target=target: transactions.links_to(conn, *at, [target])  # type: ignore[misc]  # bound here
            )
            pointing = [
                (relation, named)
                for relation, named in (
                    ("corrects", one.value.corrects),
                    ("reverses", one.value.reverses),
                )
                if named
            ]
            pointing += [
                (
                    "corrected_by" if link.kind == "corrects" else "reversed_by",
                    sealer.resource_name(*at, f"transactions/{link.transaction}"),
                )
                for link in links
            ]
            for relation, named in pointing:
                if named in seen or len(found) >= _RELATED:
                    continue
                seen.add(named)
                identifier = TransactionName.parse(named).transaction
                row = await self._database.read(
                    lambda conn, wanted=identifier: transactions.get(conn, *at, wanted)  # type: ignore[misc]  # bound here
                )
                there = await self._unless_gone(TRANSACTIONS, row, gone, named)
                if there is not None:
                    found.append((relation, there))
                    waiting.append((relation, there))
        return found

    async def _neighbours(
        self, own: Shown[Transaction], files: Sequence[str], gone: list[str], *, earlier: bool
    ) -> list[Shown[Transaction]]:
        name = TransactionName.parse(own.name)
        pages = await self._database.read(
            lambda conn: [
                transactions.page(
                    conn,
                    name.institution,
                    customer,
                    after=name.transaction,
                    descending=earlier,
                    limit=_LOOKED_AT,
                )
                for customer in files
            ]
        )
        rows = merge(*pages, key=lambda row: row.transaction, reverse=earlier)
        found: list[Shown[Transaction]] = []
        for row in islice(rows, _LOOKED_AT):
            one = await self._unless_gone(TRANSACTIONS, row, gone)
            if one is not None and one.value.account.account == own.value.account.account:
                found.append(one)
                if len(found) == NEIGHBOURS:
                    break
        return found[::-1] if earlier else found

    async def _unless_gone(
        self, kind: AnyKind, row: AnyRow | None, gone: list[str], name: str = ""
    ) -> Shown[Any] | None:
        if row is None:
            if name:
                gone.append(name)
            return None
        try:
            return await self.open_row(kind, row)
        except Shredded:
            gone.append(row_resource(row))
            return None

    async def open_row(self, kind: AnyKind, row: AnyRow) -> Shown[Any]:
        """A record, opened, with the key that shows it. Raises Shredded, Corrupted."""
        ref, record, version = scope_of(row), record_of(row), version_of(row)
        name = row_resource(row)
        key = await self._key(ref, name)
        place = sealer.place(ref, record, version, "sealed")
        try:
            plain, data_key = open_full(key, row.sealed, place), disclose(key, row.sealed, place)
            value = kind.decode(plain)
        except (SealBroken, UnknownSuite, RecordUndecodable):
            raise Corrupted(name) from None
        return _shown(row, name, version, value, place.aad(), data_key, plain)

    async def open_content(self, row: ContentRow) -> Shown[OpenedContent]:
        """A content's row likewise. Raises Shredded, Corrupted."""
        opened = await self._contents.one(row)
        name = opened.stored.name
        key = await self._key(ScopeRef(row.institution, row.customer, row.scope), name)
        place = place_of_content(row, row.version)
        try:
            plain, data_key = open_full(key, row.sealed, place), disclose(key, row.sealed, place)
        except (SealBroken, UnknownSuite):
            raise Corrupted(name) from None
        return _shown(row, name, row.version, opened, place.aad(), data_key, plain)

    async def _key(self, ref: ScopeRef, name: str) -> Any:
        try:
            return (await self._keys.full([ref]))[ref]
        except ScopeShredded:
            raise Shredded(name) from None


def _shown(
    row: AnyRow | ContentRow,
    name: str,
    version: int,
    value: Any,
    place: bytes,
    data_key: bytes,
    plain: bytes,
) -> Shown[Any]:
    return Shown(
        name,
        version,
        row.recorded_at,
        value,
        table_of(row.name).name,
        columns_of(row),
        place,
        data_key,
        plain,
        relative(row.name),
    )


def _papers(
    conn: Connection, names: Iterable[str], then: int
) -> list[tuple[str, DocumentRow | None]]:
    """The documents as they were at a time, by name; None for one that is there no more."""
    found: list[tuple[str, DocumentRow | None]] = []
    for text in names:
        try:
            name = DocumentName.parse(text)
        except InvalidName:
            continue
        at = (name.institution, name.customer, name.document)
        found.append((text, _as_of(_documents(conn, at), then)))
    return found


def _documents(
    conn: Connection, at: tuple[str, str, str]
) -> Callable[[int | None], list[DocumentRow]]:
    return lambda before: documents.history(conn, *at, before=before, limit=_VERSIONS)


def _as_of(page: Callable[[int | None], Sequence[DocumentRow]], then: int) -> DocumentRow | None:
    """The version that was the newest at a time; the first one where there was none yet."""
    before: int | None = None
    oldest: DocumentRow | None = None
    while rows := page(before):
        for row in rows:
            if row.recorded_at <= then:
                return row
            oldest = row
        before = rows[-1].version
    return oldest
