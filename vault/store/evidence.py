"""Find the row that an event names, and hash it as it stands now.

An event of a write carries the name and hash of each row that it wrote (rows.py). A row that was
edited, exchanged or dropped since then has another hash, or none. An event of re-sealing carries
two of each row: the one until then, under the name with `BEFORE` behind it, and the one since.
"""

import re
from typing import Any, Final

from sqlalchemy import Connection, Integer, Table, select

from vault.store.contents import ContentRow
from vault.store.rows import CustomerRow, DocumentRow, TransactionRow, row_hash
from vault.store.schema import (
    arrivals,
    check_outs,
    compartment_holds,
    compartment_items,
    compartment_members,
    compartments,
    contents,
    customers,
    decoys,
    departures,
    disposals,
    documents,
    origins,
    proposals,
    subject_requests,
    subject_words,
    transactions,
)

_NAMES: list[tuple[re.Pattern[str], Table]] = [
    (re.compile(r"institutions/([^/@]+)/customers/([^/@]+)@([0-9]+)"), customers),
    (
        re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/documents/([^/@]+)@([0-9]+)"),
        documents,
    ),
    (
        re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/transactions/([^/@]+)"),
        transactions,
    ),
    (
        re.compile(
            r"institutions/([^/@]+)/customers/([^/@]+)/((?:documents|transactions|transfers)/[^/@]+)"
            r"/contents/([0-9]+)@([0-9]+)"
        ),
        contents,
    ),
    (
        re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/departures/([^/@]+)@([0-9]+)"),
        departures,
    ),
    (re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/arrival@([0-9]+)"), arrivals),
    (re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/origins/([^@]*)@([0-9]+)"), origins),
    (
        re.compile(r"institutions/([^/@]+)/customers/([^/@]+)/subjectRequests/([^/@]+)@([0-9]+)"),
        subject_requests,
    ),
    (
        re.compile(
            r"institutions/([^/@]+)/customers/([^/@]+)/subjectRequests/([^/@]+)/words@([0-9]+)"
        ),
        subject_words,
    ),
    (re.compile(r"institutions/([^/@]+)/checkOuts/([^/@]+)@([0-9]+)"), check_outs),
    (re.compile(r"institutions/([^/@]+)/proposals/([^/@]+)@([0-9]+)"), proposals),
    (re.compile(r"institutions/([^/@]+)/compartments/([^/@]+)@([0-9]+)"), compartments),
    (
        re.compile(r"institutions/([^/@]+)/compartments/([^/@]+)/members/([^/@]+)@([0-9]+)"),
        compartment_members,
    ),
    (
        re.compile(r"institutions/([^/@]+)/compartments/([^/@]+)/items/([^/@]+)"),
        compartment_items,
    ),
    (
        re.compile(r"institutions/([^/@]+)/compartments/([^/@]+)/holds/([^/@]+)@([0-9]+)"),
        compartment_holds,
    ),
    (re.compile(r"institutions/([^/@]+)/decoys/([^/@]+)@([0-9]+)"), decoys),
    (re.compile(r"institutions/([^/@]+)/disposals/([^/@]+)@([0-9]+)"), disposals),
    # Of the vault as a whole, wherever he belongs who changed it: the institution is empty.
    (re.compile(r"institutions/[^/@]*/vault()/proposals/([^/@]+)@([0-9]+)"), proposals),
]


DISPOSED: Final = "#disposed"
"""Behind a row's name: its hash until it was taken away, in an event of its disposal."""

BEFORE: Final = "#before"
"""Behind a row's name: its hash until then, in an event that puts another in its place."""

LOGGED: Final = tuple(dict.fromkeys(table for _, table in _NAMES))
"""The tables whose rows events name."""


def _find(name: str) -> tuple[Table, tuple[str, ...]]:
    for pattern, table in _NAMES:
        match = pattern.fullmatch(name)
        if match is not None:
            return table, match.groups()
    raise ValueError("not the name of a row")


def table_of(name: str) -> Table:
    """The table of the row of that name. Raises ValueError for what is not the name of a row."""
    return _find(name)[0]


def columns_of(row: CustomerRow | DocumentRow | TransactionRow | ContentRow) -> dict[str, Any]:
    """The columns of a row by name, in the order in which its hash has them."""
    return {column.name: getattr(row, column.name) for column in table_of(row.name).columns}


def stored_hash(conn: Connection, name: str) -> bytes | None:
    """The hash of the row of that name as it stands, or None where there is none.

    Raises ValueError for what is not the name of a row. Needs the full role.
    """
    table, parts = _find(name)
    keys = list(table.primary_key.columns)
    values = [
        int(text) if isinstance(column.type, Integer) else text
        for column, text in zip(keys, parts, strict=True)
    ]
    row = conn.execute(
        select(table).where(*(c == v for c, v in zip(keys, values, strict=True)))
    ).first()
    return None if row is None else row_hash(table.name, *row)
