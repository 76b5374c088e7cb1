"""What must hold when the disk fills, the database goes away, or the process is killed."""

import asyncio
import contextlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.support import rows
from tests.support.databases import PostgresServer, temporary_server
from tests.support.events import event
from vault.audit import AuditEvent, AuditLog, LogUnavailable, decode
from vault.audit.reader import head, read, verify_chain
from vault.store import Database, StoreUnavailable, customers, migrate
from vault.store.rows import CustomerRow

ROOT = Path(__file__).parents[2]


def clock() -> int:
    return time.time_ns() // 1000


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 100))


def stored(database: Database) -> list[AuditEvent]:
    return [decode(e.leaf) for e in database.read_sync(lambda c: read(c, 0, 10**6)).events]


def put(name: str) -> Callable[[Connection], str]:
    def work(conn: Connection) -> str:
        customers.insert(conn, [rows.customer(name)])
        return name

    return work


def told(name: str) -> list[AuditEvent]:
    return [event(name)]


def held(database: Database) -> set[str]:
    return {
        r.customer for r in database.read_sync(lambda c: customers.page(c, "demo", limit=10**6))
    }


# -- full disk -------------------------------------------------------------------------------


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    migrate.upgrade(database)
    yield database
    database.dispose()


def test_a_full_database_fails_the_call_and_leaves_no_half_of_it(sqlite: Database) -> None:
    """SQLite rolls the whole transaction back by itself; nothing after that may commit alone."""
    database = sqlite

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        await log.commit(put("before"), told)
        conn = log._conn
        assert conn is not None
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        conn.rollback()
        big = "x" * 60_000
        results = await asyncio.gather(
            log.commit(put("small"), told),
            log.record(event("big", reason=big)),
            log.record(event("small too")),
            return_exceptions=True,
        )
        assert [type(r) for r in results] == [LogUnavailable] * 3
        failures = [log.failure]
        # The connection was replaced, and with it the limit: the disk has room again.
        await log.commit(put("after"), told)
        assert [*failures, log.failure] == ["the log cannot be written", None]
        await log.stop()

    run(main)
    assert [e.event_id for e in stored(database)] == ["before", "after"]
    assert held(database) == {"before", "after"}
    assert database.read_sync(verify_chain).size == 2


def journal_size(database: Database) -> int:
    return Path(f"{database.sqlite_path}-wal").stat().st_size


def test_a_disk_that_takes_no_more_bytes_fails_calls_until_it_does_again(
    sqlite: Database,
) -> None:
    """The operating system refuses the write itself (here: a limit on the size of files)."""
    database = sqlite
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        await log.commit(put("before"), told)
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal_size(database) + 9_000, hard))
        try:
            for n in range(3):
                with pytest.raises(LogUnavailable):
                    await log.commit(put(f"during{n}"), lambda n: [event(n, reason="x" * 30_000)])
            assert (await database.read(head)).size == 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await log.commit(put("after"), told)
        await log.stop()

    run(main)
    assert held(database) == {"before", "after"}
    assert [e.event_id for e in stored(database)] == ["before", "after"]
    assert database.read_sync(verify_chain).size == 2


def test_work_that_swallows_the_full_disk_does_not_slip_through(sqlite: Database) -> None:
    database = sqlite

    def careless(conn: Connection) -> str:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with contextlib.suppress(Exception):
            customers.insert(conn, [CustomerRow("demo", "huge", 1, 1, "b", bytes(200_000), b"")])
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")
        return "careless"

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        results = await asyncio.gather(
            log.commit(put("first"), told),
            log.commit(careless, told),
            log.record(event("last")),
            return_exceptions=True,
        )
        assert [type(r) for r in results] == [LogUnavailable] * 3
        await log.stop()

    run(main)
    assert held(database) == set()
    assert stored(database) == []


# -- tampering and errors at the insert ------------------------------------------------------


def test_an_insert_that_fails_is_never_taken_for_a_success(database: Database) -> None:
    """Events stand where the next ones should go: somebody put the head back."""

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        for n in range(3):
            await log.record(event(f"e{n}"))
        database.write_sync(lambda c: c.exec_driver_sql("UPDATE audit_head SET size = 1"))
        for _ in range(2):
            with pytest.raises(LogUnavailable):
                await log.record(event("over it"))
            with pytest.raises(LogUnavailable):
                await log.commit(put("c1"), told)
        await log.stop()

    run(main)
    assert held(database) == set()
    assert database.read_sync(lambda c: len(read(c, 0, 10).events)) == 1
    count = database.read_sync(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM audit_events").scalar()
    )
    assert count == 3


def test_a_log_whose_table_is_gone_fails_every_call(database: Database) -> None:
    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        database.write_sync(lambda c: c.exec_driver_sql("DROP TABLE audit_events"))
        with pytest.raises(LogUnavailable):
            await log.record(event())
        with pytest.raises(LogUnavailable):
            await log.commit(put("c1"), told)
        await log.stop()

    run(main)
    assert held(database) == set()


# -- a database held by somebody else --------------------------------------------------------


def test_a_database_locked_too_long_fails_the_call_and_recovers(
    database: Database, open_database: Callable[..., Database]
) -> None:
    setting = "PRAGMA busy_timeout = 200" if database.dialect == "sqlite" else None

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        await log.record(event("before"))
        conn = log._conn
        assert conn is not None
        conn.exec_driver_sql(setting or "SET lock_timeout = 200")
        conn.commit()
        other = open_database().writer()
        with other.begin():
            other.exec_driver_sql("UPDATE audit_head SET recorded_at = recorded_at")
            with pytest.raises(LogUnavailable) as caught:
                await log.record(event("meanwhile"))
            assert not caught.value.outcome_unknown
        other.close()
        await log.record(event("after"))
        await log.stop()

    run(main)
    assert [e.event_id for e in stored(database)] == ["before", "after"]


# -- PostgreSQL goes away --------------------------------------------------------------------


@pytest.mark.postgres
def test_terminated_connections_fail_what_is_under_way_and_are_replaced(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create(migrated=True)
    database = Database(postgres_server.url(name))
    answered: list[str] = []

    async def main() -> None:
        log = AuditLog(database, clock)
        await log.start()
        stop = asyncio.Event()
        refused = 0

        async def caller(number: int) -> None:
            nonlocal refused
            n = 0
            while not stop.is_set():
                n += 1
                try:
                    await log.commit(put(f"c{number}-{n}"), told)
                    answered.append(f"c{number}-{n}")
                    await database.read(lambda c: customers.current_masked(c, "demo", "c1"))
                except (LogUnavailable, StoreUnavailable):
                    refused += 1

        callers = [asyncio.ensure_future(caller(i)) for i in range(6)]
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        for _ in range(5):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(postgres_server.execute, kill)
        await asyncio.sleep(0.2)
        stop.set()
        await asyncio.gather(*callers)
        assert refused > 0
        await log.record(event("at last"))
        await log.stop()

    run(main)
    assert len(answered) > 20
    assert set(answered) <= held(database)
    assert {e.event_id for e in stored(database)} == held(database) | {"at last"}
    database.read_sync(verify_chain)
    database.dispose()
    postgres_server.drop(name)


@pytest.mark.postgres
def test_a_crashed_server_fails_calls_until_it_is_back_and_kept_what_was_answered() -> None:
    with temporary_server() as server:
        database = Database(server.url(server.create(migrated=True)))

        async def main() -> None:
            log = AuditLog(database, clock)
            await log.start()
            await log.commit(put("before"), told)
            server.crash()
            with pytest.raises(LogUnavailable):
                await log.record(event("during"))
            with pytest.raises(LogUnavailable):
                await log.commit(put("during"), told)
            with pytest.raises(StoreUnavailable):
                await database.read(head)
            with pytest.raises(StoreUnavailable):
                database.ping()
            server.start()
            await log.commit(put("after"), told)
            assert (await database.read(head)).size == 2
            await log.stop()

        run(main)
        assert held(database) == {"before", "after"}
        assert [e.event_id for e in stored(database)] == ["before", "after"]
        database.dispose()


# -- killed processes and several processes --------------------------------------------------


def worker(url: str, name: str, calls: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fault_worker.py")), url, name, str(calls)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )


def check(database: Database, answered: set[str]) -> None:
    """Whatever was answered stands; no record without its event, no event without its record."""
    database.read_sync(verify_chain)
    events = {e.event_id: e for e in stored(database)}
    assert answered <= set(events)
    records = database.read_sync(lambda c: customers.page(c, "demo", limit=10**6))
    assert {r.customer for r in records} == {i for i, e in events.items() if e.rows}
    for record in records:
        (row,) = events[record.customer].rows
        assert (row.name, row.sha256) == (record.name, record.hash())


def test_a_killed_process_has_lost_nothing_that_it_answered(
    database: Database, migrated_url: str
) -> None:
    answered: set[str] = set()
    for kill in range(4):
        process = worker(migrated_url, f"k{kill}", 1_000_000)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(120 + 37 * kill)]
        process.kill()
        lines += process.stdout.read().splitlines()
        process.wait()
        # The last line may be cut short by the kill; a whole one was answered.
        answered |= {line.strip() for line in lines[:-1]}
        check(database, answered)
    assert len(answered) > 400


def test_processes_that_append_at_once_keep_one_chain(
    database: Database, migrated_url: str
) -> None:
    calls = 30
    processes = [worker(migrated_url, f"p{n}", calls) for n in range(3)]
    answered: set[str] = set()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        answered |= set(out.split())
    assert len(answered) == 3 * 8 * calls
    check(database, answered)
    assert database.read_sync(head).size == len(answered)
