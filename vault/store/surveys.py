"""What a look at all files of an institution reads, a range of customers at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, func, select

from vault.store.rows import DocumentRow
from vault.store.schema import customers, documents, transactions

_D = documents.c
_PAGE = (
    select(_D.institution, _D.customer, _D.document, func.max(_D.version).label("version"))
    .where(
        _D.institution == bindparam("institution"),
        _D.customer.in_(bindparam("customers", expanding=True)),
    )
    .group_by(_D.institution, _D.customer, _D.document)
    .subquery("page")
)
_DOCUMENTS = (
    select(documents)
    .join(_PAGE, and_(*(_D[key] == _PAGE.c[key] for key in _PAGE.c.keys())))  # noqa: SIM118
    .order_by(_D.customer, _D.document)
)
_LAST = (
    select(func.max(transactions.c.transaction))
    .where(
        transactions.c.institution == customers.c.institution,
        transactions.c.customer == customers.c.customer,
    )
    .scalar_subquery()
)
_BOOKINGS = select(customers.c.customer, _LAST).where(
    customers.c.institution == bindparam("institution"),
    customers.c.customer.in_(bindparam("customers", expanding=True)),
    customers.c.version == 1,
)


def documents_of(conn: Connection, institution: str, ids: Sequence[str]) -> list[DocumentRow]:
    """Current versions of the documents of some customers (up to 500), in order."""
    if not ids:
        return []
    key = {"institution": institution, "customers": list(ids)}
    return [DocumentRow(*row) for row in conn.execute(_DOCUMENTS, key)]


def last_transactions(conn: Connection, institution: str, ids: Sequence[str]) -> dict[str, str]:
    """Identifier of the transaction that was booked last, by customer (up to 500 of them)."""
    if not ids:
        return {}
    key = {"institution": institution, "customers": list(ids)}
    return {row[0]: row[1] for row in conn.execute(_BOOKINGS, key) if row[1]}
