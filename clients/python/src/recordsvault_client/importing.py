"""An import: many messages over one stream, a bounded number of them on their way.

A message that was not answered when the connection was lost is sent again with its request_id:
the vault answers it with its first answer if it had stored it, so nothing is stored twice and
nothing is left out.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

import grpc
from google.rpc import status_pb2

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault_masked.errors import ProtocolError, VaultError
from recordsvault_masked.recovery import Recovery, ended_early, silent
from recordsvault_masked.requests import new_request_id
from recordsvault_masked.status import from_rpc_error, from_status

Request = pb.ImportRecordsRequest
Response = pb.ImportRecordsResponse


@dataclasses.dataclass(frozen=True, slots=True)
class ImportBatch:
    """What one message carries: 1 to 500 items, stored in one transaction of the store.

    `tag` is the caller's own, handed back with the outcome. Who may have to repeat the import in
    another process gives request_ids that come out the same then.
    """

    items: Sequence[pb.ImportItem]
    request_id: str = dataclasses.field(default_factory=new_request_id)
    tag: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class ImportedItem:
    """What became of one item: the name of the stored record, or why it was refused."""

    index: int
    name: str
    error: VaultError | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The answer to one batch; `items` are in its order. `repeated` says that the vault
    had carried it out before, and has stored nothing now."""

    batch: ImportBatch
    items: tuple[ImportedItem, ...]
    repeated: bool = False

    @property
    def stored(self) -> int:
        """How many items were stored."""
        return sum(item.error is None for item in self.items)

    @property
    def refused(self) -> tuple[ImportedItem, ...]:
        """The items that were refused."""
        return tuple(item for item in self.items if item.error is not None)


class Window:
    """The batches that are on their way, in the order of sending."""

    def __init__(self, parent: str, size: int) -> None:
        """`size` is how many may be on their way, at least 1."""
        if size < 1:
            raise ValueError("at least one message must be allowed on its way")
        self._parent = parent
        self._size = size
        self._batches: dict[str, ImportBatch] = {}

    def full(self) -> bool:
        """Whether no more may be sent."""
        return len(self._batches) >= self._size

    def waits(self) -> bool:
        """Whether something has not been answered."""
        return bool(self._batches)

    def add(self, batch: ImportBatch) -> Request:
        """Take a batch in, and make its message. Raises ValueError for a request_id in use."""
        if batch.request_id in self._batches:
            raise ValueError("two batches of one import have the same request_id")
        self._batches[batch.request_id] = batch
        return self._message(batch)

    def unanswered(self) -> list[Request]:
        """The messages to send again over a new stream."""
        return [self._message(batch) for batch in self._batches.values()]

    def settle(self, answer: Response) -> ImportOutcome:
        """Match an answer with its batch. Raises ProtocolError if it fits none."""
        batch = self._batches.get(answer.request_id)
        if batch is None or len(answer.results) != len(batch.items):
            raise ProtocolError(
                {
                    "en": "The vault's answer does not fit any message of the import.",
                    "zh": "保管库的答复与导入的任何消息都不相符。",
                },
                reason="ANSWER_MISMATCH",
            )
        del self._batches[answer.request_id]
        return ImportOutcome(
            batch,
            tuple(_imported(index, result) for index, result in enumerate(answer.results)),
            answer.repeated,
        )

    def _message(self, batch: ImportBatch) -> Request:
        return Request(parent=self._parent, request_id=batch.request_id, items=batch.items)


def _imported(index: int, result: pb.ImportResult) -> ImportedItem:
    if result.name:
        return ImportedItem(index, result.name)
    status = result.error
    return ImportedItem(index, "", from_status(status if status.code else _unexplained()))


def _unexplained() -> status_pb2.Status:
    return status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0])


class Feed:
    """Fills the window from the caller's batches, and remembers how they came to their end."""

    def __init__(self, window: Window) -> None:
        """Fill `window`."""
        self._window = window
        self.exhausted = False
        self.broken: Exception | None = None

    def fill(self, batches: Iterator[ImportBatch]) -> list[Request]:
        """The messages that may be sent now."""
        messages: list[Request] = []
        while not self.exhausted and not self._window.full():
            try:
                batch = next(batches, None)
            except Exception as error:
                # What is on its way is waited for first.
                self.broken, batch = error, None
            if batch is None:
                self.exhausted = True
            else:
                messages.append(self._window.add(batch))
        return messages

    async def fill_async(self, batches: AsyncIterator[ImportBatch]) -> list[Request]:
        """As `fill`."""
        messages: list[Request] = []
        while not self.exhausted and not self._window.full():
            try:
                batch = await anext(batches, None)
            except Exception as error:
                self.broken, batch = error, None
            if batch is None:
                self.exhausted = True
            else:
                messages.append(self._window.add(batch))
        return messages


class _Link:
    """One stream: messages go in, answers come out, in threads of gRPC's and its own."""

    def __init__(
        self, method: grpc.StreamStreamMultiCallable[Request, Response], answer_timeout: float
    ) -> None:
        self._outgoing: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[Response | VaultError | None] = queue.SimpleQueue()
        self._answer_timeout = answer_timeout
        self._call = method(iter(self._outgoing.get, None))
        # Answers are read all the time: a vault whose answers pile up stops reading messages.
        threading.Thread(target=self._read, name="recordsvault-import", daemon=True).start()

    def send(self, message: Request) -> None:
        self._outgoing.put(message)

    def no_more(self) -> None:
        """Say that nothing follows."""
        self._outgoing.put(None)

    def closed(self) -> None:
        """Wait for the vault to close, after the last answer."""
        self._take()

    def receive(self) -> Response:
        answer = self._take()
        if answer is None:
            raise ended_early()
        return answer

    def cancel(self) -> None:
        self._outgoing.put(None)
        self._call.cancel()

    def _take(self) -> Response | None:
        try:
            answer = self._incoming.get(timeout=self._answer_timeout)
        except queue.Empty:
            raise silent(self._answer_timeout) from None
        if isinstance(answer, VaultError):
            raise answer
        return answer

    def _read(self) -> None:
        try:
            for answer in self._call:
                self._incoming.put(answer)
            self._incoming.put(None)
        except grpc.RpcError as failure:
            self._incoming.put(from_rpc_error(failure))


def run_import(
    method: grpc.StreamStreamMultiCallable[Request, Response],
    window: Window,
    batches: Iterable[ImportBatch],
    recovery: Recovery,
    answer_timeout: float,
) -> Iterator[ImportOutcome]:
    """Send `batches` and yield the outcome of each. Raises VaultError.

    If `batches` itself raises, what is on its way is still waited for and yielded first.
    """
    feed = Feed(window)
    source = iter(batches)
    feed.fill(source)
    while window.waits():
        recovery.begin()
        link = _Link(method, answer_timeout)
        try:
            for message in window.unanswered():
                link.send(message)
            while window.waits():
                if feed.exhausted:
                    link.no_more()
                outcome = window.settle(link.receive())
                recovery.alive()
                yield outcome
                for message in feed.fill(source):
                    link.send(message)
            link.no_more()
            link.closed()
            break
        except VaultError as error:
            pause = recovery.pause_after(error)
        finally:
            link.cancel()
        time.sleep(pause)
    if feed.broken is not None:
        raise feed.broken
