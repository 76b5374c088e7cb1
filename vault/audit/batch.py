"""One batch of the log: several units of work and their events in one database transaction.

Runs on the log's writer thread. The order of steps, and what a crash after each leaves:

1. begin                                     nothing
2. each unit's work in a savepoint of its own; one that fails is rolled back alone     nothing
3. all events appended, the head moved       nothing
4. commit                                    everything: records and their events
5. the receipts are signed                   (a crash from here on: stored, but not answered)
6. the waiters are told
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from vault.audit.append import append
from vault.audit.chain import StoredEvent, leaf_hash
from vault.audit.event import AuditEvent, encode, split_rows
from vault.audit.known import KnownHead
from vault.audit.receipts import ReceiptWriter
from vault.store.errors import StoreError, StoreUnavailable, translate

Work = Callable[[Connection], Any]
Events = Callable[[Any], Sequence[AuditEvent]]
Encoded = tuple[AuditEvent, bytes]
_Unit = TypeVar("_Unit", bound="Unit")


class CommitUnknown(StoreError):
    """The commit was sent and its answer never came (or was a failure): it may stand or not."""


class Unit:
    """Work to be done and its events, or one event ready to be appended.

    After `run_batch`: `error` is what the work raised (it is rolled back then), else `result` and
    `stored` are set, and after `sign_batch` `receipt`. `turn` is for work that takes a lock which
    other processes take too (`in_turn`).
    """

    __slots__ = (
        "error",
        "events",
        "ready",
        "receipt",
        "result",
        "stored",
        "turn",
        "weight",
        "work",
    )

    def __init__(
        self,
        work: Work | None,
        events: Events | None,
        ready: Sequence[Encoded],
        weight: int,
        turn: int | None = None,
    ) -> None:
        self.work = work
        self.events = events
        self.ready = ready
        self.weight = weight
        self.result: Any = None
        self.error: BaseException | None = None
        self.stored: Sequence[StoredEvent] = ()
        self.receipt = b""
        self.turn = turn


def in_turn(units: list[_Unit]) -> None:
    """Put the units of a batch in the order in which their locks may be taken: rising, and behind
    all other work, or two processes would wait for each other's. The others stay as they are."""
    if any(unit.turn is not None for unit in units):
        units.sort(key=lambda unit: (unit.turn is not None, unit.turn or 0))


def run_batch(
    conn: Connection,
    units: Sequence[Unit],
    clock: Callable[[], int],
    known: KnownHead | None = None,
) -> int:
    """Run a batch and commit it; return the log's new size, or 0 if there was nothing to append.

    It goes on from what is `known`, and is known then.

    Raises whatever made the batch as a whole fail; then nothing of it stands, except that after
    CommitUnknown it may. The connection is then not fit for another batch.
    """
    transaction = conn.begin()
    pending: list[Encoded] = []
    for unit in units:
        if unit.work is not None:
            _run_unit(conn, unit)
        if unit.error is None:
            pending.extend(unit.ready)
    stored = append(conn, pending, clock(), known) if pending else []
    _require_transaction(conn)
    if not transaction.is_active:
        raise RuntimeError("a unit of work ended the batch's transaction")
    try:
        transaction.commit()
    except DBAPIError as error:
        raise CommitUnknown("it is not known whether the commit took place") from error
    at = 0
    for unit in units:
        if unit.error is None:
            unit.stored = stored[at : at + len(unit.ready)]
            at += len(unit.ready)
    if not stored:
        return 0
    if known is not None:
        known.learn(stored[-1].position, stored[-1].chain)
    return stored[-1].position


def sign_batch(units: Sequence[Unit], writer: ReceiptWriter, now: int) -> None:
    """Give each unit that stands its receipt: of its last event, where it has several. The batch's
    root covers the others. `now` (microseconds) lies behind the commit. Raises what signing
    raises."""
    standing = [unit for unit in units if unit.stored]
    if not standing:
        return
    hashes: list[bytes] = []
    places: list[int] = []
    for unit in standing:
        hashes.extend(leaf_hash(event.leaf) for event in unit.stored)
        places.append(len(hashes) - 1)
    # Positions count from 1, leaf indexes from 0.
    first = standing[0].stored[0].position - 1
    for unit, receipt in zip(standing, writer.write(hashes, first, places, now), strict=True):
        unit.receipt = receipt


def _run_unit(conn: Connection, unit: Unit) -> None:
    work, events = unit.work, unit.events
    if work is None or events is None:
        return
    # Spelled out, for a fifth of the time that a nested transaction object takes.
    conn.exec_driver_sql("SAVEPOINT unit")
    try:
        unit.result = work(conn)
        ready: list[Encoded] = []
        for event in events(unit.result):
            ready.extend((part, encode(part)) for part in split_rows(event))
        if not ready:
            raise RuntimeError("a unit of work must leave an event")
        conn.exec_driver_sql("RELEASE SAVEPOINT unit")
        unit.ready = ready
    except Exception as error:
        # The unit's caller gets it; the batch goes on, if there is still a transaction to go on
        # with.
        unit.result = None
        unit.error = (translate(error) or error) if isinstance(error, DBAPIError) else error
        _require_open(conn)
        conn.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
        conn.exec_driver_sql("RELEASE SAVEPOINT unit")


def _require_open(conn: Connection) -> None:
    """Raise StoreUnavailable if the connection is gone: SQLAlchemy would quietly open another."""
    if conn.invalidated:
        raise StoreUnavailable("the database connection was lost within a batch")


def _require_transaction(conn: Connection) -> None:
    """Raise StoreUnavailable unless the batch's transaction is whole.

    Both databases can lose it without the next statement saying so. SQLite rolls everything back by
    itself on a full disk or an I/O error, and statements after that would commit one by one.
    PostgreSQL answers COMMIT of a failed transaction with a rollback and no error.
    """
    _require_open(conn)
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        whole = bool(driver.in_transaction)
    else:
        whole = driver.info.transaction_status.name == "INTRANS"
    if not whole:
        raise StoreUnavailable("the database rolled a batch back by itself")
