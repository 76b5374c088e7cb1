"""Reads whose cost must not grow with the table."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Select

from tests.support import rows
from vault.store import (
    Database,
    blind_index,
    check_outs,
    customers,
    documents,
    sightings,
    transactions,
)
from vault.store.rows import IndexRow

READS: dict[str, Select[Any]] = {
    "a customer": customers._MASKED.current.statement,
    "a customer's history": customers.FULL.history,
    "a page of customers": customers._MASKED.listing,
    "a check-out and its customer": check_outs._WITH_FILE.statement,
    "a document": documents._MASKED.current.statement,
    "a page of documents": documents._MASKED.listing,
    "a transaction": transactions._MASKED_ONE.statement,
    "a page of transactions": transactions._MASKED_PAGES[False, True],
    "a page of transactions from the latest": transactions._MASKED_PAGES[True, True],
    "a lookup": blind_index._LOOKUP,
    "what a caller was seen to do last": sightings.FULL._newest,
    "what others have added of him": sightings.FULL._since.statement,
    "who was refused lately": sightings.FULL._refused.statement,
}
VALUES = {
    "institution": "demo",
    "customer": "c00500",
    "check_out": "o00501",
    "document": "d1",
    "transaction": "t1",
    "after": "c00500",
    "low": "c00500",
    "high": "~",
    "kind": "phone",
    "token": b"t" * 16,
    "record": "",
    "before": 5,
    "limit": 50,
    "who": "person/p",
    "number": 5_990,
    "at": 5_990,
}


@pytest.fixture
def filled(database: Database) -> Database:
    """Enough rows, with statistics, that PostgreSQL has a reason to choose."""

    def fill(conn: Connection) -> None:
        for version in (1, 2):
            customers.insert(conn, [rows.customer(f"c{i:05}", version) for i in range(3_000)])
        documents.insert(conn, [rows.document(f"d{i}", customer="c00500") for i in range(3_000)])
        transactions.insert(
            conn, [rows.transaction(f"t{i:05}", customer="c00500") for i in range(3_000)]
        )

        blind_index.put(
            conn,
            [IndexRow("demo", "phone", b"t" * 16, f"c{i:05}", "") for i in range(3_000)],
        )

        for number in range(3_000):
            # One has a thousand versions.
            which, version = (f"o{number:05}", 1) if number % 3 else ("o00501", number // 3 + 1)
            check_outs.insert(conn, rows.check_out(which, version))

        for number in range(1, 6_001):
            what = sightings.REFUSED if number % 2 else sightings.OPENED
            row = sightings.Sighting(number, number, "full_read", "c", what, "", "", "")
            sightings.FULL.add(conn, "demo", "person/p", row)

    database.write_sync(fill)
    database.write_sync(lambda c: c.exec_driver_sql("ANALYZE"))
    return database


def sqlite_steps(conn: Connection, statement: Select[Any], values: dict[str, Any]) -> int:
    """Steps of SQLite's virtual machine, to the nearest hundred; some ten a row."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 100
        return 0

    driver: Any = conn.connection.driver_connection
    driver.set_progress_handler(count, 100)
    try:
        conn.execute(statement, values).all()
    finally:
        driver.set_progress_handler(None, 0)
    return steps


def postgres_rows(conn: Connection, statement: Select[Any], values: dict[str, Any]) -> int:
    """Rows that the busiest step of the plan touched."""
    # The tables here are so small that reading one whole would be the best plan.
    conn.exec_driver_sql("SET enable_seqscan = off")
    compiled = statement.compile(dialect=conn.dialect)
    plan = conn.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", {**compiled.params, **values}
    ).scalar_one()[0]["Plan"]

    return busiest(plan)


def busiest(node: dict[str, Any]) -> int:
    """Rows that the busiest step of a plan touched."""
    touched = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    below = [busiest(child) for child in node.get("Plans", ())]
    return max(int(touched * node["Actual Loops"]), *below, 0)


def test_no_read_touches_many_more_rows_than_it_returns(filled: Database) -> None:
    """Of 3,000 or 6,000 rows; pages are of 50, with two versions of each customer."""
    for what, statement in READS.items():
        if filled.dialect == "sqlite":
            used = filled.read_sync(partial(sqlite_steps, statement=statement, values=VALUES))
            assert used < 6_000, (what, used)
        else:
            used = filled.read_sync(partial(postgres_rows, statement=statement, values=VALUES))
            assert used <= 150, (what, used)
