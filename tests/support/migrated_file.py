"""SQLite files that have the vault's tables: copies of one that this process has migrated once."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from vault.store import migrate
from vault.store.database import Database


def migrated_file(path: Path) -> str:
    """Lay a file with the vault's tables (data and keys), of nobody else's to read; its URL."""
    shutil.copyfile(_template(), path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


@cache
def _template() -> Path:
    folder = tempfile.mkdtemp(prefix="vault-template-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "template.db")
    template = Database(f"sqlite:///{path}")
    migrate.upgrade(template)
    template.dispose()
    return path
