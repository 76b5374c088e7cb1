"""What is peculiar to streams: how many a caller may hold, and that none outlives the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from vault.rpc.errors import Fault, Refusal

T = TypeVar("T")

# Time for what is already on its way: a watcher hears that the server no longer serves.
_PATIENCE_SECONDS = 0.2
# Between two looks at who holds the streams. The principals file is looked at every half second at
# most, and whoever was taken out of it has lost his streams within one.
_LOOK_SECONDS = 0.1


class OpenStream:
    """A stream that a caller holds, and what ends it before its time."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._at_once = False
        self._changed: Callable[[], bool] = lambda: False
        self._confirm: Callable[[], None] | None = None

    def end(self, why: Exception, *, at_once: bool = False) -> None:
        """End it when it next waits for something; its caller is told ``why``. ``at_once``: without
        patience for what is on its way."""
        if not self._ended.done():
            self._at_once = at_once
            self._ended.set_result(why)

    def attend(self, changed: Callable[[], bool], confirm: Callable[[], None]) -> None:
        """Have it ended at once when its caller may no longer hold it: ``confirm`` raises why, and
        is asked when ``changed`` says so."""
        self._changed, self._confirm = changed, confirm

    def look(self) -> None:
        """End it if its caller may no longer hold it."""
        if self._confirm is None or self._ended.done() or not self._changed():
            return
        try:
            self._confirm()
        except Exception as why:
            self.end(why, at_once=True)

    async def until_ended(
        self, items: AsyncIterable[T], patience: float = _PATIENCE_SECONDS
    ) -> AsyncGenerator[T, None]:
        """The items, until the stream is ended and the next one does not come within ``patience``
        seconds. Raises then what it was ended with."""
        source = aiter(items)
        coming: asyncio.Future[T] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(anext(source))
                await asyncio.wait((coming, self._ended), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done() and not self._at_once:
                    await asyncio.wait((coming,), timeout=patience)
                if not coming.done():
                    raise self._ended.result()
                try:
                    item = coming.result()
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if coming is not None and not coming.done():
                coming.cancel()
                await asyncio.wait((coming,))
            if isinstance(source, AsyncGenerator):
                await source.aclose()


class Streams:
    """The open streams of a server. One without an end (a follower of the log, a watcher of the
    server's health) would hold up its stop, and too many of one caller everybody else."""

    def __init__(self, per_caller: int) -> None:
        self._per_caller = per_caller
        self._open: dict[str, set[OpenStream]] = {}
        self._stopped = False
        self._looking: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """End every stream that waits for something, and any that is opened from now on."""
        self._stopped = True
        for streams in self._open.values():
            for stream in streams:
                stream.end(_stopping())

    @contextmanager
    def slot(self, caller: str) -> Iterator[OpenStream]:
        """Hold one of the caller's streams. Raises Refusal when he has as many as he may."""
        if len(self._open.get(caller, ())) >= self._per_caller:
            raise Refusal(
                Fault(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "TOO_MANY_STREAMS",
                    f"This caller has {self._per_caller} streams open, as many as one may. "
                    "Close one first.",
                    f"该主体已打开 {self._per_caller} 个流，达到上限。请先关闭其中之一。",
                    {},
                )
            )
        stream = OpenStream()
        if self._stopped:
            stream.end(_stopping())
        held = self._open.setdefault(caller, set())
        held.add(stream)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield stream
        finally:
            held.discard(stream)
            if not held:
                del self._open[caller]
            if not self._open and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for stream in [stream for held in self._open.values() for stream in held]:
                stream.look()


def _stopping() -> Refusal:
    return Refusal(
        Fault(
            grpc.StatusCode.UNAVAILABLE,
            "STOPPING",
            "The server is stopping. Open the stream again and go on from where it ended.",
            "服务器正在停止。请重新打开流并从中断处继续。",
            {},
            retry=True,
        )
    )
