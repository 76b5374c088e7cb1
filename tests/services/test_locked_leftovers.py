"""What broken uploads have left under object lock: a sweep passes it by, and takes the rest."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.test_object_check import arrived, look, upload
from vault.blobs import BlobLocked, FolderBlobs
from vault.sealing import SystemClock
from vault.services.contents.sweeping import Sweeping
from vault.store import Database, uploads
from vault.store.objects import segments_after
from vault.store.uploads import UploadRow

__all__ = ["upload"]


class Locking(FolderBlobs):
    """Keeps the objects of some names."""

    kept: frozenset[str] = frozenset()

    def delete(self, name: str) -> None:
        if name in self.kept:
            raise BlobLocked("kept")
        super().delete(name)


@pytest.fixture
def blobs(tmp_path: Path) -> Locking:
    (tmp_path / "blobs").mkdir()
    return Locking(tmp_path / "blobs")


def rows(database: Database) -> set[str]:
    found = database.read_sync(lambda conn: segments_after(conn, None, 1_000))
    return {row.object for row in found}


def test_what_is_locked_stays_with_its_row_until_its_lock_ends(
    database: Database, blobs: Locking, upload: UploadRow
) -> None:
    # More than a sweep looks at at once, and the locked ones among them.
    left = {row.object for row in arrived(database, blobs, upload, 250)}
    other = replace(upload, upload="u2", request_id="r2")
    database.write_sync(lambda conn: uploads.insert(conn, other))
    left |= {row.object for row in arrived(database, blobs, other, 3)}
    blobs.kept = frozenset(sorted(left)[:120])
    sweeping = Sweeping(database, blobs, SystemClock(), ["demo"], 0.0)
    done = sweeping.sweep()
    assert (done.given_up, done.objects) == (2, len(left) - 120)
    assert {entry.name for entry in blobs.list()} == rows(database) == blobs.kept
    assert look(database, blobs) == []
    # Nothing to be done yet; then the lock ends.
    assert sweeping.sweep().objects == 0
    blobs.kept = frozenset()
    assert sweeping.sweep().objects == 120
    assert not rows(database)
    assert not list(blobs.list())
