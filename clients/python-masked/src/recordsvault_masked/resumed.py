"""A stream of answers that is taken up again by itself after a lost connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import grpc

from recordsvault_masked.closing import Closing
from recordsvault_masked.recovery import Recovery, ended_early
from recordsvault_masked.status import from_rpc_error

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")


class Resumed(Closing, Generic[Q, A, T]):
    """The items of a stream. Iterate over it in one thread; `close()` ends it, from any thread."""

    def __init__(
        self,
        method: grpc.UnaryStreamMultiCallable[Q, A],
        request: Callable[[], Q],
        take: Callable[[A], Iterable[T]],
        ends: Callable[[], bool],
        recovery: Recovery,
    ) -> None:
        """`request` takes the stream up from where it stands, `take` hands out the items of an
        answer, `ends` says whether the stream may come to an end of its own by now."""
        self._method = method
        self._request = request
        self._take = take
        self._ends = ends
        self._recovery = recovery
        self._closed = threading.Event()
        self._call: grpc.RpcContext | None = None
        self._items = self._run()

    def __iter__(self) -> Iterator[T]:
        """The stream itself."""
        return self

    def __next__(self) -> T:
        """The next item; waits for it if the stream goes on. Raises VaultError."""
        return next(self._items)

    def close(self) -> None:
        """End the stream: its iterator stops."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()

    def _run(self) -> Iterator[T]:
        while not self._closed.is_set():
            self._recovery.begin()
            call = self._method(self._request())
            self._call = call
            try:
                for answer in call:
                    self._recovery.alive()
                    yield from self._take(answer)
                if self._ends():
                    return
                # A vault that shuts down may end in good order a stream that has no end.
                pause = self._recovery.pause_after(ended_early())
            except grpc.RpcError as failure:
                if self._closed.is_set():
                    return
                pause = self._recovery.pause_after(from_rpc_error(failure))
            finally:
                call.cancel()
            self._closed.wait(pause)
