"""What a process knows of the log: a database that falls behind it is noticed at the next append,
and at the next look."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from tests.support.events import event
from tests.support.log_keys import clock
from vault.audit import AuditLog, LogUnavailable
from vault.audit.chain import GENESIS
from vault.audit.known import KnownHead, LogSetBack
from vault.audit.reader import head
from vault.store import Database, StoreForbidden
from vault.store.errors import StoreAltered


async def logged(database: Database, count: int) -> AuditLog:
    log = AuditLog(database, clock)
    await log.start()
    for n in range(count):
        await log.record(event(f"e{n}"))
    return log


def is_gone(known: KnownHead) -> bool:
    return known.gone


def cut(size: int) -> Callable[[Connection], None]:
    """The log as it was when it had so many entries."""

    def work(conn: Connection) -> None:
        chain = conn.exec_driver_sql(
            f"SELECT chain FROM audit_events WHERE position = {size}"
        ).scalar()
        conn.exec_driver_sql(f"DELETE FROM audit_customers WHERE position > {size}")
        conn.exec_driver_sql(f"DELETE FROM audit_events WHERE position > {size}")
        mark = "%s" if conn.dialect.name == "postgresql" else "?"
        conn.exec_driver_sql(
            f"UPDATE audit_head SET size = {size}, chain = {mark}", (chain or GENESIS,)
        )

    return work


def test_a_log_that_was_cut_takes_no_further_entry(database: Database) -> None:
    async def main() -> None:
        log = await logged(database, 5)
        assert log.known.size == 5
        database.write_sync(cut(3))
        for _ in range(2):
            with pytest.raises(LogUnavailable):
                await log.record(event("after"))
        assert log.known.gone
        assert database.read_sync(head).size == 3
        with pytest.raises(LogUnavailable):
            await log.wait_beyond(5)
        await log.stop()

    asyncio.run(main())


def test_a_log_that_was_cut_and_has_grown_again_is_noticed_by_a_look(database: Database) -> None:
    async def main() -> None:
        log = await logged(database, 5)
        database.read_sync(log.known.look)
        database.write_sync(cut(2))
        other = await logged(database, 6)  # a process that has seen nothing else
        with pytest.raises(LogSetBack):
            database.read_sync(log.known.look)
        assert log.known.gone and not other.known.gone
        database.read_sync(other.known.look)
        await log.stop()
        await other.stop()

    asyncio.run(main())


def test_the_entries_of_others_are_known_after_a_look(database: Database) -> None:
    async def main() -> None:
        log = await logged(database, 2)
        other = await logged(database, 3)
        assert log.known.size == 2
        assert database.read_sync(log.known.look).size == log.known.size == 5
        database.write_sync(cut(4))
        with pytest.raises(LogSetBack):
            database.read_sync(log.known.look)
        await log.stop()
        await other.stop()

    asyncio.run(main())


def test_the_last_entry_exchanged_is_another_log(database: Database) -> None:
    async def main() -> None:
        log = await logged(database, 3)
        database.write_sync(cut(2))
        other = await logged(database, 1)
        assert database.read_sync(head).size == 3
        with pytest.raises(LogUnavailable):
            await log.record(event("after"))
        assert log.known.gone
        await log.stop()
        await other.stop()

    asyncio.run(main())


def test_it_is_well_again_when_the_entries_are_back(database: Database) -> None:
    known = KnownHead()

    async def main() -> None:
        await (await logged(database, 4)).stop()

    asyncio.run(main())
    full = database.read_sync(known.look)
    database.write_sync(cut(3))
    with pytest.raises(LogSetBack):
        database.read_sync(known.look)

    def back(conn: Connection) -> None:
        mark = "%s" if conn.dialect.name == "postgresql" else "?"
        conn.exec_driver_sql(f"UPDATE audit_head SET size = 4, chain = {mark}", (full.chain,))

    database.write_sync(back)
    database.read_sync(known.look)
    assert not known.gone


def test_with_a_waiver_it_goes_on_from_what_is_committed_and_from_nothing_else() -> None:
    known = KnownHead()
    known.learn(5, b"five")
    with pytest.raises(LogSetBack):
        known.require(3, b"three")
    with known.waived():
        known.require(3, b"three")  # and the commit fails
    assert (is_gone(known), known.size) == (True, 5)
    with known.waived():
        known.require(3, b"three")
        known.learn(4, b"four")
    assert (is_gone(known), known.size, known.chain) == (False, 4, b"four")
    with pytest.raises(LogSetBack):
        known.require(3, b"three")


def test_a_look_from_before_the_log_was_let_go_on_closes_nothing() -> None:
    known = KnownHead()
    known.learn(5, b"five")

    class Old:
        class dialect:  # noqa: N801 - as SQLAlchemy has it
            name = "sqlite"

        def exec_driver_sql(self, *_: object) -> "Old":
            known.forget()  # while the database was asked
            return self

        def first(self) -> tuple[int, bytes, int, None]:
            return 3, b"three", 0, None

    known.look(Old())  # type: ignore[arg-type]  # a connection as far as it goes
    assert not known.gone


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_head_of_another_type_is_told_and_closes_nothing_by_itself(database: Database) -> None:
    known = KnownHead()
    database.write_sync(lambda conn: conn.exec_driver_sql("UPDATE audit_head SET chain = 'x'"))
    with pytest.raises(StoreAltered):
        database.read_sync(known.look)
    assert not known.gone


def test_a_masked_node_sees_hashes_and_nothing_of_what_they_are_of(
    database: Database, masked_url: str
) -> None:
    masked = Database(masked_url, role="masked")
    try:

        async def main() -> None:
            log = await logged(database, 2)
            await log.stop()

        asyncio.run(main())
        known = KnownHead()
        assert masked.read_sync(known.look).size == 2
        for column in ("leaf", "action", "actor", "institution"):
            with pytest.raises(StoreForbidden):
                masked.read_sync(
                    lambda conn, c=column: conn.exec_driver_sql(
                        f"SELECT {c} FROM audit_events"
                    ).all()  # type: ignore[misc]
                )
    finally:
        masked.dispose()
