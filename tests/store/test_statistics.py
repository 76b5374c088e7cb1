"""What goes through all files page by page reads a page's rows for a page, also right after a bulk
load, of which PostgreSQL knows nothing yet."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from tests.store.test_plans import busiest
from vault.records import Branch, ScopeRef
from vault.store import Database, KeyStore, scopes, statistics
from vault.store.schema import full_file_keys
from vault.store.statements import insert_rows

CUSTOMERS, YEARS, PAGE = 3_000, 4, 100
DAY = 734_000


def load(database: Database) -> list[str]:
    """Many customers of one institution at once: their scopes and their keys."""
    names = [f"c{number:05}" for number in range(CUSTOMERS)]

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
