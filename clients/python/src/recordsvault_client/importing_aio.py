"""An import over asyncio: see `importing`, whose window and types it shares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable

import grpc
from grpc import aio

from recordsvault_client.importing import (
    Feed,
    ImportBatch,
    ImportOutcome,
    Request,
    Response,
    Window,
)
from recordsvault_masked.errors import VaultError
from recordsvault_masked.recovery import Recovery, ended_early, silent
from recordsvault_masked.status import from_rpc_error

Batches = Iterable[ImportBatch] | AsyncIterable[ImportBatch]


class _Link:
    """One stream; a task writes, so that answers are read while a message waits to be sent."""

    def __init__(
        self, method: aio.StreamStreamMultiCallable[Request, Response], answer_timeout: float
    ) -> None:
        self._outgoing: asyncio.Queue[Request | None] = asyncio.Queue()
        self._answer_timeout = answer_timeout
        self._call = method(self._messages())

    def send(self, message: Request) -> None:
        self._outgoing.put_nowait(message)

    def no_more(self) -> None:
        """Say that nothing follows."""
        self._outgoing.put_nowait(None)

    async def closed(self) -> None:
        """Wait for the vault to close, after the last answer."""
        await self._take()

    async def receive(self) -> Response:
        answer = await self._take()
        if answer is None:
            raise ended_early()
        return answer

    def cancel(self) -> None:
        self._outgoing.put_nowait(None)
        self._call.cancel()

    async def _messages(self) -> AsyncIterator[Request]:
        while (message := await self._outgoing.get()) is not None:
            yield message

    async def _take(self) -> Response | None:
        try:
            async with asyncio.timeout(self._answer_timeout):
                answer = await self._call.read()
        except TimeoutError:
            raise silent(self._answer_timeout) from None
        except grpc.RpcError as failure:
            raise from_rpc_error(failure) from None
        return answer if isinstance(answer, Response) else None


async def run_import(
    method: aio.StreamStreamMultiCallable[Request, Response],
    window: Window,
    batches: Batches,
    recovery: Recovery,
    answer_timeout: float,
) -> AsyncIterator[ImportOutcome]:
    """As `importing.run_import`."""
    source = aiter(batches) if isinstance(batches, AsyncIterable) else _asynchronous(batches)
    feed = Feed(window)
    await feed.fill_async(source)
    while window.waits():
        recovery.begin()
        link = _Link(method, answer_timeout)
        try:
            for message in window.unanswered():
                link.send(message)
            while window.waits():
                if feed.exhausted:
                    link.no_more()
                outcome = window.settle(await link.receive())
                recovery.alive()
                yield outcome
                for message in await feed.fill_async(source):
                    link.send(message)
            link.no_more()
            await link.closed()
            break
        except VaultError as error:
            pause = recovery.pause_after(error)
        finally:
            link.cancel()
        await asyncio.sleep(pause)
    if feed.broken is not None:
        raise feed.broken


async def _asynchronous(batches: Iterable[ImportBatch]) -> AsyncIterator[ImportBatch]:
    for batch in batches:
        yield batch
