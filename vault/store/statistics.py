"""What PostgreSQL is to know before files are gone through page by page.

All tables lead with the institution. Without statistics, as right after a bulk load and until its
autovacuum comes by, PostgreSQL takes one institution for a two-hundredth of a table, and rather
reads all of it than the few rows of a page by their key: what takes a time for each page then takes
it for each page and each row. SQLite reads by the key either way.
"""

from sqlalchemy import Table

from vault.store.database import Database
from vault.store.schema import customers, full_file_keys, scopes


def look_at_files(data: Database, keys: Database) -> None:
    """Have it look at what all files are found by. Blocks: some tenths of a second, however much
    there is, since it samples. Raises StoreUnavailable."""
    _look(data, scopes, customers)
    _look(keys, full_file_keys)


def look_at_customers(data: Database) -> None:
    """Have it look at what pages of customers are found by; what belongs to a page is then read by
    key in any case. Blocks and raises as `look_at_files`."""
    _look(data, customers)


def _look(database: Database, *tables: Table) -> None:
    if database.dialect != "postgresql":
        return
    names = ", ".join(table.name for table in tables)
    # Whoever holds a table back from being looked at is looking at it, or tidies it up: neither is
    # waited for.
    statement = f"ANALYZE (SKIP_LOCKED) {names}"
    database.write_sync(lambda conn: conn.exec_driver_sql(statement))
