"""From the stream to the sink, at least once and in order, with a position that survives a crash.

A thread reads the stream into a short queue: when the sink is slow or away the queue fills, the
thread waits, and flow control holds the vault back. What was sent and is not confirmed is kept, and
sent again after a failure. The position goes to disk after the sink has confirmed all in front of
it, so that a crash at any moment repeats records and never loses one.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recordsvault.audit.v1 import audit_pb2
from vault.cli.vaultctl.siem.records import Format, Record, make_record
from vault.cli.vaultctl.siem.sinks import Sink, SinkAway

Message = audit_pb2.StreamEventsResponse
_QUEUED = 4  # messages of the stream, each about a MiB at most


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. Records are confirmed when `records` or `size` (bytes) of them wait for it,
    or the first has waited for `wait`; an empty advance of the position is kept every `keep`."""

    wait: float = 1.0
    records: int = 2_000
    size: int = 4 * 1024 * 1024
    keep: float = 10.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


class _End:
    """The stream has ended, with an error or without."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Forwarder:
    """One run. `save` makes a position durable; `tell` hears why a sink is away, and for how long
    it is left alone."""

    def __init__(
        self,
        sink: Sink,
        format_: Format,
        save: Callable[[int], None],
        tell: Callable[[str, float], None],
        pace: Pace | None = None,
    ) -> None:
        self._sink = sink
        self._format = format_
        self._save = save
        self._tell = tell
        self._pace = pace or Pace()
        self._unconfirmed: list[Record] = []
        self._size = 0
        self._since = 0.0
        self._sent = 0  # how many of _unconfirmed the sink was handed
        self._position: int | None = None
        self._saved: int | None = None
        self._saved_at = time.monotonic()
        self.delivered = 0
        """How many records were confirmed; those that came twice count once."""

    def run(self, stream: Iterable[Message], close: Callable[[], None]) -> None:
        """Until the stream ends. Raises what the stream raises, after what came before it is
        delivered. `close` ends the stream from this thread."""
        messages: queue.Queue[Message | _End] = queue.Queue(_QUEUED)
        stopped = threading.Event()
        reader = threading.Thread(
            target=_read, args=(stream, messages, stopped), name="audit-forward", daemon=True
        )
        reader.start()
        try:
            while True:
                try:
                    got = messages.get(timeout=self._patience())
                except queue.Empty:
                    self._settle()
                    continue
                if isinstance(got, _End):
                    self._settle()
                    if got.error is not None:
                        raise got.error
                    return
                self._take(got)
        finally:
            stopped.set()
            close()
            self._sink.close()
            reader.join(5)

    def _patience(self) -> float:
        if not self._unconfirmed:
            return self._pace.keep
        return max(0.01, self._since + self._pace.wait - time.monotonic())

    def _take(self, message: Message) -> None:
        if message.entries and not self._unconfirmed:
            self._since = time.monotonic()
        for entry in message.entries:
            record = make_record(entry, self._format)
            self._unconfirmed.append(record)
            self._size += len(record.payload)
        self._position = message.next_position
        pace = self._pace
        now = time.monotonic()
        if (
            len(self._unconfirmed) >= pace.records
            or self._size >= pace.size
            or (self._unconfirmed and now - self._since >= pace.wait)
            or (not self._unconfirmed and now - self._saved_at >= pace.keep)
        ):
            self._settle()
        elif self._unconfirmed:
            self._try_send()

    def _try_send(self) -> None:
        """Hand over what is new; a failure is met when it is to be confirmed."""
        try:
            self._send()
        except SinkAway:
            self._sent = 0

    def _send(self) -> None:
        fresh = self._unconfirmed[self._sent :]
        if fresh:
            self._sink.send(fresh)
            self._sent = len(self._unconfirmed)

    def _settle(self) -> None:
        """Have everything confirmed, however long the sink is away; then keep the position."""
        failures = 0
        while self._unconfirmed:
            try:
                self._send()
                self._sink.confirm()
            except SinkAway as away:
                self._sink.close()
                self._sent = 0
                failures += 1
                pause = self._pause(failures)
                self._tell(str(away), pause)
                time.sleep(pause)
                continue
            self.delivered += len(self._unconfirmed)
            self._unconfirmed.clear()
            self._size = self._sent = 0
        if self._position is not None and self._position != self._saved:
            self._save(self._position)
            self._saved = self._position
        self._saved_at = time.monotonic()

    def _pause(self, failures: int) -> float:
        doubled = self._pace.first_pause * 2.0 ** min(failures - 1, 16)
        longest = min(self._pace.longest_pause, doubled)
        return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads attempts, guards nothing


def _read(
    stream: Iterable[Message], messages: queue.Queue[Message | _End], stopped: threading.Event
) -> None:
    def put(item: Message | _End) -> None:
        while not stopped.is_set():
            try:
                messages.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    error: BaseException | None = None
    try:
        for message in stream:
            put(message)
            if stopped.is_set():
                return
    except BaseException as raised:
        error = raised
    put(_End(error))
