"""What goes through all files page by page reads a page's rows for a page, also right after a bulk
load, of which PostgreSQL knows nothing yet; and it keeps no sample of what is sealed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event

from tests.store.test_plans import busiest
from tests.support import rows
from vault.records import Branch, ScopeRef
from vault.store import (
    Database,
    KeyStore,
    customers,
    documents,
    scopes,
    shredding,
    statistics,
    surveys,
    transactions,
    whole_files,
)
from vault.store.schema import full_file_keys
from vault.store.statements import insert_rows

CUSTOMERS, YEARS, PAGE = 3_000, 4, 100
DAY = 734_000


def load(database: Database, many: int = CUSTOMERS) -> list[str]:
    """Many customers of one institution at once: their scopes and their keys."""
    names = [f"c{number:05}" for number in range(many)]

    def work(conn: Connection) -> None:
        scopes.booked(
            conn,
            [
                (ScopeRef("demo", name, f"transactions/{2010 + year}"), DAY)
                for name in names
                for year in range(YEARS)
            ],
        )
        keys = [
            ("demo", name, "identity", b"k" * 16, 1, b"wrapped" * 10, 1, b"b" * 16)
            for name in names
        ]
        insert_rows(conn, full_file_keys, keys)

    database.write_sync(work)
    return names


def rows_touched(database: Database, read: Callable[[], object]) -> int:
    """By the busiest step of the statements that a read makes."""
    made: list[tuple[str, Any]] = []

    def keep(_conn: object, _cursor: object, sql: str, parameters: Any, *_: object) -> None:
        made.append((sql, parameters))

    engine = database._read_engine
    event.listen(engine, "before_cursor_execute", keep)
    try:
        read()
    finally:
        event.remove(engine, "before_cursor_execute", keep)

    def explain(conn: Connection) -> int:
        plans = [
            conn.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters).scalar_one()
            for sql, parameters in made
        ]
        return max(busiest(plan[0]["Plan"]) for plan in plans)

    return database.read_sync(explain)


def test_a_page_of_files_costs_a_page_right_after_a_bulk_load(database: Database) -> None:
    names = load(database)
    statistics.look_at_files(database, database)
    if database.dialect == "sqlite":
        return  # which reads by the key in any case (test_plans.py)

    def candidates() -> object:
        return database.read_sync(
            lambda conn: scopes.candidates(
                conn, "demo", ended_until=DAY, booked_until=DAY, after="c00100", limit=PAGE
            )
        )

    def keys() -> object:
        refs = [ScopeRef("demo", name, "identity") for name in names[:PAGE]]
        return KeyStore(database).file_keys(Branch.FULL, refs)

    assert rows_touched(database, candidates) <= (PAGE + 1) * YEARS
    assert rows_touched(database, keys) <= 2 * PAGE


def test_a_page_of_a_report_or_an_export_costs_a_page_right_after_a_bulk_load(
    database: Database,
) -> None:
    names = load(database)

    def long(row: Any) -> Any:
        return replace(row, sealed=bytes(800), masked=bytes(400))

    def fill(conn: Connection) -> None:
        # As long as records are, sealed: of few pages PostgreSQL reads all, and is right.
        customers.insert(conn, [long(rows.customer(name)) for name in names])
        documents.insert(conn, [long(rows.document("d1", customer=name)) for name in names])
        transactions.insert(conn, [rows.transaction("t1", customer=name) for name in names])

    database.write_sync(fill)
    statistics.look_at_customers(database)
    if database.dialect == "sqlite":
        return  # which reads by the key in any case (test_plans.py)
    some = names[:PAGE]
    reads: dict[str, Callable[[Connection], object]] = {
        "page": lambda conn: customers.page(conn, "demo", after="c00100", limit=PAGE),
        "documents": lambda conn: surveys.documents_of(conn, "demo", some),
        "last bookings": lambda conn: surveys.last_transactions(conn, "demo", some),
        "how many": lambda conn: whole_files.customers_between(conn, "demo", "c00100", "c00200"),
    }
    for name, read in reads.items():
        touched = rows_touched(database, lambda read=read: database.read_sync(read))  # type: ignore[misc]  # a default, not a parameter
        assert touched <= 2 * PAGE, name
    refs = [ScopeRef("demo", name, "identity") for name in some]
    assert (
        rows_touched(database, lambda: KeyStore(database).file_keys(Branch.FULL, refs)) <= 2 * PAGE
    )


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["disposed_of", "replayed"])
def test_no_sample_of_a_key_that_is_gone_is_left(database: Database, how: str) -> None:
    if database.dialect == "sqlite":
        return  # which keeps no samples of values

    def sampled() -> bool:
        wanted = "SELECT count(*) FROM pg_stats WHERE attname IN ('wrapped', 'key_id')"
        return bool(database.read_sync(lambda conn: conn.exec_driver_sql(wanted).scalar_one()))

    names = load(database, 60)
    statistics.look_at_files(database, database)
    assert not sampled()
    # As the server's own autovacuum does.
    database.write_sync(lambda conn: conn.exec_driver_sql("ANALYZE"))
    assert sampled()
    if how == "disposed_of":
        database.write_sync(lambda conn: conn.execute(delete(full_file_keys)))
        statistics.look_again(database, database)
    else:
        gone = [ScopeRef("demo", name, "identity") for name in names]
        database.write_sync(lambda conn: shredding.add_to_list(conn, gone, 1))
        shredding.replay(database, database)
    assert not sampled()
