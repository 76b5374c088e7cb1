"""The log's head as this process last knew it: a log that no longer has it was set back.

Learnt from every batch that this process commits and from every look at the database. It is held
against the head row before each append, under that row's lock, and by a look a few times a second,
which also sees a log that was set back and has grown again meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from vault.audit.chain import GENESIS, Head
from vault.store.errors import StoreDamaged
from vault.store.values import as_bytes, as_int

_LOOK = (
    "SELECT size, chain, recorded_at, (SELECT chain FROM audit_events WHERE position = {})"
    " FROM audit_head WHERE id = 1"
)
_SQL = {"sqlite": _LOOK.format("?"), "postgresql": _LOOK.format("%s")}


class LogSetBack(StoreDamaged):
    """The database's log does not have what this process has seen in it."""

    def __init__(self) -> None:
        super().__init__("the log was set back under the running server")


class KnownHead:
    """One process's memory of one log. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size, self._chain = 0, GENESIS
        self._era = 0
        self._waived = False
        self.gone = False
        """Whether the log was found without it. Read before every call."""

    @property
    def size(self) -> int:
        """How many events are known of."""
        return self._size

    @property
    def chain(self) -> bytes:
        """The hash chain's value behind them."""
        return self._chain

    def learn(self, size: int, chain: bytes) -> None:
        """Take a head that was committed, if it is beyond what is known."""
        with self._lock:
            if size > self._size or self._waived:
                self._size, self._chain = size, chain

    def require(self, size: int, chain: bytes) -> None:
        """Hold a head that may be appended to against what is known. Raises LogSetBack."""
        with self._lock:
            if self._waived or size > self._size:
                return
            if (size, chain) != (self._size, self._chain):
                self.gone = True
                raise LogSetBack

    def look(self, conn: Connection) -> Head:
        """The head in the database, which is known from now on; where what was known is in the log
        again, it is well again. Raises LogSetBack, StoreDamaged, StoreAltered, and what the
        database raises."""
        with self._lock:
            era, size, chain = self._era, self._size, self._chain
        row = conn.exec_driver_sql(_SQL[conn.dialect.name], (size,)).first()
        if row is None:
            raise StoreDamaged("the log has no head")
        head = Head(as_int(row[0]), as_bytes(row[1]), as_int(row[2]))
        # The head row says it too for the last event, which an archive may hold by now.
        there = head.chain if head.size == size else as_bytes(row[3]) if row[3] else b""
        goes_on = size <= head.size and (size == 0 or there == chain)
        with self._lock:
            if era != self._era:
                return head
            self.gone = not goes_on
            if not goes_on:
                raise LogSetBack
            if head.size > self._size:
                self._size, self._chain = head.size, head.chain
        return head

    def forget(self) -> None:
        """Whatever was known is of a history that is over."""
        with self._lock:
            self._size, self._chain, self.gone = 0, GENESIS, False
            self._era += 1

    @contextmanager
    def waived(self) -> Iterator[None]:
        """Let a log go on that was set back; what is committed meanwhile is what is known. Where
        nothing is, nothing has changed."""
        with self._lock:
            before = self._size, self._chain
            self._waived = True
        try:
            yield
        finally:
            with self._lock:
                self._waived = False
                if (self._size, self._chain) != before:
                    self.gone = False
                    self._era += 1
