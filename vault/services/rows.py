"""Drafts into rows: what is inserted, what points where, and the hash that the event keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from vault.audit import RowHash
from vault.records import (
    Customer,
    DocumentName,
    InvalidName,
    ScopeRef,
    Transaction,
    TransactionName,
)
from vault.records.timeline import booked_on
from vault.services.errors import FieldViolation, InvalidArgument, Shredded, VaultError
from vault.services.items import Draft
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.logged import logged
from vault.store import (
    CustomerRow,
    DocumentRow,
    IndexRow,
    LinkRow,
    TransactionRow,
    blind_index,
    customers,
    documents,
    scopes,
    transactions,
)


def insert_drafts(conn: Connection, drafts: Sequence[Draft], now: int, actor: str) -> list[RowHash]:
    """Insert the rows of sealed drafts; return their names and hashes. Raises Shredded where one
    would lie in a scope that was destroyed: its keys were still in memory."""
    keep_days(conn, [(d.item.kind, d.item.record, d.scope) for d in drafts])
    cs: list[CustomerRow] = []
    ds: list[DocumentRow] = []
    ts: list[TransactionRow] = []
    links: list[LinkRow] = []
    for d in drafts:
        scope, kind = d.scope, d.item.kind
        institution = scope.institution
        if kind is CUSTOMERS:
            cs.append(CustomerRow(institution, d.customer, 1, now, actor, d.sealed, d.masked))
        elif kind is DOCUMENTS:
            ds.append(
                DocumentRow(
                    institution, d.customer, d.identifier, 1, now, actor, d.sealed, d.masked
                )
            )
        else:
            ts.append(
                TransactionRow(
                    institution,
                    d.customer,
                    d.identifier,
                    scope.scope,
                    now,
                    actor,
                    d.sealed,
                    d.masked,
                )
            )
            links.extend(_links(d, institution))
    customers.insert(conn, cs)
    documents.insert(conn, ds)
    transactions.insert(conn, ts)
    transactions.insert_links(conn, links)
    return [logged(row) for rows in (cs, ds, ts) for row in rows]


def keep_days(conn: Connection, written: Sequence[tuple[AnyKind, Any, ScopeRef]]) -> None:
    """Note the days that retention counts from, of records about to be written. Raises Shredded."""
    gone = scopes.destroyed(conn, (scope for _, _, scope in written))
    for scope in gone:
        raise Shredded(f"institutions/{scope.institution}/customers/{scope.customer}")
    scopes.booked(
        conn, [(scope, booking_day(r)) for kind, r, scope in written if kind is TRANSACTIONS]
    )
    for _, record, scope in [one for one in written if one[0] is CUSTOMERS]:
        scopes.ended(conn, scope.institution, [(scope.customer, ended_on(record))])


def booking_day(record: Transaction) -> int:
    """The day of a booking in its own time zone, as `date.toordinal`."""
    return booked_on(record).toordinal()


def ended_on(customer: Customer) -> int:
    """The day on which a relationship ended; 0 where it goes on, or nobody has said."""
    relationship = customer.relationship
    ended = relationship.end_date if relationship is not None else None
    return ended.toordinal() if ended is not None else 0


def _links(draft: Draft, institution: str) -> Iterator[LinkRow]:
    booked: Transaction = draft.item.record
    for kind, target in (("corrects", booked.corrects), ("reverses", booked.reverses)):
        if target:
            identifier = TransactionName.parse(target).transaction
            yield LinkRow(institution, draft.customer, identifier, kind, draft.identifier)


def index_rows(conn: Connection, institution: str, drafts: Sequence[Draft]) -> None:
    """Put the index entries of new records. Those of transactions hang on what they are destroyed
    with, once an account and booking year, however many transactions the account has in it."""
    entries = dict.fromkeys(
        IndexRow(
            institution,
            kind,
            token,
            d.customer,
            d.scope.scope if d.item.kind is TRANSACTIONS else d.record,
        )
        for d in drafts
        for kind, token in d.terms
    )
    blind_index.put(conn, list(entries))


def missing_targets(
    conn: Connection, institution: str, drafts: Sequence[Draft]
) -> Iterator[tuple[Draft, VaultError]]:
    """Drafts of transactions that point to something which is not there, of the same customer."""
    pointing = [
        d
        for d in drafts
        if d.item.kind is TRANSACTIONS
        and (d.item.record.corrects or d.item.record.reverses or d.item.record.vouchers)
    ]
    for draft in pointing:
        booked: Transaction = draft.item.record
        bad = [
            FieldViolation(
                f"{draft.item.field}.{field}" if draft.item.field else field,
                "TARGET_NOT_FOUND",
                "names no record of this customer",
                "未指向该客户的任何记录",
            )
            for field, name, parse in (
                ("corrects", booked.corrects, TransactionName.parse),
                ("reverses", booked.reverses, TransactionName.parse),
                *((f"vouchers[{i}]", v, DocumentName.parse) for i, v in enumerate(booked.vouchers)),
            )
            if name and not _exists(conn, institution, draft.customer, name, parse)
        ]
        if bad:
            yield draft, InvalidArgument(bad)


def _exists(
    conn: Connection,
    institution: str,
    customer: str,
    text: str,
    parse: object,
) -> bool:
    try:
        name = parse(text)  # type: ignore[operator]  # TransactionName.parse or DocumentName.parse
    except InvalidName:
        return False
    if name.institution != institution or name.customer != customer:
        return False
    if isinstance(name, TransactionName):
        return transactions.get(conn, institution, customer, name.transaction) is not None
    return documents.current(conn, institution, customer, name.document) is not None
