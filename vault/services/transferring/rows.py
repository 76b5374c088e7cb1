"""Every row of a customer's file in the order in which a bundle has it, page after page: the
customer's versions, each document's, the transactions, and the contents of all these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection

from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.services.opening import AnyRow
from vault.store import (
    CustomerRow,
    Database,
    DocumentRow,
    customers,
    documents,
    transactions,
    whole_files,
)
from vault.store.contents import ContentRow
from vault.store.whole_files import Wanted

WANTED: Final = Wanted(
    documents=True, transactions=True, contents=True, low="", high="~", bundles=True
)
_PAGE: Final = 100

Page = list[tuple[AnyKind, AnyRow]]


async def records(database: Database, institution: str, customer: str) -> AsyncIterator[Page]:
    """The records."""
    at = (institution, customer)
    async for page in _versions(partial(_of_customer, at), database):
        yield [(CUSTOMERS, row) for row in page]
    after = ""
    while papers := await database.read(partial(_papers, at, after)):
        for paper in papers:
            async for page in _versions(partial(_of_document, (*at, paper.document)), database):
                yield [(DOCUMENTS, row) for row in page]
        after = papers[-1].document
    after = ""
    while True:
        booked = await database.read(
            lambda conn, behind=after: transactions.page(  # type: ignore[misc]  # bound here
                conn, *at, after=behind, limit=_PAGE
            )
        )
        if not booked:
            return
        yield [(TRANSACTIONS, row) for row in booked]
        after = booked[-1].transaction


async def contents(
    database: Database, institution: str, customer: str
) -> AsyncIterator[list[ContentRow]]:
    """The contents."""
    after = ("", 0, 0)
    while rows := await database.read(
        lambda conn, behind=after: whole_files.contents_page(  # type: ignore[misc]  # bound here
            conn, institution, customer, WANTED, behind, _PAGE
        )
    ):
        yield rows
        after = (rows[-1].record, rows[-1].page, rows[-1].version)


_Row = CustomerRow | DocumentRow


async def _versions(
    one: Callable[[Connection, int], _Row | None], database: Database
) -> AsyncIterator[list[_Row]]:
    first = 1
    while True:
        rows = await database.read(partial(_some, one, first))
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        first += _PAGE


def _some(
    one: Callable[[Connection, int], _Row | None], first: int, conn: Connection
) -> list[_Row]:
    found: list[_Row] = []
    for number in range(first, first + _PAGE):
        row = one(conn, number)
        if row is None:
            break
        found.append(row)
    return found


def _of_customer(at: tuple[str, str], conn: Connection, number: int) -> CustomerRow | None:
    return customers.version(conn, *at, number)


def _of_document(at: tuple[str, str, str], conn: Connection, number: int) -> DocumentRow | None:
    return documents.version(conn, *at, number)


def _papers(at: tuple[str, str], after: str, conn: Connection) -> list[DocumentRow]:
    return documents.page(conn, *at, after=after, limit=_PAGE)
