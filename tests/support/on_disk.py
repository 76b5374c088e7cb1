"""SQLite databases of a test's own, and everything that lies beside them."""

from pathlib import Path

from tests.support.migrated_file import migrated_file
from vault.store import Database


def migrated(path: Path) -> Database:
    """A new file with the vault's tables."""
    return Database(migrated_file(path))


def bytes_on_disk(folder: Path) -> bytes:
    """Everything that the databases and the object store have on disk."""
    return b"".join(
        path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".toml"
    )
