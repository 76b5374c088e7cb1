"""What a vault has written, byte for byte, for tests that something is not in it."""

from pathlib import Path

from sqlalchemy import Connection

from vault.store import Database


def everything_in(database: Database, folder: Path) -> bytes:
    """All that a database keeps: its files, which lie in `folder`; of a server, its rows."""
    if database.sqlite_path:
        return b"".join(
            path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".db" in path.name
        )

    def dump(conn: Connection) -> bytes:
        tables = conn.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        return b"".join(
            part
            for table in tables.all()
            for row in conn.exec_driver_sql(f"SELECT * FROM {table}").all()
            for value in row
            for part in (
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode(),
                b"\0",
            )
        )

    return database.read_sync(dump)
