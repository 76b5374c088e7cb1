"""Whether an SQLite file is still where it was opened.

A process that has it open goes on writing to a file that was deleted or replaced: to an inode that
nobody will find again. SQLite does not look. So the log looks before and behind every batch, and
every new connection before it is made, which would otherwise make an empty file in its place.
"""

import os

from vault.store.errors import StoreUnavailable

Identity = tuple[int, int]


class InPlace:
    """The file at a path, as it is now; `require` finds out whether it still is.

    The write-ahead log beside it is held to the one that was there when a batch first looked: it
    stays while a connection is open.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = _identity(path)
        self._journal: Identity | None = None

    def require(self) -> None:
        """Raises StoreUnavailable where the file was moved, deleted or replaced. It is well again
        when the same file is back."""
        if _identity(self._path) != self._file:
            raise StoreUnavailable(
                "the database file was moved, deleted or replaced under the running server: "
                "put it back, or stop the server and restore it"
            )

    def require_journal(self) -> None:
        """The same for the write-ahead log, behind a commit: what was committed is in it."""
        self.require()
        journal = _identity(f"{self._path}-wal")
        if self._journal is None:
            self._journal = journal
        if journal is None or journal != self._journal:
            raise StoreUnavailable(
                "the database's write-ahead log was deleted under the running server: "
                "stop every server of this database and restore it"
            )

    def reopened(self) -> None:
        """The writer's connection is a new one: there may be another write-ahead log by now."""
        self._journal = None


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice a batch: a third of the time of Path.stat
    except OSError:
        return None
    return found.st_dev, found.st_ino
