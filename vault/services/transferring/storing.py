"""Stores a proved bundle's records again, version by version, as any write is stored: sealed under
the keys of the file here, indexed, claimed, and with an event that has the hash of each row.

Records keep their identifiers within the file, so that where a step was broken off, what is there
already is known by its name and passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from vault.audit import Phase, RowHash
from vault.bundles.transfer import Acknowledgement, TransferRow
from vault.records import (
    IDENTITY_SCOPE,
    ContentType,
    Customer,
    CustomerName,
    ScopeRef,
    new_ulid,
    transaction_scope,
)
from vault.services import sealer
from vault.services.call import Call, Trace
from vault.services.claiming import claims_of
from vault.services.closed import OutsideScope
from vault.services.errors import Aborted, AlreadyExists, InvalidArgument
from vault.services.indexing import Index, by_index
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.logged import Logged, logged
from vault.services.reach_of_writes import reaches
from vault.services.rows import TRANSACTION_TERMS, keep_days
from vault.services.transferring import spool, taking_over
from vault.services.transferring.evidence import Part, parts_of, pieces
from vault.services.transferring.ground import Entry, Ground
from vault.services.transferring.records import AT_ONCE, FileRecords, parts
from vault.services.transferring.spool import Store
from vault.store import (
    CustomerRow,
    DocumentRow,
    IndexRow,
    LinkRow,
    TransactionRow,
    VersionConflict,
    blind_index,
    contents,
    customers,
    documents,
    scopes,
    transactions,
    transfers,
    uploads,
)
from vault.store import claims as claims_table
from vault.store.contents import leaves_digest
from vault.store.transfers import ArrivalRow, OriginRow

_TOKENS: Final = 400


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that nobody was refused for: a code, and where it is, by opaque names or paths."""

    reason: str
    where: str


class Replay:
    """One file. The steps are to be taken in their order."""

    def __init__(
        self,
        ground: Ground,
        store: Store,
        call: Call,
        entry: Entry,
        customer: str,
        records: FileRecords,
    ) -> None:
        self._ground, self._store, self._call, self._entry = ground, store, call, entry
        self._at = (entry.institution, customer)
        self._new = CustomerName(*self._at)
        self._records = records
        self._transfer = records.transfer
        self.warned: list[Warned] = []

    # -- the customer ------------------------------------------------------------------------

    async def first(self) -> ArrivalRow:
        """The customer, with all claims of the file. Raises OutsideScope, AlreadyExists,
        Aborted."""
        own = await self._own_version()
        return await by_index(self._ground.keys, self._at[0], lambda index: self._first(own, index))

    async def _own_version(self) -> Customer:
        """What the institution adds: who keeps the file here."""
        wanted = taking_over.related_files(self._records.last)
        names = {str(self._transfer.name): str(self._new)}
        log = self._entry.origin_log
        for name in set(wanted.values()) - names.keys():
            there = await self._ground.database.read(
                partial(
                    transfers.arrival_from, institution=self._at[0], origin_log=log, origin=name
                )
            )
            if there is not None:
                names[name] = sealer.resource_name(there.institution, there.customer)
        self.warned += [
            Warned("RELATED_FILE_UNKNOWN", path)
            for path, name in wanted.items()
            if name not in names
        ]
        own = taking_over.received(self._records.last, self._entry.keeping, names)
        today = sealer.utc_day(self._ground.clock.now_micros())
        if not reaches(self._call.scope, own, today):
            raise OutsideScope
        self.warned += [
            Warned("ELEMENTS_MISSING", f"{one.rule}: {', '.join(one.elements)}")
            for one in self._ground.filing.broken(own, today)
        ]
        return own

    async def _first(self, own: Customer, index: Index) -> ArrivalRow:
        ground, entry, (institution, customer) = self._ground, self._entry, self._at
        now, actor = ground.clock.now_micros(), self._call.actor
        scope = self._identity
        today = sealer.utc_day(now)
        full, masked = await ground.keys.both([scope])
        keys = (full[scope], masked[scope])
        versions = [row for row in self._transfer.rows if not row.record]
        rows: list[CustomerRow] = []
        for row, value in await self._records.read(versions):
            there = taking_over.version_of_customer(value, sealer.utc_day(row.recorded_at))
            sealed = sealer.seal(CUSTOMERS, there, scope, "", row.version, keys, today)
            rows.append(CustomerRow(institution, customer, row.version, now, actor, *sealed))
        number = len(versions) + 1
        sealed = sealer.seal(CUSTOMERS, own, scope, "", number, keys, today)
        rows.append(CustomerRow(institution, customer, number, now, actor, *sealed))
        claimed = claims_of(CUSTOMERS, own, own.kind)
        terms = self._terms(index, CUSTOMERS.terms(own) | claimed, "")
        for paper in self._records.papers.values():
            claimed |= claims_of(DOCUMENTS, paper, own.kind)
        tokens = index.tokens(sorted(claimed))
        arrival = ArrivalRow(
            institution,
            customer,
            1,
            now,
            actor,
            entry.origin_log,
            str(entry.origin),
            entry.manifest_sha256,
            f"transfers/{new_ulid(now // 1000)}",
            b"",
        )
        origins = [self._origin(row, IDENTITY_SCOPE) for row in versions]

        def work(conn: Connection) -> set[str]:
            index.require_writing(conn)
            keep_days(conn, [(CUSTOMERS, own, scope)])
            held: set[str] = set()
            for some in parts(tokens, _TOKENS):
                held |= set(
                    claims_table.put(conn, institution, [(one, customer) for one in some]).values()
                )
            if held and not entry.beside:
                raise AlreadyExists(sealer.resource_name(institution, min(held)))
            try:
                transfers.arrive(conn, arrival)
                customers.insert(conn, rows)
                transfers.put_origins(conn, origins)
            except VersionConflict:
                raise Aborted(str(entry.origin)) from None
            blind_index.replace(conn, institution, customer, "", terms)
            return held

        try:
            held = await self._commit(work, [arrival, *rows, *origins])
        except AlreadyExists as refused:
            raise await self._told(refused) from None
        outside = await ground.reach.outside(self._call.scope, institution, held)
        self.warned += [
            Warned("NUMBER_HELD", sealer.resource_name(institution, one))
            for one in sorted(held - outside)
        ]
        return arrival

    async def _told(self, refused: AlreadyExists) -> AlreadyExists:
        name = CustomerName.parse(refused.existing)
        outside = await self._ground.reach.outside(
            self._call.scope, name.institution, [name.customer]
        )
        return AlreadyExists("") if outside else refused

    # -- the rest ----------------------------------------------------------------------------

    async def further(self) -> None:
        """Documents, transactions and contents: those that are not there yet."""
        rows = self._transfer.rows
        documents_ = [row for row in rows if not row.page and row.record in self._records.papers]
        for some in parts(documents_, AT_ONCE):
            if left := await self._left(some):
                await by_index(
                    self._ground.keys,
                    self._at[0],
                    partial(self._documents, left),
                )
        booked = [row for row in rows if not row.page and row.record in self._records.booked]
        for some in parts(booked, AT_ONCE):
            if left := await self._left(some):
                await by_index(
                    self._ground.keys,
                    self._at[0],
                    partial(self._transactions, left),
                )
        for some in parts([row for row in rows if row.page], AT_ONCE):
            for row in await self._left(some):
                await self._content(row)

    async def _left(self, rows: Sequence[TransferRow]) -> list[TransferRow]:
        """Those that are not there yet."""
        paths = list({row.path for row in rows})
        there = await self._ground.database.read(
            lambda conn: transfers.there(conn, *self._at, paths)
        )
        return [row for row in rows if (row.path, row.version) not in there]

    async def _documents(self, some: Sequence[TransferRow], index: Index) -> None:
        institution, customer = self._at
        now, scope = self._ground.clock.now_micros(), self._identity
        full, masked = await self._ground.keys.both([scope])
        keys, today = (full[scope], masked[scope]), sealer.utc_day(now)
        rows: list[DocumentRow] = []
        for row, value in await self._records.read(some):
            sealed = sealer.seal(DOCUMENTS, value, scope, row.record, row.version, keys, today)
            identifier = row.record.partition("/")[2]
            rows.append(
                DocumentRow(
                    institution,
                    customer,
                    identifier,
                    row.version,
                    now,
                    self._call.actor,
                    *sealed,
                )
            )
        terms = {
            record: self._terms(
                index,
                DOCUMENTS.terms(self._records.papers[record])
                | claims_of(DOCUMENTS, self._records.papers[record], self._records.last.kind),
                record,
            )
            for record in {row.record for row in some}
        }
        origins = [self._origin(row, IDENTITY_SCOPE) for row in some]

        def work(conn: Connection) -> None:
            index.require_writing(conn)
            keep_days(conn, [(DOCUMENTS, None, scope)])
            documents.insert(conn, rows)
            transfers.put_origins(conn, origins)
            for record, entries in terms.items():
                blind_index.replace(conn, institution, customer, record, entries)

        await self._commit(work, [*rows, *origins])

    async def _transactions(self, some: Sequence[TransferRow], index: Index) -> None:
        institution, customer = self._at
        now = self._ground.clock.now_micros()
        today = sealer.utc_day(now)
        values = [
            (row, taking_over.transaction_of(value, self._transfer.name, self._new))
            for row, value in await self._records.read(some)
        ]
        refs = [
            ScopeRef(institution, customer, transaction_scope(one.booking_time, one.time_zone))
            for _, one in values
        ]
        full, masked = await self._ground.keys.both(refs)
        rows: list[TransactionRow] = []
        links: list[LinkRow] = []
        entries: dict[IndexRow, None] = {}
        for (row, value), ref in zip(values, refs, strict=True):
            keys = (full[ref], masked[ref])
            sealed = sealer.seal(TRANSACTIONS, value, ref, row.record, 1, keys, today)
            identifier = row.record.partition("/")[2]
            rows.append(
                TransactionRow(
                    institution,
                    customer,
                    identifier,
                    ref.scope,
                    now,
                    self._call.actor,
                    *sealed,
                )
            )
            for kind, name in (("corrects", value.corrects), ("reverses", value.reverses)):
                target = name.removeprefix(f"{self._new}/")
                if target in self._records.booked:
                    links.append(
                        LinkRow(institution, customer, target.partition("/")[2], kind, identifier)
                    )
            terms = TRANSACTIONS.terms(value)
            entries.update(dict.fromkeys(self._terms(index, terms, TRANSACTION_TERMS)))
        origins = [self._origin(row, ref.scope) for (row, _), ref in zip(values, refs, strict=True)]

        def work(conn: Connection) -> None:
            index.require_writing(conn)
            keep_days(
                conn,
                [(TRANSACTIONS, value, ref) for (_, value), ref in zip(values, refs, strict=True)],
            )
            transactions.insert(conn, rows)
            transactions.insert_links(conn, links)
            transfers.put_origins(conn, origins)
            blind_index.put(conn, list(entries))

        await self._commit(work, [*rows, *origins])

    async def _content(self, row: TransferRow) -> None:
        kept = row.record.startswith("transfers/")
        of = row.scope if kept else self._records.scopes.get(row.record, IDENTITY_SCOPE)
        scope = ScopeRef(*self._at, of)
        begun = await spool.begin(
            self._store,
            scope,
            row.record,
            row.page,
            ContentType(row.content_type),
            row.size,
            self._call.actor,
        )
        try:
            async for piece in self._records.pieces(row):
                await begun.incoming.take(piece)
            await begun.incoming.flush()
            now = self._ground.clock.now_micros()
            made = await spool.content(self._store, begun, row.version, now)
            leaves = []
            if not kept:
                _, masked = await self._ground.keys.both([scope])
                paper = self._records.papers.get(row.record)
                try:
                    leaves = await self._ground.picturing.leaves(
                        masked[scope],
                        made,
                        paper.kind if paper is not None else None,
                        begun.incoming.again,
                    )
                except InvalidArgument:
                    # It was a document where it comes from; it is kept, and shown to nobody masked.
                    self.warned.append(Warned("NO_PICTURE", f"{self._new}/{row.path}"))
            made = replace(made, leaves=len(leaves), leaves_sha256=leaves_digest(leaves))
            origin = self._origin(row, scope.scope)

            def work(conn: Connection) -> None:
                # Its keys may still be in memory.
                if scopes.destroyed(conn, [scope]):
                    raise Aborted(str(self._new))
                contents.insert(conn, made, leaves)
                uploads.finished(conn, begun.row, row.version, now)
                transfers.put_origins(conn, [origin])

            await self._commit(work, [made, origin])
        except BaseException:
            await spool.give_up(self._store, begun)
            raise

    async def evidence(self, arrival: ArrivalRow) -> None:
        """What proves it, by scopes: those parts that are not there yet."""
        records = self._records
        for part in parts_of(self._transfer.rows, records.scopes, records.files):
            there = await self._ground.database.read(
                partial(
                    contents.current,
                    institution=self._at[0],
                    customer=self._at[1],
                    record=arrival.bundle,
                    page=part.page,
                )
            )
            if there is None:
                await self._part(arrival, part)

    async def _part(self, arrival: ArrivalRow, part: Part) -> None:
        begun = await spool.begin(
            self._store,
            ScopeRef(*self._at, part.scope),
            arrival.bundle,
            part.page,
            ContentType.UNSPECIFIED,
            part.size,
            self._call.actor,
        )
        try:
            async for piece in pieces(part, self._records.files):
                await begun.incoming.take(piece)
            await begun.incoming.flush()
            now = self._ground.clock.now_micros()
            made = await spool.content(self._store, begun, 1, now)

            def work(conn: Connection) -> None:
                if scopes.destroyed(conn, [begun.scope]):
                    raise Aborted(str(self._new))
                contents.insert(conn, made)
                uploads.finished(conn, begun.row, 1, now)

            await self._commit(work, [made])
        except BaseException:
            await spool.give_up(self._store, begun)
            raise

    async def last(self, before: ArrivalRow) -> ArrivalRow:
        """That all of it is there. The event closes the stream."""
        now = self._ground.clock.now_micros()
        said = Acknowledgement(
            self._ground.signer.origin,
            self._transfer.manifest_sha256,
            self._transfer.log,
            str(self._transfer.name),
            str(self._new),
            now,
        )
        note = await asyncio.to_thread(self._ground.signer.sign_text, said.text)
        done = replace(before, version=2, recorded_at=now, recorded_by=self._call.actor, note=note)

        def work(conn: Connection) -> None:
            transfers.arrive(conn, done)

        await self._commit(work, [done], phase=Phase.CLOSED)
        return done

    # -- for all -----------------------------------------------------------------------------

    @property
    def _identity(self) -> ScopeRef:
        return spool.identity(*self._at)

    def _terms(self, index: Index, terms: Any, record: str) -> list[IndexRow]:
        institution, customer = self._at
        return [
            IndexRow(institution, *entry, customer, record)
            for term in terms
            for entry in index.entries(*term)
        ]

    def _origin(self, row: TransferRow, scope: str) -> OriginRow:
        return OriginRow(*self._at, row.path, row.version, scope, row.recorded_at, row.recorded_by)

    async def _commit(
        self, work: Any, rows: Sequence[Logged], *, phase: Phase = Phase.MESSAGE
    ) -> Any:
        """A step with its event. Raises Aborted where somebody else takes the same one."""
        call = self._call
        hashes: tuple[RowHash, ...] = tuple(logged(row) for row in rows)
        trace = Trace(*self._at, resource=str(self._new), rows=hashes, count=len(hashes))

        def once(conn: Connection) -> Any:
            try:
                return work(conn)
            except VersionConflict:
                raise Aborted(str(self._new)) from None

        call.committed, call.phase = False, phase
        return await self._ground.recorder.commit(call, once, lambda _: trace, weight=len(rows))
