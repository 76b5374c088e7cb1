"""The masked role on SQLite: an authorizer that refuses what the role may not touch.

SQLite has no users, so this is a defence within the process: a fault in the masked tier's code
cannot read a full column or write a record. (Whoever has the file has the ciphertext, which that
node holds no key for.) PostgreSQL has a real role; both follow the same tables in schema/masked.py.
"""

import sqlite3

from sqlalchemy.engine.interfaces import DBAPIConnection

from vault.store.schema import MASKED_INSERTABLE, MASKED_READABLE, MASKED_UPDATABLE

# Wanted by SQLAlchemy's and Alembic's inspection of which tables exist and of their columns.
_PRAGMAS = frozenset({"table_info", "table_xinfo", "busy_timeout"})
_INNER = frozenset({"sqlite_master", "sqlite_schema", "alembic_version_data"}) | {
    "alembic_version_keys"
}
_ALWAYS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_RECURSIVE,
    }
)


def _decide(
    action: int, arg1: str | None, arg2: str | None, _db: str | None, _trigger: str | None
) -> int:
    allowed = action in _ALWAYS
    if action == sqlite3.SQLITE_READ:
        columns = MASKED_READABLE.get(arg1 or "", frozenset())
        # An empty column name is a read of the table without its values, as in count(*).
        allowed = arg1 in _INNER or arg2 in columns or (arg2 == "" and bool(columns))
    elif action == sqlite3.SQLITE_INSERT:
        allowed = arg1 in MASKED_INSERTABLE
    elif action == sqlite3.SQLITE_UPDATE:
        allowed = arg2 in MASKED_UPDATABLE.get(arg1 or "", frozenset())
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = arg2 != "load_extension"
    elif action == sqlite3.SQLITE_PRAGMA:
        allowed = arg1 in _PRAGMAS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def restrict_to_masked(dbapi: DBAPIConnection) -> None:
    """Hold this SQLite connection to the masked role for the rest of its life."""
    dbapi.set_authorizer(_decide)
