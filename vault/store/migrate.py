"""Bring a database to the schema this program needs: Alembic, run from the program.

Two chains, since the key store may be a database of its own: "data" and "keys". Both may also live
in one database, so each has its own version table. An upgrade runs in one transaction and under a
lock: of several processes started at once, one migrates and the others find it done.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from vault.store.database import Database
from vault.store.schema import data_metadata, keys_metadata

Chain = Literal["data", "keys"]
CHAINS: tuple[Chain, ...] = ("data", "keys")
METADATA: dict[Chain, MetaData] = {"data": data_metadata, "keys": keys_metadata}

# Any number of ours; the two chains of one database must not wait for each other.
_PG_LOCK: dict[Chain, int] = {"data": 0x7265636F, "keys": 0x7265636B}


def version_table(chain: Chain) -> str:
    """The table in which a chain's revision stands."""
    return f"alembic_version_{chain}"


def _config(chain: Chain) -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations" / chain
    # Alembic reads this through configparser, to which a percent sign is special.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _run(conn: Connection, chain: Chain, step: Callable[[Any, Any], Iterable[Any]]) -> None:
    config = _config(chain)
    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=step) as env:
        env.configure(
            connection=conn,
            target_metadata=METADATA[chain],
            version_table=version_table(chain),
            transactional_ddl=True,
        )
        env.run_migrations()


def upgrade(database: Database, *chains: Chain) -> None:
    """Run what is missing of the chains (both by default). Raises StoreUnavailable."""

    def work(conn: Connection) -> None:
        for chain in chains or CHAINS:
            if conn.dialect.name == "postgresql":
                conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PG_LOCK[chain]})")
            script = ScriptDirectory.from_config(_config(chain))

            def step(revision: Any, _context: Any, script: ScriptDirectory = script) -> Any:
                return script._upgrade_revs("heads", revision)

            _run(conn, chain, step)

    database.write_sync(work)


def current(database: Database, chain: Chain) -> str | None:
    """The revision a database stands at, or None where the chain was never run."""

    def work(conn: Connection) -> str | None:
        context = MigrationContext.configure(conn, opts={"version_table": version_table(chain)})
        return context.get_current_revision()

    return database.read_sync(work)


def head(chain: Chain) -> str:
    """The revision that this program needs."""
    (revision,) = ScriptDirectory.from_config(_config(chain)).get_heads()
    return revision


def pending(database: Database, *chains: Chain) -> list[str]:
    """The revisions still to run, oldest first, as "chain:revision"; empty when up to date.

    A revision that this program does not know (a newer program has migrated) is reported as
    "chain:unknown:revision".
    """
    found: list[str] = []
    for chain in chains or CHAINS:
        script = ScriptDirectory.from_config(_config(chain))
        stands = current(database, chain)
        every = [r.revision for r in script.walk_revisions()]
        if stands is not None and stands not in every:
            found.append(f"{chain}:unknown:{stands}")
            continue
        behind = every if stands is None else every[: every.index(stands)]
        found.extend(f"{chain}:{revision}" for revision in reversed(behind))
    return found
