"""Reads that the event loop hands to threads: on PostgreSQL, whose answers are a way off.

To hand a read over and to be told of its answer costs more than the read itself. So a thread that
has begun takes what is waiting, one read after the other, and the loop is told of all that was
answered by the time it looks. No read waits behind a slow one while a thread is free.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class ReadThreads:
    """At most so many threads, each of which does its work by `run`."""

    def __init__(self, run: Callable[[Callable[[Any], Any]], Any], threads: int) -> None:
        self._run = run
        self._most = threads
        self._pool = ThreadPoolExecutor(threads, "vault-read")
        self._answers: _Answers | None = None
        # Under the lock: what waits, the threads that take of it, and whether the one that was
        # started last has still to begin.
        self._lock = threading.Lock()
        self._waiting: deque[_Read] = deque()
        self._taking = 0
        self._starting = False

    async def read(self, fn: Callable[[Any], T]) -> T:
        """What `run` makes of `fn`, in a thread. Raises what it raises."""
        loop = asyncio.get_running_loop()
        answers = self._answers
        if answers is None or answers.loop is not loop:
            answers = self._answers = _Answers(loop)
        answer: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._waiting.append(_Read(fn, answer, answers))
            start = self._may_start()
        if start:
            self._start()
        return await answer

    def close(self) -> None:
        """Wait for the reads that are under way; there must be none from here on."""
        self._pool.shutdown(wait=True)

    def _may_start(self) -> bool:
        """Whether another thread should take of what waits: one at a time, since the first of two
        reads that come together is often answered before a second thread is awake."""
        if not self._waiting or self._starting or self._taking == self._most:
            return False
        self._starting = True
        self._taking += 1
        return True

    def _start(self) -> None:
        try:
            self._pool.submit(self._take)
        except RuntimeError:
            # Closed meanwhile: those that have begun take the rest.
            with self._lock:
                self._taking, self._starting = self._taking - 1, False

    def _take(self) -> None:
        """In a thread: what waits, until nothing does."""
        began = False
        while True:
            with self._lock:
                if not began:
                    began, self._starting = True, False
                if not self._waiting:
                    self._taking -= 1
                    return
                read = self._waiting.popleft()
                start = self._may_start()
            if start:
                self._start()
            if read.answer.cancelled():
                continue
            try:
                read.answers.put(read.answer, self._run(read.fn), None)
            except BaseException as error:
                read.answers.put(read.answer, None, error)


class _Answers:
    """Answers on their way to one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._told = False
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()

    def put(
        self, answer: "asyncio.Future[Any]", result: object, error: BaseException | None
    ) -> None:
        """From a thread."""
        self._done.append((answer, result, error))
        if self._told:
            return
        self._told = True
        # A loop that is closed has nobody waiting.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """On the loop. What is put from here on is told of anew, or is among these."""
        self._told = False
        while self._done:
            answer, result, error = self._done.popleft()
            if answer.cancelled():
                continue
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Read:
    fn: Callable[[Any], Any]
    answer: "asyncio.Future[Any]"
    answers: _Answers
