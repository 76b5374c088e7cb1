"""Receipts of the vault, kept in a file: what a caller has in hand against the vault's log.

Every answer, an error too, carries a signed receipt in its trailing metadata
(`vault-receipt-bin`); a stream also one in its initial metadata, for its opening. Each becomes a
line of JSON, appended before the answer is handed to the caller:

    {"v": 1, "received": "<RFC 3339>", "method": "/package.Service/Method", "code": "OK",
     "receipt": "<base64>"}

A line is written by one system call: it survives the end of this process. It survives the end of
the machine after `close()`, and with `fsync=True` at once, at the price of a sync for each answer.
What is in a receipt, and whether it is kept, `vaultctl audit check-receipts` says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

METADATA_KEY = "vault-receipt-bin"

Metadata = Iterable[tuple[str, str | bytes]] | None


class ReceiptFile:
    """Appends receipts to a file, mode 0600; may be shared by threads, clients and processes."""

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = False) -> None:
        """Open `path` for appending. Raises OSError."""
        self.path = Path(path)
        self._fsync = fsync
        self._lock = threading.Lock()
        self._file: int | None = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )

    def keep(self, method: str, code: str, receipt: bytes) -> None:
        """Append one. Raises OSError: an answer whose receipt cannot be kept is not handed out."""
        line = json.dumps(
            {
                "v": 1,
                "received": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "method": method,
                "code": code,
                "receipt": base64.b64encode(receipt).decode("ascii"),
            },
            separators=(",", ":"),
        )
        data = line.encode() + b"\n"
        with self._lock:
            if self._file is None:
                return
            # O_APPEND: one write is one line, also beside other processes.
            if os.write(self._file, data) != len(data):
                raise OSError("the receipt was written in part")
            if self._fsync:
                os.fsync(self._file)

    def close(self) -> None:
        """Make everything durable and close the file."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
                self._file = None


def receipts_in(*metadata: Metadata) -> Iterator[bytes]:
    """The receipts that these metadata carry."""
    for one in metadata:
        for key, value in one or ():
            if key == METADATA_KEY and isinstance(value, bytes):
                yield value


class KeepReceipts(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Keeps the receipts of a blocking channel's calls. Of a stream they are kept at its end."""

    def __init__(self, file: ReceiptFile) -> None:
        """Keep them in `file`."""
        self._file = file

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """See grpc.UnaryUnaryClientInterceptor."""
        call = continuation(client_call_details, request)
        self._keep(client_call_details.method, call)
        return call

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """See grpc.UnaryStreamClientInterceptor."""
        return self._when_done(continuation(client_call_details, request), client_call_details)

    def intercept_stream_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """See grpc.StreamUnaryClientInterceptor."""
        call = continuation(client_call_details, request_iterator)
        return self._when_done(call, client_call_details)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """See grpc.StreamStreamClientInterceptor."""
        call = continuation(client_call_details, request_iterator)
        return self._when_done(call, client_call_details)

    def _when_done(self, call: Any, details: Any) -> Any:
        call.add_done_callback(lambda done: self._keep(details.method, done))
        return call

    def _keep(self, method: str, call: Any) -> None:
        code = call.code()
        found = dict.fromkeys(receipts_in(call.initial_metadata(), call.trailing_metadata()))
        for receipt in found:
            self._file.keep(_text(method), code.name if code else "UNKNOWN", receipt)


class KeepReceiptsAsync:
    """The same for asyncio channels: interceptors, to be given to the channel."""

    def __init__(self, file: ReceiptFile) -> None:
        """Keep them in `file`."""
        self._file = file
        self._tasks: set[asyncio.Task[None]] = set()
        self.interceptors: tuple[aio.ClientInterceptor, ...] = (
            _AsyncUnary(self),
            _AsyncStream(self),
            _AsyncUpload(self),
            _AsyncBidi(self),
        )

    async def drain(self) -> None:
        """Wait for the receipts of streams that have just ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def keep(self, details: Any, call: Any) -> None:
        """Keep the receipts of a call, at its end."""
        initial = await call.initial_metadata()
        trailing = await call.trailing_metadata()
        code = await call.code()
        for receipt in dict.fromkeys(receipts_in(initial, trailing)):
            self._file.keep(_text(details.method), code.name, receipt)

    def later(self, details: Any, call: Any) -> None:
        """`keep` when a stream has ended, in a task."""

        async def keep() -> None:
            try:
                await self.keep(details, call)
            except asyncio.CancelledError:
                # The stream was given up: it has no trailing metadata.
                return

        task = asyncio.get_running_loop().create_task(keep())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _AsyncUnary(aio.UnaryUnaryClientInterceptor):
    def __init__(self, keeper: KeepReceiptsAsync) -> None:
        self._keeper = keeper

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        call = await continuation(client_call_details, request)
        await self._keeper.keep(client_call_details, call)
        return call


class _AsyncStream(aio.UnaryStreamClientInterceptor):
    def __init__(self, keeper: KeepReceiptsAsync) -> None:
        self._keeper = keeper

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        call = await continuation(client_call_details, request)
        call.add_done_callback(lambda done: self._keeper.later(client_call_details, done))
        return call


class _AsyncUpload(aio.StreamUnaryClientInterceptor):
    def __init__(self, keeper: KeepReceiptsAsync) -> None:
        self._keeper = keeper

    async def intercept_stream_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        call = await continuation(client_call_details, request_iterator)
        call.add_done_callback(lambda done: self._keeper.later(client_call_details, done))
        return call


class _AsyncBidi(aio.StreamStreamClientInterceptor):
    def __init__(self, keeper: KeepReceiptsAsync) -> None:
        self._keeper = keeper

    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        call = await continuation(client_call_details, request_iterator)
        call.add_done_callback(lambda done: self._keeper.later(client_call_details, done))
        return call


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method


class KeptReceipts:
    """What a client was given for `receipts`: a path, which it opens and closes, or an open file,
    which is its owner's."""

    def __init__(self, given: str | os.PathLike[str] | ReceiptFile | None) -> None:
        """Raises OSError."""
        self._mine = given is not None and not isinstance(given, ReceiptFile)
        self.file = given if given is None or isinstance(given, ReceiptFile) else ReceiptFile(given)
        self.keeper = None if self.file is None else KeepReceiptsAsync(self.file)

    def close(self) -> None:
        """Close the file if it was opened here."""
        if self._mine and self.file is not None:
            self.file.close()

    async def aclose(self) -> None:
        """As `close`, when streams that have just ended have had theirs kept."""
        if self.keeper is not None:
            await self.keeper.drain()
        self.close()
