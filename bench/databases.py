"""The databases that are measured: an SQLite file, and a database on a PostgreSQL of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import make_url

from tests.support.databases import PostgresServer
from vault.store.database import Database
from vault.store.migrate import upgrade
from vault.store.roles import grant_masked_role

_MASKED_ROLE = "masked_tier"


@dataclass(frozen=True, slots=True)
class Store:
    """An empty database: its URLs for the two tiers, and its server's process, if it has one."""

    kind: str
    url: str
    masked_url: str
    process: psutil.Process | None = None
    server: PostgresServer | None = None

    def megabytes(self) -> float:
        """How large it is by now."""
        if self.server is None:
            path = Path(make_url(self.url).database or "")
            return sum(file.stat().st_size for file in path.parent.glob(path.name + "*")) / 1e6
        name = make_url(self.url).database
        return float(self.server.execute(f"SELECT pg_database_size('{name}')")[0][0]) / 1e6


@contextmanager
def sqlite(folder: Path) -> Iterator[Store]:
    """In a folder."""
    url = f"sqlite:///{folder}/vault.db"
    yield Store("SQLite", url, url)


@contextmanager
def postgresql(server: PostgresServer) -> Iterator[Store]:
    """On a server, with the masked tier's restricted role; dropped afterwards."""
    name = server.create(migrated=False)
    url = server.url(name)
    database = Database(url)
    upgrade(database)
    server.execute(f"CREATE ROLE {_MASKED_ROLE} LOGIN")
    try:
        database.write_sync(lambda conn: grant_masked_role(conn, _MASKED_ROLE))
        database.dispose()
        masked = make_url(url).set(username=_MASKED_ROLE).render_as_string(hide_password=False)
        yield Store("PostgreSQL", url, masked, psutil.Process(_postmaster(server)), server)
    finally:
        server.drop(name)
        server.execute(f"DROP ROLE {_MASKED_ROLE}")


def _postmaster(server: PostgresServer) -> int:
    """The process whose children serve the connections."""
    folder = str(server.execute("SHOW data_directory")[0][0])
    return int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
