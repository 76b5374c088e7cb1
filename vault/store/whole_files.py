"""One customer's file as a whole: how many rows it has, and the contents in it, page after page.

For exports, which count what they wrote against what was there. Ranges are of identifiers:
low <= id < high, as of `transactions.page`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, distinct, func, or_, select

from vault.store.contents import ContentRow
from vault.store.schema import contents, customers, documents, transactions

_C = contents.c


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of a file: versions of the customer, versions of documents, transactions of the period,
    versions of contents of what is wanted."""

    customers: int
    documents: int
    transactions: int
    contents: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a file is wanted. `low` and `high` bound the transactions; `bundles` are those that
    the file came in from another vault."""

    documents: bool
    transactions: bool
    contents: bool
    low: str
    high: str
    bundles: bool = False


def sizes(conn: Connection, institution: str, customer: str, wanted: Wanted) -> Sizes:
    """How many rows of a customer are wanted."""

    def count(table: Table, *more: ColumnElement[bool]) -> int:
        own = (table.c.institution == institution, table.c.customer == customer)
        found = conn.execute(select(func.count()).select_from(table).where(*own, *more))
        return int(found.scalar_one())

    identifier = transactions.c.transaction
    return Sizes(
        count(customers),
        count(documents) if wanted.documents else 0,
        count(transactions, identifier >= wanted.low, identifier < wanted.high)
        if wanted.transactions
        else 0,
        count(contents, _of(wanted)) if wanted.contents else 0,
    )


def contents_page(
    conn: Connection,
    institution: str,
    customer: str,
    wanted: Wanted,
    after: tuple[str, int, int],
    limit: int,
) -> list[ContentRow]:
    """Every version of the contents that are wanted, in order of record, page and version, beyond
    those three of the last one of the page before."""
    record, page, version = after
    rows: Any = (
        select(contents)
        .where(
            _C.institution == institution,
            _C.customer == customer,
            _of(wanted),
            or_(
                _C.record > record,
                and_(_C.record == record, _C.page > page),
                and_(_C.record == record, _C.page == page, _C.version > version),
            ),
        )
        .order_by(_C.record, _C.page, _C.version)
        .limit(limit)
    )
    return [ContentRow(*row) for row in conn.execute(rows)]


def customers_between(conn: Connection, institution: str, after: str, through: str) -> int:
    """How many customers of an institution there are with after < id <= through; without `through`
    all beyond `after`."""
    own = [customers.c.institution == institution, customers.c.customer > after]
    if through:
        own.append(customers.c.customer <= through)
    found = conn.execute(select(func.count(distinct(customers.c.customer))).where(*own))
    return int(found.scalar_one())


def _of(wanted: Wanted) -> ColumnElement[bool]:
    parts: Sequence[ColumnElement[bool]] = (
        *([_C.record.like("documents/%")] if wanted.documents else []),
        *([_C.record.like("transfers/%")] if wanted.bundles else []),
        *(
            [
                and_(
                    _C.record >= f"transactions/{wanted.low}",
                    _C.record < f"transactions/{wanted.high}",
                )
            ]
            if wanted.transactions
            else []
        ),
    )
    # Nothing is of nothing: an empty or_ would be everything.
    return or_(*parts) if parts else _C.record.is_(None)
