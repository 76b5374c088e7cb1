"""As `resumed`, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Generic, TypeVar

import grpc
from grpc import aio

from recordsvault_masked.recovery import Recovery, ended_early
from recordsvault_masked.status import from_rpc_error

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")


class AsyncResumed(Generic[Q, A, T]):
    """The items of a stream, for `async for`, once.

    It ends with its task, or with `break` and `aclose()` of the iterator.
    """

    def __init__(
        self,
        method: aio.UnaryStreamMultiCallable[Q, A],
        request: Callable[[], Q],
        take: Callable[[A], Iterable[T]],
        ends: Callable[[], bool],
        recovery: Recovery,
    ) -> None:
        """As `Resumed`."""
        self._method = method
        self._request = request
        self._take = take
        self._ends = ends
        self._recovery = recovery

    async def __aiter__(self) -> AsyncIterator[T]:
        """Item by item. Raises VaultError."""
        while True:
            self._recovery.begin()
            call = self._method(self._request())
            try:
                async for answer in call:
                    self._recovery.alive()
                    for item in self._take(answer):
                        yield item
                if self._ends():
                    return
                # A vault that shuts down may end in good order a stream that has no end.
                pause = self._recovery.pause_after(ended_early())
            except grpc.RpcError as failure:
                pause = self._recovery.pause_after(from_rpc_error(failure))
            finally:
                call.cancel()
            await asyncio.sleep(pause)
