"""The connection itself: what it refuses, how it fails, what its errors say and do not say."""

import asyncio
import dataclasses
import stat
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tests.support import rows
from tests.support.databases import PostgresServer
from vault.store import Database, StoreDamaged, StoreUnavailable, customers
from vault.store.schema import customers as customers_table


def scalar(sql: str) -> Callable[[Connection], object]:
    return lambda conn: conn.exec_driver_sql(sql).scalar()


@pytest.mark.parametrize(
    "url", ["mysql://root@localhost/x", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=1"]
)
def test_a_database_of_another_kind_or_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database"):
        Database(url)


def test_no_repr_or_error_shows_a_password() -> None:
    database = Database("postgresql://vault:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in repr(database)
    with pytest.raises(StoreUnavailable) as caught:
        database.ping()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(StoreUnavailable):
        database.writer()
    with pytest.raises(StoreUnavailable):
        database.write_sync(lambda c: None)
    database.dispose()


def test_a_schema_that_is_not_even_text_is_damage(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.write_sync(lambda c: c.exec_driver_sql("CREATE TABLE quoted (a integer)"))
    path = Path(database.sqlite_path or "")
    database.read_sync(lambda c: c.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all())
    database.dispose()
    path.write_bytes(path.read_bytes().replace(b"TABLE quoted (a", b"TABLE quoted \xd5a"))
    with pytest.raises(StoreDamaged):
        Database(sqlite_url).ping()


def test_an_error_does_not_show_the_values_of_a_statement(database: Database) -> None:
    secret = b"sealed-bytes-of-somebody"
    row = {**dataclasses.asdict(rows.customer("c1")), "sealed": secret}
    del row["masked"]  # which must not be missing
    with pytest.raises(DBAPIError) as caught:
        database.write_sync(lambda c: c.execute(customers_table.insert(), row))
    shown = str(caught.value.with_traceback(None))
    assert "sealed-bytes" not in shown.split("[SQL")[1]


def test_a_new_sqlite_file_and_its_journals_are_the_owners_alone(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.write_sync(lambda c: c.exec_driver_sql("CREATE TABLE t (a integer)"))
    files = list(Path(database.sqlite_path or "").parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    database.dispose()


def test_every_sqlite_connection_is_durable_and_checks_what_it_should(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "trusted_schema": 0,
        "secure_delete": 1,
    }
    for name, value in wanted.items():
        sql = f"PRAGMA {name}"
        assert database.read_sync(scalar(sql)) == value
        assert database.write_sync(scalar(sql)) == value
    database.dispose()


@pytest.mark.postgres
def test_every_postgres_connection_is_durable_and_bounded(postgres_url: str) -> None:
    database = Database(postgres_url)
    for name, value in {
        "synchronous_commit": "on",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "TimeZone": "UTC",
    }.items():
        sql = f"SHOW {name}"
        assert database.read_sync(scalar(sql)) == value
        assert database.write_sync(scalar(sql)) == value
    database.dispose()


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Database(f"sqlite:///{tmp_path}/nowhere/vault.db")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "vault.db").write_bytes(b"this is not a database, it only looks like a file" * 99)
    database = Database(f"sqlite:///{tmp_path}/vault.db")
    with pytest.raises(StoreDamaged):
        database.ping()
    database.dispose()


def test_reads_work_inline_and_from_many_threads(database: Database) -> None:
    database.write_sync(lambda c: customers.insert(c, [rows.customer("c1")]))

    async def main() -> None:
        found = await asyncio.gather(
            *[database.read(lambda c: customers.current(c, "demo", "c1")) for _ in range(20)]
        )
        assert set(found) == {rows.customer("c1")}

    asyncio.run(main())
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(50):
                assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) is not None
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_read_sees_what_was_committed_just_before_and_nothing_uncommitted(
    database: Database,
) -> None:
    def exists() -> bool:
        return database.read_sync(lambda c: customers.current(c, "demo", "c1")) is not None

    assert not exists()
    conn = database.writer()
    with conn.begin():
        customers.insert(conn, [rows.customer("c1")])
        assert not exists()
    assert exists()
    conn.close()


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    def work(conn: Connection) -> None:
        customers.insert(conn, [rows.customer("c1")])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_sync(work)
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) is None


def test_a_closed_database_says_so(open_database: Callable[..., Database]) -> None:
    database = open_database()
    database.ping()
    database.dispose()
    with pytest.raises(StoreUnavailable):
        database.ping()
    with pytest.raises(StoreUnavailable):
        database.writer()


@pytest.mark.postgres
def test_a_read_whose_connection_was_ended_is_done_again_on_a_new_one(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create(migrated=True)
    database = Database(postgres_server.url(name))
    pid = database.read_sync(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar())
    postgres_server.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
    again = database.read_sync(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar())
    assert again != pid
    database.dispose()
    postgres_server.drop(name)
