"""What PostgreSQL is to know before files are gone through page by page.

All tables lead with the institution. Without statistics, as right after a bulk load and until its
autovacuum comes by, PostgreSQL takes one institution for a two-hundredth of a table, and rather
reads all of it than the few rows of a page by their key: what takes a time for each page then takes
it for each page and each row. SQLite reads by the key either way.
"""

from vault.store.database import Database
from vault.store.schema import customers, full_file_keys, scopes


def look_at_files(data: Database, keys: Database) -> None:
    """Have it look at what all files are found by. Blocks: some tenths of a second, however much
    there is, since it samples. Raises StoreUnavailable."""
    for database, tables in ((data, (scopes, customers)), (keys, (full_file_keys,))):
        if database.dialect == "postgresql":
            names = ", ".join(table.name for table in tables)
            database.write_sync(lambda conn, names=names: conn.exec_driver_sql(f"ANALYZE {names}"))  # type: ignore[misc]  # a default, not a parameter
