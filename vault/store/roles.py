"""The masked tier's role on PostgreSQL: grants for exactly what schema/masked.py lists.

Column grants keep the role from reading a sealed column of the full branch, table grants from the
full branch's keys and the blind indexes. It may append to the log, and move its head, which is
what the tier's own calls need. Of what the log says it may read nothing: only the hashes, and the
signed checkpoints, by which it finds that the log was set back.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from vault.store.errors import StoreError
from vault.store.migrate import CHAINS, version_table
from vault.store.schema import MASKED_INSERTABLE, MASKED_READABLE, MASKED_UPDATABLE


def _names(conn: Connection, names: Iterable[str]) -> str:
    quote = conn.dialect.identifier_preparer.quote
    return ", ".join(quote(name) for name in sorted(names))


def grant_masked_role(conn: Connection, role: str) -> None:
    """Hold an existing PostgreSQL role to the masked tier's rights in this database.

    What it had on the vault's tables before is revoked first. Run by the tables' owner in a
    transaction; for a key store of its own, run it there too. Tables that this database does not
    have are passed over. Raises StoreError on SQLite, which has no roles, and for a role that
    could do anything anyway (a superuser, or the owner of the tables).
    """
    if conn.dialect.name != "postgresql":
        raise StoreError("SQLite has no roles; open the database with role='masked'")
    too_strong = conn.exec_driver_sql(
        "SELECT rolsuper OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid"
        " AND c.relkind IN ('r', 'p')) FROM pg_roles r WHERE rolname = %s",
        (role,),
    ).scalar()
    if too_strong is None:
        raise StoreError("there is no such role; create it first")
    if too_strong:
        raise StoreError("the role is a superuser or owns tables: grants would not hold it")
    present = set(
        conn.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        ).scalars()
    )
    grantee = conn.dialect.identifier_preparer.quote(role)
    schema = _names(conn, [str(conn.exec_driver_sql("SELECT current_schema()").scalar())])
    conn.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {grantee}")
    # A role that may create tables could own one of the vault's names in a later search path.
    conn.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {schema} FROM {grantee}")
    conn.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {grantee}")

    def grant(what: str, table: str, columns: Iterable[str] = ()) -> None:
        if table in present:
            limited = f" ({_names(conn, columns)})" if columns else ""
            conn.exec_driver_sql(f"GRANT {what}{limited} ON {_names(conn, [table])} TO {grantee}")

    for table, columns in MASKED_READABLE.items():
        grant("SELECT", table, columns)
    for table in MASKED_INSERTABLE:
        grant("INSERT", table)
    for table, columns in MASKED_UPDATABLE.items():
        grant("UPDATE", table, columns)
    for chain in CHAINS:
        grant("SELECT", version_table(chain))
