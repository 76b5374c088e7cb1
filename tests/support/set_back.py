"""A vault whose database is set back to an earlier state: on SQLite and PostgreSQL, while it is
stopped or under the running servers."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault
from vault.audit.reader import head
from vault.server.parts import databases
from vault.server.settings import TierName, load
from vault.store.roles import grant_masked_role


class SetBackVault(RunningVault):
    """Knows its database's other states."""

    server: PostgresServer | None = None
    name = ""

    @property
    def second(self) -> Path:
        """The second place, as `SECOND` has it."""
        return self.folder / "second"

    def save(self, state: str) -> None:
        """Keep the database as it is; on PostgreSQL nobody may be connected."""
        if self.server is not None:
            self.server.execute(f"CREATE DATABASE {self.name}_{state} TEMPLATE {self.name}")
            return
        copy(self.folder / "vault.db", self.folder / f"{state}.db")

    def set_back(self, state: str) -> None:
        """Put a state in the database's place, whoever is connected."""
        if self.server is not None:
            execute, name = self.server.execute, self.name
            execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
            execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )
            eventually(
                lambda: not execute(f"SELECT 1 FROM pg_stat_activity WHERE datname='{name}'")
            )
            execute(f"ALTER DATABASE {name} RENAME TO {name}_gone")
            execute(f"ALTER DATABASE {name}_{state} RENAME TO {name}")
            return
        # As `sqlite3 vault.db ".restore old.db"` does it: the file stays, its content changes.
        copy(self.folder / f"{state}.db", self.folder / "vault.db")

    def size(self) -> int:
        """How many entries the log has in the database."""
        data, keys = databases(load(self.config, TierName.FULL))
        try:
            return data.read_sync(head).size
        finally:
            data.dispose()
            if keys is not data:
                keys.dispose()


def copy(source: Path, target: Path) -> None:
    """The content of one SQLite database into another, through SQLite."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def eventually(true: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait until it is true; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def set_back_vault(folder: Path, server: PostgresServer | None, log: str) -> Iterator[SetBackVault]:
    """Laid out, not started; on PostgreSQL with the masked tier's own role."""
    if server is None:
        vault = SetBackVault(folder, f"sqlite:///{folder}/vault.db", log=log)
        try:
            yield vault
        finally:
            vault.stop()
        return
    name = server.create(migrated=True)
    role = f"masked_tier_of_{name}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    masked = make_url(server.url(name)).set(username=role).render_as_string(hide_password=False)
    vault = SetBackVault(folder, server.url(name), masked_database=masked, log=log)
    vault.server, vault.name = server, name
    data, _ = databases(load(vault.config, TierName.FULL))
    data.write_sync(lambda conn: grant_masked_role(conn, role))
    data.dispose()
    try:
        yield vault
    finally:
        vault.stop()
        found = server.execute(
            f"SELECT datname FROM pg_database WHERE starts_with(datname, '{name}')"
        )
        for (one,) in found:
            server.execute(f"ALTER DATABASE {one} WITH ALLOW_CONNECTIONS true")
            server.execute(f"DROP OWNED BY {role}", one)
            server.drop(one)
        server.execute(f"DROP ROLE {role}")
