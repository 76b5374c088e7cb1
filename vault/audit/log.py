"""The log as the service sees it: one queue, one writer thread, durable when awaited.

Reads' events and whole writes go through one queue. A batch is one transaction (batch.py) and costs
one sync of the disk however many calls it answers. Batches are paced: after one that held more than
one unit, the next starts no sooner than a window later, so that under load they grow instead of
the disk being synced, and the interpreter handed to and fro, for two or three calls at a time. A
lone caller never waits for the window.
"""

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from vault.audit.batch import CommitUnknown, Encoded, Unit, in_turn, run_batch, sign_batch
from vault.audit.chain import StoredEvent
from vault.audit.event import AuditEvent, encode
from vault.audit.known import KnownHead
from vault.audit.reader import head
from vault.audit.receipts import ReceiptWriter
from vault.store.database import Database, discard

T = TypeVar("T")
Receive = Callable[[bytes], None]
_logger = logging.getLogger("vault.audit")


class LogUnavailable(Exception):
    """The event could not be made durable, so the call that it is about must fail.

    `outcome_unknown`: the commit was under way when the database went; the write may stand. A
    caller with a request id finds out by repeating the request.
    """

    def __init__(self, why: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(why)
        self.outcome_unknown = outcome_unknown


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Times in seconds. A unit's weight is 1, or what its caller says (rows that it writes)."""

    window: float = 0.004
    max_queue: int = 10_000  # units waiting; beyond it new ones are refused
    max_batch: int = 512  # weight of one batch, so that a read's event never waits for long
    poll: float = 0.25  # how often followers look for the appends of other processes


class _Waiter(Unit):
    """A unit whose caller waits on a future. `future.result()` is what the caller gets."""

    __slots__ = ("future",)

    def __init__(
        self,
        future: "asyncio.Future[_Waiter]",
        work: Callable[[Connection], Any] | None,
        events: Callable[[Any], Sequence[AuditEvent]] | None,
        ready: Sequence[Encoded],
        weight: int,
        turn: int | None,
    ) -> None:
        super().__init__(work, events, ready, weight, turn)
        self.future = future


class AuditLog:
    """The log of one database. Made anywhere, then used on the event loop that `start` ran on.

    `clock` gives microseconds since the Unix epoch. Without `receipts` nobody gets any.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        settings: LogSettings | None = None,
        receipts: ReceiptWriter | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings or LogSettings()
        self._receipts = receipts
        self.known = KnownHead()
        self._waiting: deque[_Waiter] = deque()
        self._inbox: queue.SimpleQueue[list[_Waiter] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._conn: Connection | None = None  # the writer thread's
        self._busy = False
        self._armed = False
        self._accepting = False
        self._last_start = 0.0
        self._last_units = 0
        self._size = 0
        self._failure: str | None = None

    # -- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to accept units. Raises StoreUnavailable when the database cannot be read."""
        self._loop = asyncio.get_running_loop()
        self._appended = asyncio.Event()
        self._drained = asyncio.Event()
        now = await self._database.read(head)
        self._size = now.size
        self.known.learn(now.size, now.chain)
        self._thread = threading.Thread(target=self._write_batches, name="vault-log", daemon=True)
        self._thread.start()
        self._accepting = True

    async def stop(self) -> None:
        """Refuse new units, write those that wait, end the writer thread."""
        self._accepting = False
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._busy or self._waiting:
            await self._drained.wait()
        self._inbox.put(None)
        await asyncio.to_thread(thread.join)

    @property
    def failure(self) -> str | None:
        """Why the last batch failed, or None if it stands. For health checks."""
        return self._failure

    @property
    def queued(self) -> int:
        """Units that wait for a batch. For metrics."""
        return len(self._waiting)

    # -- the two ways in ---------------------------------------------------------------------

    async def record(self, event: AuditEvent, *, receive: Receive | None = None) -> StoredEvent:
        """Append one event; it is durable when this returns. `receive` is given its receipt.

        Raises LogUnavailable, EventTooLarge. A caller that is cancelled while waiting does not
        take the event back.
        """
        unit = await self._submit(None, None, ((event, encode(event)),), 1)
        if receive is not None:
            receive(unit.receipt)
        return unit.stored[0]

    async def commit(
        self,
        work: Callable[[Connection], T],
        events: Callable[[T], Sequence[AuditEvent]],
        *,
        weight: int = 1,
        turn: int | None = None,
        receive: Receive | None = None,
    ) -> T:
        """Do `work` and append its events, at least one, in one transaction; durable on return.

        Both run on the writer thread, in a savepoint: what either raises comes out here, their
        writes are undone, and other units of the batch are not touched. They must not block
        on anything but the connection, nor end its transaction. Events too large are split by
        their rows. `weight` is about how many rows the work writes. `turn` is given by work that
        first of all takes a lock of that number: such works run in rising order. `receive` is given
        the receipt of the last event.

        Raises LogUnavailable when nothing of this is certain to be stored.
        """
        unit = await self._submit(work, events, (), weight, turn)
        if receive is not None:
            receive(unit.receipt)
        return cast(T, unit.result)

    def commit_from_thread(
        self,
        work: Callable[[Connection], T],
        events: Callable[[T], Sequence[AuditEvent]],
        *,
        weight: int = 1,
        seconds: float = 60.0,
    ) -> T:
        """As `commit`, for work in the background: called in a thread that is not the event
        loop's, and waits there. Raises LogUnavailable, also where that takes too long: whether it
        was stored is then not known."""
        committing = self.commit(work, events, weight=weight)
        future = asyncio.run_coroutine_threadsafe(committing, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise LogUnavailable("the log has not answered") from None

    def _submit(
        self,
        work: Callable[[Connection], Any] | None,
        events: Callable[[Any], Sequence[AuditEvent]] | None,
        ready: Sequence[Encoded],
        weight: int,
        turn: int | None = None,
    ) -> "asyncio.Future[_Waiter]":
        if not self._accepting:
            raise LogUnavailable("the log is stopped")
        if len(self._waiting) >= self._settings.max_queue:
            raise LogUnavailable("the log's queue is full")
        future: asyncio.Future[_Waiter] = self._loop.create_future()
        self._waiting.append(_Waiter(future, work, events, ready, weight, turn))
        if not self._busy and not self._armed:
            self._arm()
        return future

    # -- pacing (event loop) -----------------------------------------------------------------

    def _arm(self) -> None:
        self._armed = True
        wait = 0.0
        if self._last_units > 1 and self._accepting:
            wait = self._last_start + self._settings.window - self._loop.time()
        if wait > 0:
            self._loop.call_later(wait, self._start_batch)
        else:
            # At the end of this turn of the loop, with whatever else arrives in it.
            self._loop.call_soon(self._start_batch)

    def _start_batch(self) -> None:
        self._armed = False
        self._busy = True
        self._last_start = self._loop.time()
        batch: list[_Waiter] = []
        weight = 0
        waiting = self._waiting
        while waiting and (not batch or weight + waiting[0].weight <= self._settings.max_batch):
            unit = waiting.popleft()
            weight += unit.weight
            batch.append(unit)
        in_turn(batch)
        self._last_units = len(batch)
        self._inbox.put(batch)

    def _finish_batch(
        self, batch: list[_Waiter], size: int, failure: LogUnavailable | None
    ) -> None:
        self._busy = False
        self._failure = None if failure is None else str(failure)
        for unit in batch:
            future = unit.future
            if future.done():  # its caller was cancelled
                continue
            # If the batch failed, even a unit's own error may rest on what is now undone (a
            # duplicate of a customer that was never stored, say), so nobody is told it.
            if failure is not None:
                future.set_exception(
                    LogUnavailable(str(failure), outcome_unknown=failure.outcome_unknown)
                )
            elif unit.error is not None:
                future.set_exception(unit.error)
            else:
                future.set_result(unit)
        if size > self._size:
            self._saw(size)
        if self._waiting:
            self._arm()
        elif not self._accepting:
            self._drained.set()

    # -- the writer thread -------------------------------------------------------------------

    def _write_batches(self) -> None:
        while (batch := self._inbox.get()) is not None:
            size, failure = self._write(batch)
            self._loop.call_soon_threadsafe(self._finish_batch, batch, size, failure)
        if self._conn is not None:
            discard(self._conn)
            self._conn = None

    def _write(self, batch: list[_Waiter]) -> tuple[int, LogUnavailable | None]:
        """Never raises: whatever happens, the batch's waiters must hear of it."""
        committed = False
        try:
            self._database.require_in_place()
            if self._conn is None:
                self._conn = self._database.writer()
            size = run_batch(self._conn, batch, self._clock, self.known)
            committed = True
            # A file that went away meanwhile has taken the commit with it.
            self._database.require_in_place(committed=True)
            if self._receipts is not None:
                # Should it fail, so do the calls: an answer without a receipt is none.
                sign_batch(batch, self._receipts, self._clock())
            return size, None
        except Exception as error:
            unknown = committed or isinstance(error, CommitUnknown)
            # A driver's error is not printed whole: it may quote a row.
            shown = type(error).__name__ if isinstance(error, DBAPIError) else repr(error)
            _logger.error("a batch of %d was not logged: %s", len(batch), shown)
            if self._conn is not None:
                # Rolls back what is left of the transaction, and a broken connection is
                # replaced by the next batch.
                discard(self._conn)
                self._conn = None
            return 0, LogUnavailable("the log cannot be written", outcome_unknown=unknown)

    # -- followers ---------------------------------------------------------------------------

    def _saw(self, size: int) -> None:
        self._size = size
        woken, self._appended = self._appended, asyncio.Event()
        woken.set()

    def rewound(self) -> None:
        """The log goes on from an earlier size than it had, by somebody's word."""
        self._size = 0

    async def wait_beyond(self, position: int) -> int:
        """Wait until the log has more than `position` events; return how many it has.

        Appends of this process wake it at once, those of others within `LogSettings.poll`.
        Raises StoreUnavailable, LogUnavailable where the log was set back: whoever follows it
        has to begin anew.
        """
        while self._size <= position:
            if self.known.gone:
                raise LogUnavailable("the log was set back")
            try:
                await asyncio.wait_for(self._appended.wait(), self._settings.poll)
            except TimeoutError:
                size = (await self._database.read(head)).size
                if size > self._size:
                    self._saw(size)
        return self._size
