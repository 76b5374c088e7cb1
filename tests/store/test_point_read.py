"""Finding by a key is the same on both databases, and fails the same way."""

from functools import partial

import pytest
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import DBAPIError

from tests.support import rows
from vault.store import Database, customers
from vault.store.point_read import PointRead
from vault.store.schema import customers as table

NEWEST = PointRead(
    select(table)
    .where(table.c.institution == "demo", table.c.customer == bindparam("customer"))
    .order_by(table.c.version.desc())
    .limit(1)
)


EVERY = PointRead(
    select(table)
    .where(table.c.institution == "demo", table.c.customer == bindparam("customer"))
    .order_by(table.c.version)
)


@pytest.fixture
def filled(database: Database) -> Database:
    database.write_sync(
        lambda conn: customers.insert(
            conn, [rows.customer(c, v) for c in ("c1", "c2") for v in (1, 2)]
        )
    )
    return database


def test_it_finds_the_row_of_the_key_that_is_asked_for(filled: Database) -> None:
    for name in ("c1", "c2", "c1"):
        row = filled.read_sync(partial(NEWEST.first, key={"customer": name}))
        assert row is not None
        assert tuple(row[:3]) == ("demo", name, 2)


def test_there_is_none_for_another_key(filled: Database) -> None:
    assert filled.read_sync(lambda conn: NEWEST.first(conn, {"customer": "c3"})) is None


def test_it_finds_all_rows_of_the_key_that_is_asked_for(filled: Database) -> None:
    for name in ("c1", "c2", "c1"):
        found = filled.read_sync(partial(EVERY.all, key={"customer": name}))
        assert [tuple(row[:3]) for row in found] == [("demo", name, 1), ("demo", name, 2)]
    assert not filled.read_sync(lambda conn: EVERY.all(conn, {"customer": "c3"}))


def test_an_error_comes_by_its_usual_name(filled: Database) -> None:
    filled.write_sync(lambda conn: conn.exec_driver_sql("DROP TABLE customers"))
    with pytest.raises(DBAPIError):
        filled.read_sync(lambda conn: NEWEST.first(conn, {"customer": "c1"}))
    with pytest.raises(DBAPIError):
        filled.read_sync(lambda conn: EVERY.all(conn, {"customer": "c1"}))


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_read_is_left_open_behind_it(filled: Database) -> None:
    filled.read_sync(lambda conn: NEWEST.first(conn, {"customer": "c1"}))
    filled.read_sync(lambda conn: EVERY.all(conn, {"customer": "c1"}))
    filled.write_sync(lambda conn: customers.insert(conn, [rows.customer("c9")]))
    # The journal can be emptied only while nobody reads from it.
    busy, *_ = filled.read_sync(
        lambda conn: conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    )
    assert busy == 0


def test_in_a_transaction_an_error_is_named_for_what_it_is(filled: Database) -> None:
    def fail(conn: Connection) -> None:
        conn.exec_driver_sql("DROP TABLE customers")
        NEWEST.first(conn, {"customer": "c1"})

    with pytest.raises(DBAPIError) as failed:
        filled.write_sync(fail)
    assert "no such table" in str(failed.value) or "does not exist" in str(failed.value)
    # What was begun is undone.
    assert filled.read_sync(lambda conn: NEWEST.first(conn, {"customer": "c1"})) is not None


def test_in_a_transaction_it_sees_what_was_written_there(filled: Database) -> None:
    def write(conn: Connection) -> object:
        customers.insert(conn, [rows.customer("c1", 3)])
        row = NEWEST.first(conn, {"customer": "c1"})
        assert row is not None
        return row[2]

    assert filled.write_sync(write) == 3
