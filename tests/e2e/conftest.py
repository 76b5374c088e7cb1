"""A running vault a file: over real ports, with TLS, on SQLite or on both databases."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e.calls import SERVING, create
from tests.e2e.wire import LogBook, Refuse, Refused, refusal
from tests.support.borrowing import Register
from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault
from vault.store import Database
from vault.store.roles import grant_masked_role

_roles = itertools.count(1)


@contextmanager
def _on_postgres(
    folder: Path, server: PostgresServer, limits: str, tables: dict[str, str]
) -> Iterator[RunningVault]:
    """The masked tier has a database role of its own, held to what it needs."""
    database, role = server.create(migrated=True), f"masked_e2e_{next(_roles)}"
    url = server.url(database)
    server.execute(f"CREATE ROLE {role} LOGIN")
    owner = Database(url)
    owner.write_sync(lambda conn: grant_masked_role(conn, role))
    owner.dispose()
    masked = make_url(url).set(username=role).render_as_string(hide_password=False)
    try:
        with RunningVault(folder, url, masked_database=masked, limits=limits, **tables) as vault:
            yield vault
    finally:
        server.drop(database)
        server.execute(f"DROP ROLE {role}")


@pytest.fixture(scope="module")
def limits() -> str:
    """Lines of the `[limits]` table; a file may have its own."""
    return ""


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    """Other tables of data than those for tests, by name: `budgets`, `detection`."""
    return {}


@pytest.fixture(scope="module")
def vault(limits: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    """The file's vault, on SQLite. A file that wants both databases asks for `each_vault`."""
    folder = tmp_path_factory.mktemp("vault")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db", limits=limits) as running:
        yield running


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def each_vault(
    limits: str,
    tables: dict[str, str],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningVault]:
    """The file's vault, once on each database."""
    folder = tmp_path_factory.mktemp("vault")
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with _on_postgres(folder, server, limits, tables) as running:
            yield running
        return
    url = f"sqlite:///{folder}/vault.db"
    with RunningVault(folder, url, limits=limits, **tables) as running:
        yield running


@pytest.fixture(scope="module")
def log(vault: RunningVault) -> Iterator[LogBook]:
    """The log of the file's vault."""
    book = LogBook(vault.database)
    yield book
    book.close()


@pytest.fixture(scope="module")
def register(vault: RunningVault) -> Iterator[Register]:
    """The lending register of the file's vault, past the vault."""
    opened = Register(vault)
    yield opened
    opened.close()


@pytest.fixture
def own_vault(
    tmp_path: Path,
) -> Iterator[Callable[[str], RunningVault]]:
    """Start a vault for one test alone, with the `[limits]` given."""
    started: list[RunningVault] = []

    def start(limits: str = "") -> RunningVault:
        folder = tmp_path / f"vault{len(started)}"
        vault = RunningVault(folder, f"sqlite:///{folder}/vault.db", limits=limits)
        started.append(vault)
        vault.start()
        return vault

    yield start
    for vault in started:
        vault.stop()


TABLES = ("customers", "documents", "transactions", "blind_index", "identity_claims", "requests")


@pytest.fixture
def refuse(vault: RunningVault, log: LogBook, owner: str) -> Refuse:
    """Make a call that must be refused, and see that it left one event and nothing else, and that
    the server goes on."""

    def rows() -> list[int]:
        return log.database.read_sync(
            lambda conn: [
                conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                for table in TABLES
            ]
        )

    def run(call: Callable[[], object]) -> Refused:
        stored, size = rows(), log.size()
        refused = refusal(call)
        events = log.since(size)
        assert [(e.outcome, e.reason) for e in events] == [(refused.code, refused.reason)]
        assert rows() == stored
        vault.records().GetCustomer(pb.GetCustomerRequest(name=owner, purpose=SERVING))
        return refused

    return run


@pytest.fixture(scope="module")
def owner(vault: RunningVault) -> str:
    """A customer that is there."""
    return create(vault).name
