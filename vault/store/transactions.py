"""Transactions of customers: written once; corrected or reversed only by another one.

Ids are ULIDs of the booking time, so the order of ids is the order of booking, and a period is a
range of ids.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, select

from vault.store.point_read import PointRead
from vault.store.rows import LinkRow, MaskedTransactionRow, TransactionRow
from vault.store.schema import transaction_links, transactions
from vault.store.statements import insert_rows
from vault.store.versions import columns_without_sealed

_T = transactions.c
_ABOVE_ALL = "~"  # sorts behind every id


def _one(columns: Sequence[Any]) -> Select[Any]:
    return select(*columns).where(
        _T.institution == bindparam("institution"),
        _T.customer == bindparam("customer"),
        _T.transaction == bindparam("transaction"),
    )


def _pages(columns: Sequence[Any]) -> dict[tuple[bool, bool], Select[Any]]:
    """Statements by (descending, start is excluded).

    One bound at each end: given two conditions on one end, SQLite may seek by the weaker.
    """
    rows: Select[Any] = select(*columns).where(
        _T.institution == bindparam("institution"), _T.customer == bindparam("customer")
    )
    key = _T.transaction
    low: BindParameter[str] = bindparam("low")
    high: BindParameter[str] = bindparam("high")
    limit: BindParameter[int] = bindparam("limit")
    up, down = key.asc(), key.desc()
    return {
        (False, False): rows.where(key >= low, key < high).order_by(up).limit(limit),
        (False, True): rows.where(key > low, key < high).order_by(up).limit(limit),
        (True, True): rows.where(key >= low, key < high).order_by(down).limit(limit),
    }


_MASKED_COLUMNS = columns_without_sealed(transactions)
_FULL_ONE = PointRead(_one(list(_T)))
_FULL_PAGES, _MASKED_PAGES = _pages(list(_T)), _pages(_MASKED_COLUMNS)
_L = transaction_links.c
# A row for each link, or one without: reading the links by themselves would be one more round trip
# of the commonest read.
_MASKED_ONE = PointRead(
    _one([*_MASKED_COLUMNS, _L.kind, _L.transaction])
    .select_from(
        transactions.outerjoin(
            transaction_links,
            and_(
                _L.institution == _T.institution,
                _L.customer == _T.customer,
                _L.target == _T.transaction,
            ),
        )
    )
    .order_by(_L.kind, _L.transaction)
)
_LINKS_TO = (
    select(transaction_links)
    .where(
        _L.institution == bindparam("institution"),
        _L.customer == bindparam("customer"),
        _L.target.in_(bindparam("targets", expanding=True)),
    )
    .order_by(_L.target, _L.kind, _L.transaction)
)


def insert(conn: Connection, rows: Sequence[TransactionRow]) -> None:
    """Insert transactions. Raises VersionConflict when one of them stands already."""
    insert_rows(
        conn,
        transactions,
        [
            (
                r.institution,
                r.customer,
                r.transaction,
                r.scope,
                r.recorded_at,
                r.recorded_by,
                r.sealed,
                r.masked,
            )
            for r in rows
        ],
    )


def insert_links(conn: Connection, rows: Sequence[LinkRow]) -> None:
    """Insert links from corrections and reversals to their targets. Raises VersionConflict."""
    insert_rows(
        conn,
        transaction_links,
        [(r.institution, r.customer, r.target, r.kind, r.transaction) for r in rows],
    )


def get(
    conn: Connection, institution: str, customer: str, transaction: str
) -> TransactionRow | None:
    """A transaction."""
    key = {"institution": institution, "customer": customer, "transaction": transaction}
    row = _FULL_ONE.first(conn, key)
    return None if row is None else TransactionRow(*row)


def get_masked(
    conn: Connection, institution: str, customer: str, transaction: str
) -> tuple[MaskedTransactionRow | None, list[LinkRow]]:
    """A transaction's masked view, and what corrects or reverses it, by kind and id."""
    key = {"institution": institution, "customer": customer, "transaction": transaction}
    rows = _MASKED_ONE.all(conn, key)
    if not rows:
        return None, []
    links = [
        LinkRow(institution, customer, transaction, kind, pointing)
        for *_, kind, pointing in rows
        if kind is not None
    ]
    return MaskedTransactionRow(*rows[0][:-2]), links


def _page(
    conn: Connection,
    statements: dict[tuple[bool, bool], Select[Any]],
    institution: str,
    customer: str,
    low: str,
    high: str,
    after: str,
    descending: bool,
    limit: int,
) -> Any:
    excluded = descending
    if after and descending:
        high = min(high, after)
    elif after and after >= low:
        low, excluded = after, True
    key = {
        "institution": institution,
        "customer": customer,
        "low": low,
        "high": high,
        "limit": limit,
    }
    return conn.execute(statements[descending, excluded], key)


def page(
    conn: Connection,
    institution: str,
    customer: str,
    *,
    low: str = "",
    high: str = _ABOVE_ALL,
    after: str = "",
    descending: bool = False,
    limit: int,
) -> list[TransactionRow]:
    """A customer's transactions in booking order (or from the latest back).

    Those with low <= id < high: the bounds of a booking period as the lowest ULIDs of its first
    moment and of the first moment behind it. `after` is the last id of the page before.
    """
    rows = _page(conn, _FULL_PAGES, institution, customer, low, high, after, descending, limit)
    return [TransactionRow(*row) for row in rows]


def page_masked(
    conn: Connection,
    institution: str,
    customer: str,
    *,
    low: str = "",
    high: str = _ABOVE_ALL,
    after: str = "",
    descending: bool = False,
    limit: int,
) -> list[MaskedTransactionRow]:
    """As `page`, masked views only."""
    rows = _page(conn, _MASKED_PAGES, institution, customer, low, high, after, descending, limit)
    return [MaskedTransactionRow(*row) for row in rows]


def links_to(
    conn: Connection, institution: str, customer: str, targets: Sequence[str]
) -> list[LinkRow]:
    """What corrects or reverses these transactions (up to 500), by target, kind and id."""
    if not targets:
        return []
    key = {"institution": institution, "customer": customer, "targets": list(targets)}
    return [LinkRow(*row) for row in conn.execute(_LINKS_TO, key)]
