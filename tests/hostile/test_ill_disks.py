"""Disks that are full and databases that only read: each fails closed, says so, and is well again
when the cause is gone, with nobody restarting anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recordsvault.admin.v1 import admin_pb2 as ap
from tests.hostile.driving import laid_out, opened
from tests.hostile.test_faults import LOG_AWAY, OK, Calls, eventually, everything_agrees, health
from tests.support.databases import PostgresServer, temporary_server
from tests.support.running_vault import RunningVault
from tests.support.small_disk import SmallDisk
from vault.audit.checkpoint import read_checkpoint
from vault.audit.reader import head, verify_chain
from vault.server.settings import TierName

CRITICAL, WARNING, FINE = (f"HEALTH_STATE_{name}" for name in ("CRITICAL", "WARNING", "OK"))


# -- SQLite on a disk that is full -----------------------------------------------------------


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Iterator[tuple[RunningVault, SmallDisk]]:
    """Everything of the vault is on it, as on a machine with one disk."""
    with SmallDisk(tmp_path / "disk", 48 * 1024) as disk:
        vault = RunningVault(disk.folder, f"sqlite:///{disk.folder}/vault.db")
        try:
            vault.start()
            yield vault, disk
        finally:
            vault.stop()


def test_a_disk_without_a_free_byte_fails_every_call_until_there_is_room(
    on_a_small_disk: tuple[RunningVault, SmallDisk],
) -> None:
    vault, disk = on_a_small_disk
    calls = Calls(vault)
    pids = {tier: vault.pid(tier) for tier in TierName}
    with opened(vault) as database:
        size = 0
        for _ in range(2):
            with disk.full(pids.values()):
                # What is allocated already takes a few entries yet.
                eventually(lambda: calls.create("FULL") == LOG_AWAY, True)
                eventually(lambda: [calls.read_full(), calls.read_masked()], [LOG_AWAY] * 2)
                size = database.read_sync(head).size
                for n in range(5):
                    assert calls.create(f"FULL{n}") == LOG_AWAY
                    assert calls.denied() == LOG_AWAY
                assert database.read_sync(head).size == size
            eventually(calls.read_full, OK)
            assert calls.reads() == [OK] * 3
            assert health(vault, "log")[0] == FINE
        assert calls.create("AFTER") == OK
        assert database.read_sync(verify_chain).size > size
        everything_agrees(vault)
    assert {tier: vault.pid(tier) for tier in TierName} == pids


# -- the second place on a disk that is full --------------------------------------------------


def kept(folder: Path) -> int:
    return read_checkpoint((folder / "checkpoint").read_bytes()).body.size


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_second_place_without_a_free_byte_keeps_the_old_checkpoint_and_catches_up(
    tmp_path: Path, dialect: str, server: PostgresServer | None
) -> None:
    """Calls go on, and operations are told: what was written stays in the database."""
    with (
        SmallDisk(tmp_path / "second", 64) as disk,
        laid_out(tmp_path, dialect, server) as vault,
    ):
        line = 'public_keys = "log.vkey"\n'
        text = vault.config.read_text()
        vault.config.write_text(text.replace(line, f'{line}second_place = "second"\n'))
        vault.start(TierName.FULL)
        eventually(lambda: (disk.folder / "origin").exists(), True)

        def work() -> None:
            vault.admin().CheckHealth(ap.CheckHealthRequest(parts=["kms"]), timeout=10)

        work()
        eventually(lambda: (disk.folder / "checkpoint").exists(), True)
        with disk.full([vault.pid(TierName.FULL)]):
            before = (disk.folder / "checkpoint").read_bytes()
            work()
            eventually(lambda: health(vault, "second_place")[0], WARNING)
            _, detail, remedy = health(vault, "second_place")
            assert ("No space left" if disk.mounted else "File too large") in detail
            assert "log.second_place" in remedy
            work()
            assert (disk.folder / "checkpoint").read_bytes() == before
            assert not list(disk.folder.glob(".checkpoint.*"))
        eventually(lambda: health(vault, "second_place")[0], FINE)
        with opened(vault) as database:
            size = database.read_sync(head).size
        eventually(lambda: kept(disk.folder) >= size, True)


# -- PostgreSQL that only reads ---------------------------------------------------------------


def refuses_to_write(vault: RunningVault, calls: Calls) -> None:
    with opened(vault) as database:
        size = database.read_sync(head).size
        for n in range(3):
            assert calls.create(f"READONLY{n}") == LOG_AWAY
            assert [calls.read_full(), calls.read_masked(), calls.denied()] == [LOG_AWAY] * 3
        assert database.read_sync(head).size == size


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_database_that_is_made_read_only_fails_every_call_and_heals(
    vault: RunningVault, server: PostgresServer | None
) -> None:
    """`default_transaction_read_only`, as where somebody stops all writes for a move."""
    assert server is not None
    calls = Calls(vault)
    with opened(vault) as database:
        (name,) = database.read_sync(lambda c: c.exec_driver_sql("SELECT current_database()").one())

    def every_session_anew() -> None:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )

    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    every_session_anew()
    refuses_to_write(vault, calls)
    server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    # Sessions from before stay read-only, and nobody ends them.
    eventually(calls.read_full, OK)
    eventually(calls.read_masked, OK)
    eventually(lambda: calls.create("AFTER"), OK)
    for n in range(10):
        assert calls.reads() == [OK] * 3
        assert calls.create(f"AFTER{n}") == OK
    assert health(vault, "log")[0] == FINE
    eventually(lambda: health(vault, "checkpoints")[0], FINE)
    everything_agrees(vault)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_server_that_has_become_a_standby_fails_every_call_until_it_is_promoted(
    tmp_path: Path,
) -> None:
    with temporary_server() as server, laid_out(tmp_path, "postgresql", server) as vault:
        vault.start()
        calls = Calls(vault)
        server.stop()
        (server.folder / "standby.signal").touch(mode=0o644)
        server.start()
        try:
            assert server.execute("SELECT pg_is_in_recovery()") == [(True,)]
            eventually(lambda: calls.create("STANDBY"), LOG_AWAY)
            refuses_to_write(vault, calls)
        finally:
            server.execute("SELECT pg_promote()")
        eventually(calls.read_full, OK)
        eventually(calls.read_masked, OK)
        assert calls.create("AFTER") == OK
        assert calls.reads() == [OK] * 3
        everything_agrees(vault)
