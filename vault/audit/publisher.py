"""Hands checkpoints on, off the sequencer's thread: the latest one, until it has arrived.

`publish` only notes the newest checkpoint and returns. A thread of its own carries it out and tries
again while it fails. Whatever hangs, hangs in that thread alone, and its standing says for how
long.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vault.store.log_tree import CheckpointRow

_logger = logging.getLogger("vault.audit")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How handing on stands. `since` (seconds) is how long the oldest undelivered checkpoint has
    been waiting, 0 where none is; `failure` why the last attempt failed, or ""."""

    delivered: int
    wanted: int
    since: float
    failure: str


class Publisher:
    """Delivers the latest checkpoint by `deliver`, which raises one of `foreseen` while it cannot.

    `retry` is the pause after a failure, `patience` how long a delivery may take, or fail, before
    an alert is written to the server's own log; both in seconds.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[CheckpointRow], None],
        foreseen: tuple[type[Exception], ...],
        *,
        retry: float = 1.0,
        patience: float = 5.0,
    ) -> None:
        self._name = name
        self._deliver = deliver
        self._foreseen = foreseen
        self._retry = retry
        self._patience = patience
        self._changed = threading.Condition()
        self._wanted: CheckpointRow | None = None
        self._delivered: CheckpointRow | None = None
        self._since: float | None = None
        self._failure = ""
        self._alerted = False
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to deliver."""
        for work in (self._run, self._watch):
            # Daemons: what hangs in the kernel must not keep the process from ending.
            thread = threading.Thread(target=work, name=f"vault-{self._name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, wait: float = 3.0) -> None:
        """Deliver what is there yet, for at most `wait` seconds, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        end = time.monotonic() + wait
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def publish(self, row: CheckpointRow) -> None:
        """Take a checkpoint; older ones than the one that is waiting are passed over."""
        with self._changed:
            if self._wanted is not None and row.size < self._wanted.size:
                return
            if self._delivered is not None and self._delivered.note == row.note:
                return
            self._wanted = row
            if self._since is None:
                self._since = time.monotonic()
            self._changed.notify_all()

    def forget(self) -> None:
        """Whatever was delivered or waits is of a history that is over."""
        with self._changed:
            self._wanted = self._delivered = self._since = None
            self._failure = ""

    @property
    def standing(self) -> Delivery:
        """As things are."""
        with self._changed:
            return Delivery(
                self._delivered.size if self._delivered else 0,
                self._wanted.size if self._wanted else 0,
                time.monotonic() - self._since if self._since is not None else 0.0,
                self._failure,
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._since is not None or self._stopping)
                row = self._wanted
                if row is None or self._since is None:
                    return
            failure = self._attempt(row)
            with self._changed:
                self._failure = failure
                if not failure:
                    self._arrived(row)
                elif self._stopping:
                    return
                else:
                    self._changed.wait_for(lambda: self._stopping, self._retry)

    def _attempt(self, row: CheckpointRow) -> str:
        try:
            self._deliver(row)
        except self._foreseen as error:
            return str(error) or type(error).__name__
        except Exception as error:
            # Never the end of the thread; a text that nobody foresaw may quote a value.
            return type(error).__name__
        return ""

    def _arrived(self, row: CheckpointRow) -> None:
        self._delivered = row
        if self._wanted is None or self._wanted.note == row.note:
            self._since = None
        else:
            self._since = time.monotonic()
        if self._alerted:
            _logger.warning("%s: a checkpoint has arrived again", self._name)
            self._alerted = False

    def _watch(self) -> None:
        """Write one alert for each time that delivery stands still."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._stopping, 0.5):
                    return
                late = self._since is not None and time.monotonic() - self._since >= self._patience
                failure = self._failure or "it hangs"
                if not late or self._alerted:
                    continue
                self._alerted = True
            _logger.error("ALERT %s: no checkpoint arrives: %s", self._name, failure)
