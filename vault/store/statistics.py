"""What PostgreSQL is to know before files are gone through page by page.

All tables lead with the institution. Without statistics, as right after a bulk load and until its
autovacuum comes by, PostgreSQL takes one institution for a two-hundredth of a table, and rather
reads all of it than the few rows of a page by their key: what takes a time for each page then takes
it for each page and each row. SQLite reads by the key either way.

What it knows are samples, kept in a table of its own: values of columns as they stand in rows, for
whoever may see the rows. A wrapped key that is looked at outlives its row there.
"""

from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, select

from vault.store.database import Database
from vault.store.schema import customers, data_metadata, full_file_keys, keys_metadata, scopes


def look_at_files(data: Database, keys: Database) -> None:
    """Have it look at what all files are found by, and at nothing that is sealed. Blocks: some
    tenths of a second, however much there is, since it samples. Raises StoreUnavailable."""
    _look(data, scopes, customers)
    _look(keys, full_file_keys)


def look_at_customers(data: Database) -> None:
    """Have it look at what pages of customers are found by; what belongs to a page is then read by
    key in any case. Blocks and raises as `look_at_files`."""
    _look(data, customers)


def look_again(data: Database, keys: Database) -> None:
    """Have it forget what was taken away: its own autovacuum has looked at everything, and a new
    look takes the place of the one before. Waits for who holds a table. Blocks as `look_at_files`,
    for some more tables. Raises StoreUnavailable."""
    _look_again(data, data_metadata)
    look_again_at_keys(keys)


def look_again_at_keys(keys: Database) -> None:
    """As `look_again`, of the key store alone."""
    _look_again(keys, keys_metadata)


def _look_again(database: Database, metadata: MetaData) -> None:
    if database.dialect != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "customer" in table.c and any(map(_is_bytes, table.c)):
            database.write_sync(partial(_look_at_all, table=table))


def _look(database: Database, *tables: Table) -> None:
    if database.dialect != "postgresql":
        return
    names = ", ".join(
        f"{table.name} ({', '.join(c.name for c in table.c if not _is_bytes(c))})"
        for table in tables
    )
    # Whoever holds a table back from being looked at is looking at it, or tidies it up: neither is
    # waited for.
    statement = f"ANALYZE (SKIP_LOCKED) {names}"
    database.write_sync(lambda conn: conn.exec_driver_sql(statement))


def _look_at_all(conn: Connection, table: Table) -> None:
    conn.exec_driver_sql(f"ANALYZE {table.name}")
    if conn.execute(select(*table.primary_key.columns).limit(1)).first() is None:
        # What is known of a table stays when there is nothing in it to look at; unless a column is
        # said to have another type, be it the same one.
        bytes_ = ", ".join(f"ALTER COLUMN {c.name} TYPE bytea" for c in table.c if _is_bytes(c))
        conn.exec_driver_sql(f"ALTER TABLE {table.name} {bytes_}")


def _is_bytes(column: Column[Any]) -> bool:
    return isinstance(column.type, LargeBinary)
