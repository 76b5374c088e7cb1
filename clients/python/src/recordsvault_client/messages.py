"""The audit stream message by message, for those who verify it or pass it on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import grpc

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault_client.events import Cursor
from recordsvault_masked.recovery import Recovery, ended_early
from recordsvault_masked.status import from_rpc_error


class MessageStream:
    """Messages of the log's stream as they come: entries, checkpoints, leaf hashes, positions.

    A lost connection is taken up again behind the last message that was handed out. What a message
    says is not judged here. Iterate over it in one thread; `close()` ends it, from any thread.
    """

    def __init__(
        self,
        method: grpc.UnaryStreamMultiCallable[pb.StreamEventsRequest, pb.StreamEventsResponse],
        request: pb.StreamEventsRequest,
        recovery: Recovery,
    ) -> None:
        """Made by `AuditClient.messages`."""
        self._method = method
        self._cursor = Cursor(request)
        self._recovery = recovery
        self._closed = threading.Event()
        self._call: grpc.RpcContext | None = None
        self._messages = self._run()

    def __iter__(self) -> Iterator[pb.StreamEventsResponse]:
        """The stream itself."""
        return self

    def __next__(self) -> pb.StreamEventsResponse:
        """The next message; waits for it if the stream follows. Raises VaultError."""
        return next(self._messages)

    def close(self) -> None:
        """End the stream: its iterator stops."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """As `close()`."""
        self.close()

    def _run(self) -> Iterator[pb.StreamEventsResponse]:
        while not self._closed.is_set():
            self._recovery.begin()
            call = self._method(self._cursor.request())
            self._call = call
            try:
                for message in call:
                    self._recovery.alive()
                    # Moved before it is handed out: who stops after this message has had it.
                    self._cursor.position = message.next_position
                    yield message
                if self._cursor.ends(datetime.now(UTC)):
                    return
                pause = self._recovery.pause_after(ended_early())
            except grpc.RpcError as failure:
                if self._closed.is_set():
                    return
                pause = self._recovery.pause_after(from_rpc_error(failure))
            finally:
                call.cancel()
            self._closed.wait(pause)
