"""A database connection configured for the vault: SQLite or PostgreSQL, full or masked role.

Reads run in autocommit on one long-lived connection a thread: on SQLite inline on the event loop
(a point read takes some 20 us, less than a hand-off to a thread), on PostgreSQL in a small thread
pool. Writes run in explicit transactions, on SQLite with BEGIN IMMEDIATE, so that a writer waits
for its turn at the start and never fails half way for a lock.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from vault.store.authorizer import restrict_to_masked
from vault.store.errors import StoreDamaged, StoreUnavailable, reraise, translate
from vault.store.in_place import InPlace
from vault.store.read_threads import ReadThreads

T = TypeVar("T")
Role = Literal["full", "masked"]
Dialect = Literal["sqlite", "postgresql"]

SQLITE_BUSY_TIMEOUT_MS = 10_000
SQLITE_CACHE_KIB = 65_536
_PG_CONNECT_TIMEOUT_S = 5
# A server that has gone away without a word is noticed by these rather than after hours. The
# session settings bound how long one call can hang; synchronous_commit is what makes an answered
# write durable, whatever the server's own default.
_PG_ARGS = {
    "connect_timeout": _PG_CONNECT_TIMEOUT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "records-vault",
    "options": "-c synchronous_commit=on -c statement_timeout=30000 -c lock_timeout=10000"
    " -c idle_in_transaction_session_timeout=60000 -c timezone=UTC",
}

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Database:
    """One database, by URL (`sqlite:////path/vault.db` or `postgresql://user@host/name`).

    Raises ValueError for a URL of another kind. With `role="masked"` on SQLite every connection
    refuses the full branch's columns and tables and all writes but the log's; on PostgreSQL the
    URL's user is that role (see `roles.grant_masked_role`).
    """

    def __init__(self, url: str, *, role: Role = "full", read_threads: int = 4) -> None:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        self.role: Role = role
        self.dialect: Dialect
        common: dict[str, Any] = {"hide_parameters": True}
        if backend == "sqlite":
            self.dialect = "sqlite"
            path = parsed.database
            if not path or path == ":memory:" or path.startswith("file:"):
                raise ValueError("the vault's SQLite database must be a file")
            self.sqlite_path: str | None = path
            common["connect_args"] = {"check_same_thread": False, "cached_statements": 512}
            self._create_private(path)
            self._in_place: InPlace | None = InPlace(path)
        elif backend == "postgresql":
            self.dialect = "postgresql"
            self.sqlite_path = None
            self._in_place = None
            parsed = parsed.set(drivername="postgresql+psycopg")
            args = {k: v for k, v in _PG_ARGS.items() if k not in parsed.query}
            common["connect_args"] = args
        else:
            raise ValueError("the database URL must be sqlite: or postgresql:")
        # The engine for transactions. SQLite would have every waiting connection spin on the one
        # write lock, so few are of use.
        self.engine: Engine = create_engine(
            parsed, pool_size=5, max_overflow=10, pool_pre_ping=backend != "sqlite", **common
        )
        # Read connections are held a thread, so there is nothing to pool.
        self._read_engine: Engine = create_engine(
            parsed, isolation_level="AUTOCOMMIT", poolclass=NullPool, **common
        )
        if backend == "sqlite":
            for engine in (self.engine, self._read_engine):
                event.listen(engine, "do_connect", self._require_file)
                event.listen(engine, "connect", self._configure_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._readers: list[Connection] = []
        self._read_threads = ReadThreads(self.read_sync, read_threads)
        self._disposed = False

    def __repr__(self) -> str:
        return f"Database({self.dialect}, role={self.role})"

    # -- reads -------------------------------------------------------------------------------

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` on a read connection: inline on SQLite, in a thread on PostgreSQL.

        Each statement of `fn` sees what is committed when it runs. On a lost connection `fn` runs
        a second time on a new one, so it must do nothing but read. Raises StoreUnavailable.
        """
        if self.sqlite_path is not None:
            return self.read_sync(fn)
        if self._disposed:
            raise StoreUnavailable("the database is closed")
        return await self._read_threads.read(fn)

    def read_sync(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` on this thread's read connection. Raises StoreUnavailable."""
        conn: Connection | None = getattr(self._local, "conn", None)
        if conn is not None:
            try:
                return fn(conn)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    reraise(error)
                self._drop_reader(conn)
        conn = self._open_reader()
        try:
            return fn(conn)
        except DBAPIError as error:
            if error.connection_invalidated:
                self._drop_reader(conn)
            reraise(error)

    def snapshot(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn`, whose statements all see one state of the database. Raises StoreUnavailable."""
        begin = "BEGIN" if self.sqlite_path is not None else _SNAPSHOT
        try:
            with self._read_engine.connect() as conn:
                conn.exec_driver_sql(begin)
                try:
                    return fn(conn)
                finally:
                    conn.exec_driver_sql("ROLLBACK")
        except DBAPIError as error:
            reraise(error)

    def _open_reader(self) -> Connection:
        if self._disposed:
            raise StoreUnavailable("the database is closed")
        try:
            conn = self._read_engine.connect()
        except DBAPIError as error:
            reraise(error)
        with self._lock:
            self._readers.append(conn)
        self._local.conn = conn
        return conn

    def _drop_reader(self, conn: Connection) -> None:
        self._local.conn = None
        with self._lock:
            if conn in self._readers:
                self._readers.remove(conn)
        discard(conn)

    # -- writes ------------------------------------------------------------------------------

    def write_sync(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one transaction of its own and commit it. Raises StoreUnavailable.

        For the key store and for tools; records and the log are written through the log's queue.
        """
        try:
            with self.engine.begin() as conn:
                return fn(conn)
        except DBAPIError as error:
            reraise(error)

    def writer(self) -> Connection:
        """A connection for one thread to keep and run transactions on; the caller closes it."""
        if self._disposed:
            raise StoreUnavailable("the database is closed")
        if self._in_place is not None:
            self._in_place.reopened()
        try:
            return self.engine.connect()
        except DBAPIError as error:
            reraise(error)

    def compact(self) -> None:
        """Write SQLite's file anew, so that nothing of what was deleted is left in it or in its
        write-ahead log. Others wait meanwhile. On PostgreSQL that is its own vacuum's work."""
        if self.sqlite_path is None:
            return
        try:
            with self._read_engine.connect() as conn:
                conn.exec_driver_sql("VACUUM")
                conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except DBAPIError as error:
            reraise(error)

    # -- life --------------------------------------------------------------------------------

    def ping(self) -> None:
        """One round trip. Raises StoreUnavailable or StoreDamaged."""
        self.require_in_place()
        self.read_sync(lambda conn: conn.exec_driver_sql("SELECT 1").scalar())

    def require_in_place(self, *, committed: bool = False) -> None:
        """Raises StoreUnavailable where SQLite's file is not the one that was opened; `committed`
        looks at its write-ahead log too."""
        if self._in_place is None:
            return
        if committed:
            self._in_place.require_journal()
        else:
            self._in_place.require()

    def dispose(self) -> None:
        """Close every connection; later calls raise StoreUnavailable. Readers must be done."""
        self._disposed = True
        self._read_threads.close()
        with self._lock:
            readers, self._readers = self._readers, []
        self._local = threading.local()
        for conn in readers:
            discard(conn)
        self.engine.dispose()
        self._read_engine.dispose()

    # -- SQLite ------------------------------------------------------------------------------

    def _create_private(self, path: str) -> None:
        """Make the file with mode 0600 before SQLite would with the umask's.

        SQLite gives the journal files the mode of the database file.
        """
        if Path(path).exists():
            return
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreUnavailable(f"the database file cannot be made: {error.strerror}") from error

    def _require_file(self, *_: object) -> None:
        # SQLite would make an empty file in the place of one that was moved away.
        self.require_in_place()

    def _configure_sqlite(self, dbapi: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Transactions are begun by us alone, never by the driver behind our back.
        dbapi.isolation_level = None
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except UnicodeDecodeError as error:
            # What SQLite says of a schema that it cannot read quotes the schema.
            raise StoreDamaged("the database file is damaged (its schema)") from error
        # FULL: the journal is synced at every commit, not only at checkpoints.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA trusted_schema=OFF")
        # Wrapped keys that were deleted do not linger in free pages.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}")
        cursor.close()
        if self.role == "masked":
            restrict_to_masked(dbapi)


def _begin_immediate(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def discard(conn: Connection) -> None:
    """Close a connection that may be broken; what it says about that is of no use any more."""
    try:
        conn.invalidate()
        conn.close()
    except DBAPIError as error:
        if translate(error) is None:
            raise
