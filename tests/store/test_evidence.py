"""A row that was touched since its event no longer has the hash that the event tells."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.support import rows
from vault.store import Database, customers, documents, transactions
from vault.store.evidence import stored_hash

ROWS: list[Any] = [
    rows.customer("c1", 1),
    rows.customer("c1", 2),
    rows.document("d1", 3),
    rows.transaction("t1"),
]


def run(conn: Connection, sql: str) -> None:
    conn.exec_driver_sql(sql)


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn: Connection) -> None:
        customers.insert(conn, ROWS[:2])
        documents.insert(conn, ROWS[2:3])
        transactions.insert(conn, ROWS[3:])

    database.write_sync(fill)
    return database


def test_an_untouched_row_has_the_hash_that_was_written(filled: Database) -> None:
    for row in ROWS:
        assert filled.read_sync(partial(stored_hash, name=row.name)) == row.hash()


@pytest.mark.parametrize("column", ["sealed", "masked", "recorded_by", "recorded_at"])
def test_an_edited_row_has_another(filled: Database, column: str) -> None:
    value = "7" if column == "recorded_at" else "'x'"
    for table in ("customers", "documents", "transactions"):
        filled.write_sync(partial(run, sql=f"UPDATE {table} SET {column} = {value}"))
    for row in ROWS:
        assert filled.read_sync(partial(stored_hash, name=row.name)) != row.hash()


def test_a_dropped_row_has_none(filled: Database) -> None:
    filled.write_sync(lambda c: c.exec_driver_sql("DELETE FROM customers WHERE version = 1"))
    read = filled.read_sync
    assert read(lambda c: stored_hash(c, ROWS[0].name)) is None
    assert read(lambda c: stored_hash(c, ROWS[1].name)) == ROWS[1].hash()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "institutions/demo",
        "institutions/demo/customers/c1",
        "institutions/demo/customers/c1@x",
        "institutions/demo/customers/c1/documents/d1",
        "institutions/demo/customers/c1/transactions/t1@1",
        "institutions/demo/customers/c1@1\n",
    ],
)
def test_what_is_no_name_of_a_row_is_refused(filled: Database, name: str) -> None:
    with pytest.raises(ValueError, match="name of a row"):
        filled.read_sync(lambda c: stored_hash(c, name))
