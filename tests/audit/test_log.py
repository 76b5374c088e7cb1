"""The log at work: durable when answered, one caller's failure its own, batches paced."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.support import rows
from tests.support.events import event
from vault.audit import (
    AuditEvent,
    AuditLog,
    EventTooLarge,
    LogSettings,
    LogUnavailable,
    RowHash,
    decode,
)
from vault.audit.reader import head, read, verify_chain
from vault.store import Database, VersionConflict, claims, customers
from vault.store.rows import CustomerRow


def clock() -> int:
    return time.time_ns() // 1000


@asynccontextmanager
async def running(database: Database, **settings: Any) -> AsyncIterator[AuditLog]:
    log = AuditLog(database, clock, LogSettings(**settings))
    await log.start()
    try:
        yield log
    finally:
        await log.stop()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def stored(database: Database) -> list[AuditEvent]:
    page = database.read_sync(lambda c: read(c, 0, 100_000))
    assert page.at_end
    return [decode(e.leaf) for e in page.events]


def test_an_event_is_in_the_database_when_record_returns(database: Database) -> None:
    async def main() -> None:
        async with running(database) as log:
            for n in range(5):
                written = await log.record(event(f"e{n}"))
                assert written.position == n + 1
                assert database.read_sync(head).size == n + 1
                assert stored(database)[-1] == event(f"e{n}")

    run(main)
    assert database.read_sync(verify_chain).size == 5


def test_work_and_its_events_stand_together(database: Database) -> None:
    row = rows.customer("c1")

    def work(conn: Connection) -> str:
        customers.insert(conn, [row])
        return row.name

    async def main() -> None:
        async with running(database) as log:
            result = await log.commit(
                work, lambda name: [event("w", rows=(RowHash(name, row.hash()),))]
            )
            assert result == row.name

    run(main)
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) == row
    assert [e.rows for e in stored(database)] == [(RowHash(row.name, row.hash()),)]


class Taken(Exception):
    """What a unit of work raises for reasons of its own."""


def test_a_thread_waits_for_what_it_has_committed(database: Database) -> None:
    row = rows.customer("c1")

    def work(conn: Connection) -> str:
        customers.insert(conn, [row])
        return row.name

    async def main() -> None:
        async with running(database) as log:

            def in_a_thread() -> str:
                made = log.commit_from_thread(
                    work, lambda name: [event("w", rows=(RowHash(name, row.hash()),))]
                )
                assert stored(database)[-1].rows == (RowHash(row.name, row.hash()),)
                with pytest.raises(VersionConflict):
                    log.commit_from_thread(work, lambda name: [event("w")])
                return made

            assert await asyncio.to_thread(in_a_thread) == row.name
        with pytest.raises(LogUnavailable):
            await asyncio.to_thread(log.commit_from_thread, work, lambda name: [event("w")])

    run(main)
    assert len(stored(database)) == 1


def test_a_thread_does_not_wait_for_ever_for_a_log_that_hangs(database: Database) -> None:
    async def main() -> None:
        async with running(database) as log:
            ended = threading.Event()

            def hangs(_: Connection) -> None:
                ended.wait(30)

            hanging = asyncio.ensure_future(log.commit(hangs, lambda _: [event("slow")]))
            await asyncio.sleep(0.05)
            try:
                with pytest.raises(LogUnavailable, match="has not answered"):
                    await asyncio.to_thread(
                        partial(
                            log.commit_from_thread,
                            lambda conn: None,
                            lambda _: [event("late")],
                            seconds=0.1,
                        )
                    )
            finally:
                ended.set()
                await hanging

    run(main)


def test_what_one_unit_raises_reaches_its_caller_alone(database: Database) -> None:
    def put(name: str, version: int = 1) -> Callable[[Connection], str]:
        def work(conn: Connection) -> str:
            customers.insert(conn, [rows.customer(name, version)])
            if claims.put(conn, "demo", [(b"t" * 16, name)]):
                raise Taken
            return name

        return work

    def only(name: str) -> Callable[[Connection], str]:
        def work(conn: Connection) -> str:
            customers.insert(conn, [rows.customer(name)])
            return name

        return work

    def fail(conn: Connection) -> str:
        customers.insert(conn, [rows.customer("half")])
        raise ZeroDivisionError

    def events(name: str) -> list[AuditEvent]:
        return [event(name)]

    def broken(name: str) -> list[AuditEvent]:
        raise KeyError(name)

    def none(name: str) -> list[AuditEvent]:
        return []

    def too_large(name: str) -> list[AuditEvent]:
        return [event(name, reason="x" * 70_000)]

    async def main() -> None:
        async with running(database) as log:

            async def write(
                work: Callable[[Connection], str], told: Callable[[str], list[AuditEvent]]
            ) -> str:
                return await log.commit(work, told)

            units: list[Coroutine[Any, Any, object]] = [
                log.record(event("r1")),
                write(put("c1"), events),
                write(put("c1"), events),
                write(put("c2"), events),
                write(fail, events),
                write(only("c3"), none),
                write(only("c4"), too_large),
                write(only("c5"), broken),
                write(only("c6"), events),
                log.record(event("r2")),
            ]
            results = await asyncio.gather(*units, return_exceptions=True)
            kinds = [type(r) for r in results if isinstance(r, BaseException)]
            assert kinds == [
                VersionConflict,
                Taken,
                ZeroDivisionError,
                RuntimeError,
                EventTooLarge,
                KeyError,
            ]
            assert results[1] == "c1"
            assert results[8] == "c6"

    run(main)
    assert [e.event_id for e in stored(database)] == ["r1", "c1", "c6", "r2"]
    found = database.read_sync(lambda c: customers.page(c, "demo", limit=10))
    assert [r.customer for r in found] == ["c1", "c6"]
    assert database.read_sync(verify_chain).size == 4


def test_later_units_of_a_batch_see_what_earlier_ones_wrote(database: Database) -> None:
    """So that two requests with one request id, even in one batch, are carried out once."""

    def work(conn: Connection) -> bool:
        if customers.current(conn, "demo", "c1") is not None:
            return False
        customers.insert(conn, [rows.customer("c1")])
        return True

    async def main() -> None:
        async with running(database) as log:
            done = await asyncio.gather(
                *[log.commit(work, lambda new: [event(str(new))]) for _ in range(20)]
            )
            assert sum(done) == 1

    run(main)


def test_an_event_that_is_too_large_is_refused_before_it_is_queued(database: Database) -> None:
    async def main() -> None:
        async with running(database) as log:
            with pytest.raises(EventTooLarge):
                await log.record(event(reason="x" * 70_000))

    run(main)
    assert stored(database) == []


def test_a_write_of_many_rows_is_split_into_events_that_fit(database: Database) -> None:
    many = tuple(RowHash(f"institutions/demo/customers/{i:026}@1", bytes(32)) for i in range(1_500))

    async def main() -> None:
        async with running(database) as log:
            await log.commit(lambda _: None, lambda _: [event("b", rows=many), event("c")])

    run(main)
    found = stored(database)
    assert len(found) > 2
    assert sum((e.rows for e in found), ()) == many
    assert [e.part for e in found] == [*range(1, len(found)), 0]


def test_calls_that_wait_together_share_a_batch(database: Database) -> None:
    async def main() -> None:
        batches: list[int] = []
        async with running(database) as log:
            write = log._write

            def counted(batch: Any) -> Any:
                batches.append(len(batch))
                return write(batch)

            log._write = counted  # type: ignore[method-assign]  # counts the batches
            written = await asyncio.gather(*[log.record(event(f"e{n}")) for n in range(300)])
            assert [w.position for w in written] == list(range(1, 301))
            assert batches == [300]
            # Beyond the weight of one batch there are several, in order.
            works = [log.commit(lambda _: None, lambda _: [event()], weight=200) for _ in range(5)]
            await asyncio.gather(*works, log.record(event("last")))
            assert batches == [300, 2, 2, 2]

    run(main)
    assert stored(database)[-1].event_id == "last"


def test_a_unit_heavier_than_a_batch_has_one_to_itself(database: Database) -> None:
    async def main() -> None:
        async with running(database, max_batch=10) as log:
            await log.commit(lambda _: None, lambda _: [event()], weight=5_000)

    run(main)
    assert len(stored(database)) == 1


@pytest.mark.alone
def test_after_a_shared_batch_the_next_waits_for_the_window_and_a_lone_caller_never_does(
    database: Database,
) -> None:
    window = 0.5

    async def main() -> None:
        async with running(database, window=window) as log:
            begun = time.monotonic()
            for n in range(3):
                await log.record(event(f"lone{n}"))
            assert time.monotonic() - begun < window
            begun = time.monotonic()
            await asyncio.gather(log.record(event("a")), log.record(event("b")))
            assert time.monotonic() - begun < window
            await log.record(event("c"))
            assert time.monotonic() - begun >= window
            # and the one after a batch of one is at once again
            begun = time.monotonic()
            await log.record(event("d"))
            assert time.monotonic() - begun < window

    run(main)


def test_a_full_queue_refuses_instead_of_growing(database: Database) -> None:
    async def main() -> None:
        async with running(database, max_queue=3) as log:
            results = await asyncio.gather(
                *[log.record(event(f"e{n}")) for n in range(5)], return_exceptions=True
            )
            assert [isinstance(r, LogUnavailable) for r in results] == [False] * 3 + [True] * 2
            await log.record(event("later"))

    run(main)
    assert [e.event_id for e in stored(database)] == ["e0", "e1", "e2", "later"]


def test_stopping_writes_what_waits_and_refuses_what_comes_after(database: Database) -> None:
    async def main() -> None:
        log = AuditLog(database, clock, LogSettings(max_batch=1, window=5.0))
        with pytest.raises(LogUnavailable):
            await log.record(event("early"))
        await log.start()
        waiting = [asyncio.ensure_future(log.record(event(f"e{n}"))) for n in range(4)]
        await asyncio.sleep(0)
        await log.stop()
        assert [w.position for w in await asyncio.gather(*waiting)] == [1, 2, 3, 4]
        with pytest.raises(LogUnavailable):
            await log.record(event("late"))
        await log.stop()

    run(main)
    assert len(stored(database)) == 4


def test_a_caller_who_gives_up_does_not_take_its_event_back(database: Database) -> None:
    async def main() -> None:
        async with running(database) as log:
            gone = asyncio.ensure_future(log.record(event("gone")))
            other = asyncio.ensure_future(log.record(event("other")))
            await asyncio.sleep(0)
            gone.cancel()
            await other
            assert gone.cancelled()

    run(main)
    assert [e.event_id for e in stored(database)] == ["gone", "other"]


def test_recorded_times_never_go_back_though_the_clock_does(database: Database) -> None:
    times = iter([1_000, 5_000, 3_000, 6_000])

    async def main() -> None:
        log = AuditLog(database, lambda: next(times))
        await log.start()
        for _ in range(4):
            await log.record(event())
        await log.stop()

    run(main)
    page = database.read_sync(lambda c: read(c, 0, 10))
    assert [e.recorded_at for e in page.events] == [1_000, 5_000, 5_000, 6_000]


def test_a_unit_that_ends_the_transaction_fails_the_batch_and_nothing_of_it_stands(
    database: Database,
) -> None:
    def rogue(conn: Connection) -> None:
        conn.exec_driver_sql("ROLLBACK")

    async def main() -> None:
        async with running(database) as log:
            results = await asyncio.gather(
                log.commit(
                    lambda c: customers.insert(c, [rows.customer("c1")]), lambda _: [event("w")]
                ),
                log.commit(rogue, lambda _: [event("rogue")]),
                log.record(event("r")),
                return_exceptions=True,
            )
            assert [type(r) for r in results] == [LogUnavailable] * 3
            assert log.failure is not None
            await log.record(event("after"))
            assert log.failure is None

    run(main)
    assert [e.event_id for e in stored(database)] == ["after"]
    assert database.read_sync(lambda c: customers.current(c, "demo", "c1")) is None


def test_followers_wake_at_an_append_of_this_process_at_once(database: Database) -> None:
    async def main() -> None:
        async with running(database, poll=30.0) as log:
            waiting = [asyncio.ensure_future(log.wait_beyond(0)) for _ in range(3)]
            await asyncio.sleep(0.05)
            assert not any(w.done() for w in waiting)
            await log.record(event())
            assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [1, 1, 1]
            assert await log.wait_beyond(0) == 1

    run(main)


def test_followers_find_the_appends_of_other_processes_by_looking(
    database: Database, open_database: Callable[..., Database]
) -> None:
    async def main() -> None:
        async with running(database, poll=0.05) as log, running(open_database()) as other:
            waiting = asyncio.ensure_future(log.wait_beyond(0))
            await other.record(event())
            assert await asyncio.wait_for(waiting, 5) == 1

    run(main)


def put(conn: Connection, row: CustomerRow) -> None:
    customers.insert(conn, [row])


def written(_: None) -> list[AuditEvent]:
    return [event("written")]


def test_two_logs_of_one_database_keep_one_chain(
    database: Database, open_database: Callable[..., Database]
) -> None:
    async def main() -> None:
        async with running(database) as one, running(open_database()) as two:

            async def many(log: AuditLog, name: str) -> None:
                for n in range(40):
                    await asyncio.gather(
                        log.record(event(f"{name}{n}")),
                        log.commit(partial(put, row=rows.customer(f"{name}{n}")), written),
                    )

            await asyncio.gather(many(one, "a"), many(two, "b"))

    run(main)
    assert database.read_sync(verify_chain).size == 160
    assert len(database.read_sync(lambda c: customers.page(c, "demo", limit=100))) == 80
