"""A sealed column opens in its own place and nowhere else, and not at all once a bit of it changed.

Whoever can write to the database moves columns, whole rows and wrapped keys about here, under a
running vault; what is asked for then must come back as damage, be logged as such, and the answer
must tell nothing of what stands there.
"""

from collections.abc import Callable
from typing import Any

import pytest

from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.hostile.driving import (
    CDD,
    PARENT,
    events,
    outcome,
)
from tests.hostile.stage import COLUMNS, DAMAGED, OWN_ROWS, Stage
from vault.audit import AuditEvent
from vault.audit.reader import verify_chain

SOURCES = {
    "customer": (
        "its earlier version",
        "another customer",
        "another bank's customer",
        "document",
        "transaction",
    ),
    "document": (
        "the document's earlier version",
        "another document",
        "another customer's document",
        "another bank's document",
        "customer",
        "transaction",
    ),
    "transaction": (
        "another transaction",
        "a transaction of another year",
        "another customer's transaction",
        "another bank's transaction",
        "customer",
        "document",
    ),
}
MOVES = [(to, source) for to, sources in SOURCES.items() for source in sources]


@pytest.mark.parametrize("row", OWN_ROWS)
@pytest.mark.parametrize("column", COLUMNS)
def test_untouched_columns_open(stage: Stage, row: str, column: str) -> None:
    stage.opens(stage.rows[row].name, column)


@pytest.mark.parametrize(("to", "source"), MOVES)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_moved_into_another_row_does_not_open(
    stage: Stage, to: str, source: str, column: str
) -> None:
    target = stage.rows[to]
    with stage.instead(target, **{column: stage.get(source, column)}):
        stage.refused(target.name, column)
    stage.opens(target.name, column)


@pytest.mark.parametrize("row", OWN_ROWS)
@pytest.mark.parametrize(("column", "source"), [("sealed", "masked"), ("masked", "sealed")])
def test_a_column_moved_into_the_other_column_does_not_open(
    stage: Stage, row: str, column: str, source: str
) -> None:
    with stage.instead(stage.rows[row], **{column: stage.get(row, source)}):
        stage.refused(stage.rows[row].name, column)


ROW_MOVES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a customer's version to a later number": ("customer", "customer", {"version": 3}),
    "a customer's version to another customer": ("customer", "another customer", {}),
    "a customer's version to another bank": ("customer", "another bank's customer", {}),
    "a document to another customer": ("another document", "another customer", {}),
    "a document to another bank": ("another document", "another bank's customer", {}),
    "a document's version to a later number": ("document", "document", {"version": 3}),
    "a transaction to another customer": ("transaction", "another customer", {}),
    "a transaction to another year's scope": (
        "transaction",
        "customer",
        {"scope": "transactions/2025"},
    ),
    "a transaction to another bank": ("transaction", "another bank's customer", {}),
}


@pytest.mark.parametrize("move", ROW_MOVES)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_whole_row_moved_does_not_open_in_its_new_place(
    stage: Stage, move: str, column: str
) -> None:
    which, to, changes = ROW_MOVES[move]
    row, place = stage.rows[which], stage.rows[to].key
    moved = {k: place[k] for k in ("institution", "customer")} | changes
    name = row.name.replace(
        "institutions/{institution}/customers/{customer}".format(**row.key),
        "institutions/{institution}/customers/{customer}".format(**(dict(row.key) | moved)),
    )
    with stage.instead(row, **moved):
        stage.refused(name, column)
    stage.opens(row.name, column)


def test_a_page_with_one_damaged_row_is_refused_whole(stage: Stage) -> None:
    full, masked = stage.vault.records("compliance"), stage.vault.masked()
    customer = stage.rows["customer"].name
    lists: list[tuple[str, str, Callable[..., Any], Any]] = [
        (
            "customer",
            "sealed",
            full.ListCustomers,
            pb.ListCustomersRequest(parent=PARENT, purpose=CDD),
        ),
        (
            "its earlier version",
            "sealed",
            full.ListCustomerVersions,
            pb.ListCustomerVersionsRequest(name=customer, purpose=CDD),
        ),
        (
            "document",
            "sealed",
            full.ListIdentityDocuments,
            pb.ListIdentityDocumentsRequest(parent=customer, purpose=CDD),
        ),
        (
            "transaction",
            "sealed",
            full.ListTransactions,
            pb.ListTransactionsRequest(parent=customer, purpose=CDD),
        ),
        (
            "customer",
            "masked",
            masked.ListMaskedCustomers,
            mp.ListMaskedCustomersRequest(parent=PARENT),
        ),
        (
            "document",
            "masked",
            masked.ListMaskedDocuments,
            mp.ListMaskedDocumentsRequest(parent=customer),
        ),
        (
            "transaction",
            "masked",
            masked.ListMaskedTransactions,
            mp.ListMaskedTransactionsRequest(parent=customer),
        ),
    ]
    for row, column, call, request in lists:
        assert outcome(call, request) == ("OK", "")
        value = stage.get(row, column)
        with stage.instead(stage.rows[row], **{column: value[:-1] + bytes([value[-1] ^ 1])}):
            assert outcome(call, request) == DAMAGED, (row, column)


def test_everything_that_was_refused_stands_in_a_chain_that_verifies(stage: Stage) -> None:
    assert stage.database.read_sync(verify_chain).size == len(events(stage.database))
    damaged: list[AuditEvent] = [e for e in events(stage.database) if e.outcome == "DATA_LOSS"]
    assert damaged
