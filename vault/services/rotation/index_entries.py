"""What records are to be found by under a version of the index key, and which records there are, in
order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from vault.records import CustomerKind, IndexKind
from vault.sealing import IndexKey
from vault.services.claiming import claims_of
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.opening import AnyRow, record_of, version_of
from vault.store import (
    IndexRow,
    TransactionRow,
    blind_index,
    customers,
    documents,
    transactions,
)
from vault.store.blind_index import kind_text

_DOCUMENTS: Final = "d"
_TRANSACTIONS: Final = "t"


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order, and where the next ones begin; nowhere at the end."""

    rows: list[tuple[AnyKind, AnyRow]]
    cursor: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a record is found by under the new version, and which of it is claimed."""

    row: AnyRow
    entries: frozenset[IndexRow]
    claimed: frozenset[bytes]


def wanted_of(
    key: IndexKey, kind: AnyKind, row: AnyRow, record: Any, owner: CustomerKind
) -> Wanted:
    """What a record is to be found by under a key; `owner` is what its customer is."""
    claimed = claims_of(kind, record, owner)
    entries = frozenset(
        IndexRow(
            row.institution,
            kind_text(term[0].value, key.version),
            key.token(*term),
            row.customer,
            entry_record(row),
        )
        for term in kind.terms(record) | claimed
    )
    return Wanted(row, entries, frozenset(key.token(*claim) for claim in claimed))


def entry_record(row: AnyRow) -> str:
    """The record that entries hang on; of a transaction, its scope (vault/services/rows.py)."""
    return row.scope if isinstance(row, TransactionRow) else record_of(row)


def is_current(conn: Connection, row: AnyRow) -> bool:
    """Whether the record is there, and no newer version of it."""
    if isinstance(row, TransactionRow):
        # Written once, never changed; disposed of it may be.
        return transactions.get(conn, row.institution, row.customer, row.transaction) is not None
    record = record_of(row)
    if not record:
        current: Any = customers.current(conn, row.institution, row.customer)
    else:
        document = record.removeprefix("documents/")
        current = documents.current(conn, row.institution, row.customer, document)
    return current is not None and version_of(current) == version_of(row)


def page_of(conn: Connection, institution: str, cursor: str, limit: int) -> Page:
    """Up to `limit` records behind a cursor, `customer/part/last`; "" is the start, and the end."""
    rows: list[tuple[AnyKind, AnyRow]] = []
    customer, part, last = cursor.split("/") if cursor else ("", _TRANSACTIONS, "")
    while len(rows) < limit:
        room = limit - len(rows)
        if part == _DOCUMENTS:
            papers = documents.page(conn, institution, customer, after=last, limit=room)
            rows += [(DOCUMENTS, one) for one in papers]
            part, last = (part, papers[-1].document) if len(papers) == room else (_TRANSACTIONS, "")
            continue
        if part == _TRANSACTIONS and customer:
            booked = transactions.page(
                conn,
                institution,
                customer,
                low="",
                high="~",
                after=last,
                descending=False,
                limit=room,
            )
            rows += [(TRANSACTIONS, one) for one in booked]
            if len(booked) == room:
                last = booked[-1].transaction
                continue
        found = customers.page(conn, institution, after=customer, limit=1)
        if not found:
            return Page(rows, "")
        rows.append((CUSTOMERS, found[0]))
        customer, part, last = found[0].customer, _DOCUMENTS, ""
    return Page(rows, f"{customer}/{part}/{last}")


def count_of(conn: Connection, institution: str) -> int:
    """About how many records there are to look at: for showing how far it is."""
    return blind_index.count(
        conn, institution, [kind.value for kind in IndexKind if kind is IndexKind.IDENTITY]
    )
