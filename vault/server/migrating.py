"""Brings a tier's databases to this program's schema, and says when they are not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from vault.server.settings import Settings, SettingsInvalid
from vault.store import Database
from vault.store.database import Role
from vault.store.migrate import Chain, pending, upgrade
from vault.store.roles import grant_masked_role

_UNKNOWN = ":unknown:"


class SchemaOutOfDate(Exception):
    """The databases do not stand at this program's schema; says what to run."""


def migrate(settings: Settings, *, grant_role: str = "") -> list[str]:
    """Run what is missing of both chains; the revisions that were run, as "chain:revision".

    `grant_role` is an existing PostgreSQL role that is then held to the masked tier's rights in
    both databases. Raises StoreError, SettingsInvalid, SchemaOutOfDate (a newer program migrated).
    """
    # Migrations need the tables' owner, whichever tier's table names the databases.
    with _databases(settings, "full") as databases:
        missing = _missing(databases)
        for database, chain in databases:
            upgrade(database, chain)
        if grant_role:
            for database in dict.fromkeys(database for database, _ in databases):
                database.write_sync(lambda conn: grant_masked_role(conn, grant_role))
        return missing


def require_migrated(settings: Settings, config: Path) -> None:
    """Raises SchemaOutOfDate where a revision is missing, StoreError, SettingsInvalid."""
    advice = f"run: vaultd migrate --config {config}"
    with _databases(settings, settings.tier.value, must_exist=advice) as databases:
        missing = _missing(databases)
    if missing:
        raise SchemaOutOfDate(f"the database lacks {', '.join(missing)}; {advice}")


def _missing(databases: list[tuple[Database, Chain]]) -> list[str]:
    missing = [revision for database, chain in databases for revision in pending(database, chain)]
    newer = [revision for revision in missing if _UNKNOWN in revision]
    if newer:
        raise SchemaOutOfDate(
            f"a newer program has migrated the database ({', '.join(newer)}); install that release"
        )
    return missing


@contextmanager
def _databases(
    settings: Settings, role: Role, *, must_exist: str = ""
) -> Iterator[list[tuple[Database, Chain]]]:
    """The data and the key database, which may be one. `must_exist` says how to make one."""
    table = settings.table
    data = _open(settings, table.database, role, must_exist)
    try:
        keys = (
            _open(settings, table.keys_database, role, must_exist) if table.keys_database else data
        )
        try:
            yield [(data, "data"), (keys, "keys")]
        finally:
            keys.dispose()
    finally:
        data.dispose()


def _open(settings: Settings, given: str, role: Role, must_exist: str) -> Database:
    try:
        url = make_url(settings.database_url(given))
        if (
            must_exist
            and url.get_backend_name() == "sqlite"
            and not Path(url.database or "").exists()
        ):
            # Opening it would make an empty file.
            raise SchemaOutOfDate(f"{url.database} does not exist yet; {must_exist}")
        return Database(settings.database_url(given), role=role)
    except (ValueError, ArgumentError):
        # Not the parser's words: it quotes the URL, in which there may be a password.
        raise SettingsInvalid(
            f"tiers.{settings.tier.value}: database or keys_database is not the URL of an SQLite "
            "file or a PostgreSQL database; write for example sqlite:///vault.db"
        ) from None
