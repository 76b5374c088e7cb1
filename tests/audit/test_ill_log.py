"""What is done to the database file under a running log: each fails closed and heals."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.events import event
from tests.support.log_keys import clock, log_signers
from vault.audit import AuditLog, LogUnavailable
from vault.audit.reader import head, read
from vault.audit.sequencer import Sequencer
from vault.store import Database, StoreUnavailable, log_tree
from vault.store.migrate import upgrade

Scene = Callable[[AuditLog, Database], Coroutine[Any, Any, None]]


def play(tmp_path: Path, scene: Scene, now: Callable[[], int] = clock) -> None:
    database = Database(f"sqlite:///{tmp_path}/vault.db")
    upgrade(database)

    async def run() -> None:
        log = AuditLog(database, now)
        await log.start()
        try:
            await scene(log, database)
        finally:
            await log.stop()

    try:
        asyncio.run(run())
    finally:
        database.dispose()


async def refused(log: AuditLog, name: str) -> LogUnavailable:
    with pytest.raises(LogUnavailable) as error:
        await log.record(event(name))
    assert log.failure is not None
    return error.value


def test_a_file_moved_away_refuses_and_serves_again_when_it_is_back(tmp_path: Path) -> None:
    file, aside = tmp_path / "vault.db", tmp_path / "aside.db"

    async def scene(log: AuditLog, database: Database) -> None:
        await log.record(event("a"))
        file.rename(aside)
        for name in ("b", "c"):
            assert not (await refused(log, name)).outcome_unknown
        with pytest.raises(StoreUnavailable, match="moved, deleted or replaced"):
            database.ping()
        # No empty file has been made in its place, by nobody's connection.
        with pytest.raises(StoreUnavailable):
            await asyncio.to_thread(database.read_sync, head)
        assert not file.exists()
        aside.rename(file)
        assert (await log.record(event("d"))).position == 2
        assert log.failure is None

    play(tmp_path, scene)


def test_a_deleted_file_refuses_for_good(tmp_path: Path) -> None:
    file = tmp_path / "vault.db"

    async def scene(log: AuditLog, database: Database) -> None:
        await log.record(event("a"))
        file.unlink()
        await refused(log, "b")
        # Another file in its place is not the one that was opened.
        other = Database(f"sqlite:///{file}")
        upgrade(other)
        other.dispose()
        await refused(log, "c")
        with pytest.raises(StoreUnavailable):
            database.ping()

    play(tmp_path, scene)


def test_a_file_that_goes_in_the_midst_of_a_batch_takes_no_answer_with_it(tmp_path: Path) -> None:
    file = tmp_path / "vault.db"

    async def scene(log: AuditLog, _: Database) -> None:
        await log.record(event("a"))
        with pytest.raises(LogUnavailable) as error:
            await log.commit(lambda _conn: file.unlink(), lambda _: [event("b")])
        assert error.value.outcome_unknown

    play(tmp_path, scene)


def test_a_deleted_write_ahead_log_is_noticed_behind_the_commit(tmp_path: Path) -> None:
    async def scene(log: AuditLog, _: Database) -> None:
        await log.record(event("a"))
        (tmp_path / "vault.db-wal").unlink()
        assert (await refused(log, "b")).outcome_unknown

    play(tmp_path, scene)


def test_a_database_that_is_read_only_refuses_and_heals(tmp_path: Path) -> None:
    async def scene(log: AuditLog, _: Database) -> None:
        await log.record(event("a"))
        # What SQLite answers for a file system that was mounted read-only meanwhile.
        writer = log._conn
        assert writer is not None
        driver: Any = writer.connection.driver_connection
        driver.execute("PRAGMA query_only=ON")
        await refused(log, "b")
        assert (await log.record(event("c"))).position == 2

    play(tmp_path, scene)


def test_a_clock_that_goes_back_is_not_followed_back(tmp_path: Path) -> None:
    hour = 3_600_000_000
    times = iter([10 * hour, 11 * hour, 2 * hour, 3 * hour, 12 * hour])

    async def scene(log: AuditLog, database: Database) -> None:
        for name in "abcde":
            await log.record(event(name))
        stored = database.read_sync(lambda conn: read(conn, 0, 10)).events
        assert [one.recorded_at // hour for one in stored] == [10, 11, 11, 11, 12]
        # A sequencer whose clock went back signs on, under a lease of its own.
        ahead = Sequencer(database, log_signers(tmp_path), lambda: clock() + hour)
        assert ahead.step() is False
        row = database.read_sync(log_tree.latest)
        assert row is not None and row.size == 5

    tmp_path.chmod(0o700)
    play(tmp_path, scene, lambda: next(times))
