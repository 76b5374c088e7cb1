"""The steps of records: documents and transactions, some at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from vault.bundles.transfer import TransferRow
from vault.records import (
    IDENTITY_SCOPE,
    ScopeRef,
    transaction_scope,
)
from vault.services import sealer
from vault.services.claiming import claims_of
from vault.services.indexing import Index, by_index
from vault.services.kinds import DOCUMENTS, TRANSACTIONS
from vault.services.rows import keep_days
from vault.services.transferring import taking_over
from vault.services.transferring.records import AT_ONCE, parts
from vault.services.transferring.steps import Taking
from vault.store import (
    DocumentRow,
    IndexRow,
    LinkRow,
    TransactionRow,
    blind_index,
    documents,
    transactions,
    transfers,
)


async def store_records(t: Taking) -> None:
    """Documents and transactions: those that are not there yet."""
    for store, kind in ((_documents, t.records.papers), (_transactions, t.records.booked)):
        rows = [row for row in t.records.transfer.rows if not row.page and row.record in kind]
        for some in parts(rows, AT_ONCE):
            if left := await t.left(some):
                await by_index(t.ground.keys, t.at[0], partial(store, t, left))


async def _documents(t: Taking, some: Sequence[TransferRow], index: Index) -> None:
    institution, customer = t.at
    now, scope = t.ground.clock.now_micros(), t.identity
    full, masked = await t.ground.keys.both([scope])
    keys, today = (full[scope], masked[scope]), sealer.utc_day(now)
    rows: list[DocumentRow] = []
    for row, value in await t.records.read(some):
        sealed = sealer.seal(DOCUMENTS, value, scope, row.record, row.version, keys, today)
        identifier = row.record.partition("/")[2]
        rows.append(
            DocumentRow(
                institution,
                customer,
                identifier,
                row.version,
                now,
                t.call.actor,
                *sealed,
            )
        )
    terms = {
        record: t.terms(
            index,
            DOCUMENTS.terms(t.records.papers[record])
            | claims_of(DOCUMENTS, t.records.papers[record], t.records.last.kind),
            record,
        )
        for record in {row.record for row in some}
    }
    origins = [t.origin(row, IDENTITY_SCOPE) for row in some]

    def work(conn: Connection) -> None:
        index.require_writing(conn)
        keep_days(conn, [(DOCUMENTS, None, scope)])
        documents.insert(conn, rows)
        transfers.put_origins(conn, origins)
        for record, entries in terms.items():
            blind_index.replace(conn, institution, customer, record, entries)

    await t.commit(work, [*rows, *origins])


async def _transactions(t: Taking, some: Sequence[TransferRow], index: Index) -> None:
    institution, customer = t.at
    now = t.ground.clock.now_micros()
    today = sealer.utc_day(now)
    values = [
        (row, taking_over.transaction_of(value, t.records.transfer.name, t.name))
        for row, value in await t.records.read(some)
    ]
    refs = [
        ScopeRef(institution, customer, transaction_scope(one.booking_time, one.time_zone))
        for _, one in values
    ]
    full, masked = await t.ground.keys.both(refs)
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
                t.call.actor,
                *sealed,
            )
        )
        for kind, name in (("corrects", value.corrects), ("reverses", value.reverses)):
            target = name.removeprefix(f"{t.name}/")
            if target in t.records.booked:
                links.append(
                    LinkRow(institution, customer, target.partition("/")[2], kind, identifier)
                )
        terms = TRANSACTIONS.terms(value)
        entries.update(dict.fromkeys(t.terms(index, terms, ref.scope)))
    origins = [t.origin(row, ref.scope) for (row, _), ref in zip(values, refs, strict=True)]

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

    await t.commit(work, [*rows, *origins])
