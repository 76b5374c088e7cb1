"""Reads in threads: each is answered, with its own, whatever becomes of the others."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from vault.store.read_threads import ReadThreads

THREADS = 3


@pytest.fixture
def threads() -> Iterator[ReadThreads]:
    made = ReadThreads(lambda fn: fn(threading.current_thread().name), THREADS)
    yield made
    made.close()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


def test_each_of_many_reads_gets_its_own_answer_or_its_own_error(threads: ReadThreads) -> None:
    def read(number: int) -> Callable[[str], int]:
        def fn(_: str) -> int:
            if number % 7 == 0:
                raise KeyError(number)
            return number

        return fn

    async def one(number: int) -> None:
        for again in range(5):
            asked = number * 5 + again
            try:
                answer = await threads.read(read(asked))
            except KeyError as error:
                assert error.args == (asked,)
                assert asked % 7 == 0
            else:
                assert answer == asked
                assert asked % 7

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(300)))

    run(main)


def test_no_read_waits_behind_a_slow_one_while_a_thread_is_free(threads: ReadThreads) -> None:
    async def main() -> None:
        let_go = threading.Event()
        slow = [asyncio.create_task(threads.read(lambda _: let_go.wait(10))) for _ in range(2)]
        try:
            for _ in range(50):
                assert await threads.read(lambda _: 1) == 1
            assert not any(task.done() for task in slow)
        finally:
            let_go.set()
        assert await asyncio.gather(*slow) == [True, True]

    run(main)


def test_a_thread_that_is_free_takes_what_was_handed_over_behind_a_slow_one(
    threads: ReadThreads,
) -> None:
    async def main() -> None:
        let_go = threading.Event()
        # All in one turn of the loop, before any thread has begun.
        slow = asyncio.create_task(threads.read(lambda _: let_go.wait(10)))
        quick = [asyncio.create_task(threads.read(lambda _: 1)) for _ in range(20)]
        try:
            assert await asyncio.gather(*quick) == [1] * 20
            assert not slow.done()
        finally:
            let_go.set()
        await slow

    run(main)


def test_no_more_threads_read_than_there_may_be(threads: ReadThreads) -> None:
    async def main() -> None:
        all_in = threading.Barrier(THREADS)

        def meet(name: str) -> str:
            all_in.wait(10)
            return name

        names = await asyncio.gather(*(threads.read(meet) for _ in range(4 * THREADS)))
        assert len(set(names)) == THREADS

    run(main)


def test_a_read_that_is_given_up_does_not_run_and_holds_up_nobody(threads: ReadThreads) -> None:
    async def main() -> None:
        let_go, ran = threading.Event(), threading.Event()
        held = [asyncio.create_task(threads.read(lambda _: let_go.wait(10))) for _ in range(3)]
        given_up = asyncio.create_task(threads.read(lambda _: ran.set()))
        behind = asyncio.create_task(threads.read(lambda _: 1))
        await asyncio.sleep(0.05)
        given_up.cancel()
        held[0].cancel()  # which has begun
        await asyncio.sleep(0)
        let_go.set()
        assert await behind == 1
        assert await asyncio.gather(*held[1:]) == [True, True]
        assert given_up.cancelled()
        assert held[0].cancelled()
        assert not ran.is_set()

    run(main)


def test_one_loop_after_another_is_answered(threads: ReadThreads) -> None:
    for number in range(3):

        async def main(number: int = number) -> None:
            assert await threads.read(lambda _: number) == number

        run(main)


def test_an_answer_that_comes_when_its_loop_is_gone_troubles_nobody(threads: ReadThreads) -> None:
    let_go, read = threading.Event(), threading.Event()

    def wait(_: str) -> None:
        let_go.wait(10)
        read.set()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(threads.read(wait), 0.05)

    run(leave)
    let_go.set()
    assert read.wait(10)

    async def main() -> None:
        assert await threads.read(lambda _: 1) == 1

    run(main)


def test_closing_waits_for_what_is_under_way() -> None:
    threads = ReadThreads(lambda fn: fn(None), THREADS)
    done: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        let_go = threading.Event()

        def read(_: object) -> None:
            let_go.wait(10)
            done.append(1)

        reads = [asyncio.create_task(threads.read(read)) for _ in range(3 * THREADS)]
        await asyncio.sleep(0.05)
        loop.call_later(0.05, let_go.set)
        closing = loop.run_in_executor(None, threads.close)
        await asyncio.gather(*reads)
        await closing

    run(main)
    assert len(done) == 3 * THREADS
