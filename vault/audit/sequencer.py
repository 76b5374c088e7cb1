"""The sequencer: takes the log's events into its tree and signs a checkpoint of it.

Any process on the database may run one; the lease says whose turn it is. The order of the log is
fixed when events are committed; a sequencer only follows, so the tree of a size is the same
whoever makes it. A step, and what a crash after each part leaves:

1. look: the latest checkpoint, the head, the lease                  nothing
2. plan: read the leaves, check their chain, hash, make the tiles    nothing
3. begin; lock the lease, see that nobody has had it since           nothing
4. see that the latest checkpoint is still the planned one           nothing
5. write the tiles; sign; write the checkpoint                       nothing
6. commit                                                            a checkpoint, not yet published
7. publish                                                           (repeated at the next start)

The planning stands outside the transaction, which is short: events wait for nothing but its writes.
That a fence has moved on, or that a checkpoint stands which was not planned on, ends the step: a
process that was suspended for an hour finds so when it wakes up. Clocks decide nothing but who may
try; what keeps two trees of one size apart is the lock, the fence and the table's key.

It signs nothing that it finds wrong: a chain that does not hold, tiles that do not lead to the
latest checkpoint, a checkpoint that its own keys did not sign, a log that has become shorter.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from vault.audit.checkpoint import CheckpointBody, CheckpointInvalid, verify_checkpoint
from vault.audit.faults import point
from vault.audit.planning import Plan, Tree, load_tree, make_plan
from vault.audit.reader import head
from vault.audit.signers import Signers
from vault.store import log_tree
from vault.store.database import Database, discard
from vault.store.errors import StoreDamaged, StoreError, translate
from vault.store.log_tree import CheckpointRow, LeaseRow

_logger = logging.getLogger("vault.audit")
_KEEP_EVERY = 3_600_000_000  # microseconds for which every checkpoint is kept
_PRUNE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SequencerSettings:
    """Times in seconds. `interval` is the most time between an event and the checkpoint that covers
    it, while all is well; `lease` that after which a lease whose holder does nothing may be taken;
    `chunk` the most leaves of one checkpoint."""

    interval: float = 1.0
    lease: float = 3.0
    chunk: int = 16_384


class Outpaced(Exception):
    """Another sequencer was there first; nothing is wrong."""


Publish = Callable[[CheckpointRow], None]
"""Takes a checkpoint that is committed. Called on the sequencer's thread: it must hand it over and
return, not wait for anything. It may get one twice, and after a start an old one again."""


class Sequencer:
    """One process's sequencer. `step` is one attempt; `start` repeats it on a thread of its own.

    `clock` gives microseconds since the Unix epoch; that it jumps does no harm. While `halted`,
    nothing is signed.
    """

    def __init__(
        self,
        database: Database,
        signers: Signers,
        clock: Callable[[], int],
        settings: SequencerSettings | None = None,
        publish: Sequence[Publish] = (),
        halted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._signers = signers
        self._clock = clock
        self._settings = settings or SequencerSettings()
        self._publish = tuple(publish)
        self._halted = halted
        self._name = secrets.token_hex(8)
        self._conn: Connection | None = None
        self._tree: Tree | None = None
        self._watched: tuple[LeaseRow | None, float] = (None, 0.0)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: str | None = None
        self._next_prune = 0.0

    # -- life --------------------------------------------------------------------------------

    @property
    def failure(self) -> str | None:
        """Why the last step failed, or None. For health checks."""
        return self._failure

    def start(self) -> None:
        """Begin to repeat steps; what goes wrong in one is told by `failure` and tried again."""
        self._thread = threading.Thread(target=self._run, name="vault-sequencer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take in what is there yet, give the lease back, end the thread. May block."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def forget(self) -> None:
        """What was signed so far is of a history that is over, by somebody's word."""
        self._tree = None

    def _run(self) -> None:
        # Twice an interval: what comes right behind a look waits for half of it, then for the step.
        pause = self._settings.interval / 2
        self._guarded(self._republish)
        while not self._stopping.is_set():
            began = time.monotonic()
            more = self._guarded(self.step)
            self._stopping.wait(0 if more else max(0.0, began + pause - time.monotonic()))
        while self._guarded(self.step):
            pass
        self._guarded(self._release)
        self._drop()

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """Whether there is more to do at once. Never raises."""
        try:
            more = work()
        except Outpaced:
            more = False
        except Exception as error:
            # A driver's error is not shown whole: it may quote a row.
            mine = translate(error) if isinstance(error, DBAPIError) else error
            told = str(mine) if isinstance(mine, StoreError) else type(mine or error).__name__
            if told != self._failure:
                _logger.error("the log's sequencer cannot go on: %s", told)
            self._failure = told
            self._drop()
            return False
        self._failure = None
        return more

    # -- a step ------------------------------------------------------------------------------

    def step(self) -> bool:
        """Take in pending events, at most a chunk, if it is this sequencer's turn; whether there
        are more.

        Raises Outpaced, StoreUnavailable; StoreDamaged for what must not be signed.
        """
        if self._halted():
            return False
        database = self._database
        latest = database.read_sync(log_tree.latest)
        size = database.read_sync(head).size
        tree = self._known(latest)
        if size < tree.size:
            raise StoreDamaged(f"the log has {size} events, and {tree.size} were signed")
        if size == tree.size:
            return False
        lease = database.read_sync(log_tree.lease)
        if not self._may_take(lease):
            return False
        count = min(size - tree.size, self._settings.chunk)
        plan = database.read_sync(lambda conn: make_plan(conn, tree, count))
        point("planned")
        row = self._commit(plan, lease)
        self._tree = plan.after
        point("committed")
        self._tell(row)
        point("published")
        self._prune()
        return plan.after.size < size

    def _known(self, latest: CheckpointRow | None) -> Tree:
        """The tree of the latest checkpoint: verified once, then remembered."""
        tree = self._tree
        if tree is not None and (latest.size if latest else 0) == tree.size:
            if latest is not None and latest.root != tree.root:
                raise StoreDamaged(f"the checkpoint of size {tree.size} has been exchanged")
            return tree
        if tree is not None and (latest is None or latest.size < tree.size):
            raise StoreDamaged(f"the checkpoint of size {tree.size} is gone: the log was set back")
        if latest is not None:
            self._verify(latest)
        loaded = self._database.read_sync(lambda conn: load_tree(conn, latest, tree))
        self._tree = loaded
        return loaded

    def _verify(self, row: CheckpointRow) -> None:
        try:
            checkpoint = verify_checkpoint(row.note, self._signers.verifiers(), self._signers.name)
        except CheckpointInvalid as error:
            raise StoreDamaged(
                f"the checkpoint of size {row.size} was not signed by this vault: {error}"
            ) from error
        if (checkpoint.size, checkpoint.root) != (row.size, row.root):
            raise StoreDamaged(f"the checkpoint of size {row.size} says something else")

    def _may_take(self, lease: LeaseRow) -> bool:
        """Whether the lease is ours, free, over, or not moved for its time by our own watch.

        The last is for clocks that go wrong: then it may be over for nobody, or never.
        """
        if lease.holder in ("", self._name) or lease.expires_at <= self._clock():
            return True
        watched, since = self._watched
        now = time.monotonic()
        if watched != lease:
            self._watched = (lease, now)
            return False
        return now - since >= self._settings.lease

    def _commit(self, plan: Plan, seen: LeaseRow) -> CheckpointRow:
        conn = self._writer()
        try:
            with conn.begin():
                fence = self._take(conn, seen)
                point("leased")
                self._require_unmoved(conn, plan)
                log_tree.put_tiles(conn, plan.tiles)
                point("tiles")
                row = self._sign(plan, fence)
                point("signed")
                log_tree.add_checkpoint(conn, row)
                point("stored")
        except BaseException:
            self._drop()
            raise
        return row

    def _take(self, conn: Connection, seen: LeaseRow) -> int:
        """Hold the lease for this transaction and beyond; its fence."""
        if conn.dialect.name == "postgresql":
            # Suspended in here, it must not keep others from going on for long.
            conn.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '5s'")
        lease = log_tree.lease(conn, lock=True)
        if (lease.holder, lease.fence) != (seen.holder, seen.fence):
            raise Outpaced("the lease has changed hands")
        if lease != seen and lease.holder != self._name:
            raise Outpaced("the lease is in use")
        fence = lease.fence + (lease.holder != self._name)
        expires_at = self._clock() + int(self._settings.lease * 1_000_000)
        log_tree.set_lease(conn, LeaseRow(self._name, fence, expires_at))
        return fence

    @staticmethod
    def _require_unmoved(conn: Connection, plan: Plan) -> None:
        latest = log_tree.latest(conn)
        size, root = (latest.size, latest.root) if latest else (0, None)
        if size != plan.before.size:
            raise Outpaced("another checkpoint stands")
        if root is not None and root != plan.before.root:
            raise StoreDamaged(f"the checkpoint of size {size} has been exchanged")

    def _sign(self, plan: Plan, fence: int) -> CheckpointRow:
        tree = plan.after
        body = CheckpointBody(self._signers.name, tree.size, tree.root)
        note = self._signers.sign(body.text())
        return CheckpointRow(tree.size, tree.root, note, fence, self._clock())

    # -- around it ---------------------------------------------------------------------------

    def _tell(self, row: CheckpointRow) -> None:
        for publish in self._publish:
            try:
                publish(row)
            except Exception as error:
                _logger.error("a checkpoint could not be handed on: %s", type(error).__name__)

    def _republish(self) -> bool:
        """What a crash kept from being published is so at the next start."""
        latest = self._database.read_sync(log_tree.latest)
        if latest is not None:
            self._known(latest)
            self._tell(latest)
        return False

    def _release(self) -> bool:
        def release(conn: Connection) -> None:
            lease = log_tree.lease(conn, lock=True)
            if lease.holder == self._name:
                log_tree.set_lease(conn, LeaseRow("", lease.fence, 0))

        if self._database.read_sync(log_tree.lease).holder == self._name:
            self._database.write_sync(release)
        return False

    def _prune(self) -> None:
        now = time.monotonic()
        if now < self._next_prune:
            return
        self._next_prune = now + _PRUNE_SECONDS
        before = self._clock() - _KEEP_EVERY
        with self._writer().begin() as transaction:
            log_tree.prune_checkpoints(transaction.connection, before)

    def _writer(self) -> Connection:
        if self._conn is None:
            self._conn = self._database.writer()
        return self._conn

    def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            discard(conn)
