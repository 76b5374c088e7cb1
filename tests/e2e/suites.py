"""The suites of a running vault: in its configuration, and in what it has stored."""

from tests.support.running_vault import RunningVault
from vault.sealing import Suite, suite_of
from vault.server.settings import TierName
from vault.services.rotation.sealed_tables import SEALED_TABLES
from vault.store import Database
from vault.store.schema import content_leaves, contents
from vault.store.sealed_rows import sealed_columns


def change_suites(vault: RunningVault, suites: str) -> None:
    """Start the full tier again with other suites."""
    vault.terminate(TierName.FULL)
    lines = vault.config.read_text("utf-8").splitlines()
    changed = [f"suites = {suites}" if one.startswith("suites =") else one for one in lines]
    vault.config.write_text("\n".join(changed), "utf-8")
    vault.start(TierName.FULL)


def sealed_with(vault: RunningVault, institution: str) -> dict[str, set[Suite]]:
    """The suites of all that an institution has stored, full and masked, by table."""
    database = Database(vault.database)
    try:
        found: dict[str, set[Suite]] = {}
        for table in (*(of.table for of in SEALED_TABLES), contents, content_leaves):
            columns = ", ".join(sealed_columns(table))
            sql = f"SELECT {columns} FROM {table.name} WHERE institution = '{institution}'"
            rows = database.read_sync(lambda conn, sql=sql: conn.exec_driver_sql(sql).all())  # type: ignore[misc]  # a default
            if rows:
                values = [bytes(value) for row in rows for value in row]
                # A completed upload has let go of its key.
                found[table.name] = {suite_of(value) for value in values if value}
    finally:
        database.dispose()
    return found
