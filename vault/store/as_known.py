"""Documents and transactions as they were known at a time: by when their rows were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from vault.store.rows import DocumentRow, LinkRow, TransactionRow
from vault.store.schema import documents, transaction_links, transactions

_D, _L, _T = documents.c, transaction_links.c, transactions.c
_ABOVE_ALL = "~"


def document_versions(
    conn: Connection,
    institution: str,
    customer: str,
    identifier: str,
    known_at: int,
    before: int | None,
    limit: int,
) -> list[DocumentRow]:
    """Versions that were recorded by a time, newest first, from the one in front of number
    `before` on."""
    query: Select[Any] = select(documents).where(
        _D.institution == institution,
        _D.customer == customer,
        _D.document == identifier,
        _D.recorded_at <= known_at,
    )
    if before is not None:
        query = query.where(_D.version < before)
    rows = conn.execute(query.order_by(_D.version.desc()).limit(limit))
    return [DocumentRow(*row) for row in rows]


def document_page(
    conn: Connection, institution: str, customer: str, known_at: int, after: str, limit: int
) -> list[DocumentRow]:
    """The documents there were at a time, each in the version that was current then, by ascending
    id beyond `after`."""
    page = (
        select(_D.document, func.max(_D.version).label("version"))
        .where(
            _D.institution == institution,
            _D.customer == customer,
            _D.document > after,
            _D.recorded_at <= known_at,
        )
        .group_by(_D.document)
        .order_by(_D.document)
        .limit(limit)
        .subquery("page")
    )
    rows = conn.execute(
        select(documents)
        .join(page, and_(_D.document == page.c.document, _D.version == page.c.version))
        .where(_D.institution == institution, _D.customer == customer)
        .order_by(_D.document)
    )
    return [DocumentRow(*row) for row in rows]


def transaction_page(
    conn: Connection,
    institution: str,
    customer: str,
    known_at: int,
    *,
    low: str = "",
    high: str = _ABOVE_ALL,
    after: str = "",
    descending: bool = False,
    limit: int,
) -> list[TransactionRow]:
    """The transactions that were recorded by a time, in booking order (or from the latest back):
    those with low <= id < high, behind the id `after`."""
    query: Select[Any] = select(transactions).where(
        _T.institution == institution,
        _T.customer == customer,
        _T.transaction >= low,
        _T.transaction < high,
        _T.recorded_at <= known_at,
    )
    if after:
        query = query.where(_T.transaction < after if descending else _T.transaction > after)
    order = _T.transaction.desc() if descending else _T.transaction
    return [TransactionRow(*row) for row in conn.execute(query.order_by(order).limit(limit))]


def links_to(
    conn: Connection, institution: str, customer: str, targets: Sequence[str], known_at: int
) -> list[LinkRow]:
    """What corrects or reverses these transactions (up to 500), of what was recorded by a time."""
    if not targets:
        return []
    query = (
        select(transaction_links)
        .join(
            transactions,
            and_(
                _T.institution == _L.institution,
                _T.customer == _L.customer,
                _T.transaction == _L.transaction,
            ),
        )
        .where(
            _L.institution == institution,
            _L.customer == customer,
            _L.target.in_(targets),
            _T.recorded_at <= known_at,
        )
        .order_by(_L.target, _L.kind, _L.transaction)
    )
    return [LinkRow(*row) for row in conn.execute(query)]
