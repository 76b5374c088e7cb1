"""A folder that an exported log is written to, file by file.

A file is written under another name, synced, and given its own: what has its name is whole. Full
tiles and bundles are never written again, only compared. The checkpoint comes last, when everything
under it is there, and only if it continues the one before. A crash leaves the old export and some
files of the new one, from which the next run goes on.

Which bundles the vault did not send, since others than the caller's institution are in them, is
noted in a file of its own beside the checkpoint, so that a verifier tells them from lost ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vault.audit.checkpoint import CheckpointBody, CheckpointInvalid, read_checkpoint
from vault.audit.log_sources import CHECKPOINT_FILE, WITHHELD_FILE, FolderSource
from vault.audit.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    ReadTile,
    Tile,
    TileInvalid,
    bundles_of,
    entries_path,
    frontier_from_tiles,
    parse_entries_path,
)
from vault.cli.vaultctl.durable import sync_folder

CONFLICT_FILE = "checkpoint.conflict"
_DRAFT = ".draft"


class HistoryDiffers(Exception):
    """What the vault sends now contradicts what it sent before."""

    def __init__(self, path: str) -> None:
        """`path` of the file that differs."""
        super().__init__(path)
        self.path = path


class FolderUnusable(Exception):
    """The folder holds something else than an exported log."""


class ExportFolder:
    """Raises OSError throughout."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises FolderUnusable where its checkpoint cannot be read."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        note = FolderSource(folder).checkpoint()
        ours = ("tile", _DRAFT, WITHHELD_FILE)
        if note is None and any(p.name not in ours for p in folder.iterdir()):
            raise FolderUnusable
        self.before = None if note is None else self._body(note)
        self.note = note
        self.written = 0

    @property
    def size(self) -> int:
        """Leaves of the export that was completed last."""
        return 0 if self.before is None else self.before.size

    def have(self) -> int:
        """A size for which everything is here, beyond `size` where a run was broken off.

        The vault sends all hash tiles before the first bundle, so a full bundle that follows on
        what is complete says that the tiles are here too.
        """
        index = self.size // TILE_WIDTH
        while (self.folder / entries_path(index, TILE_WIDTH)).is_file() and self._tile_is_here(
            index
        ):
            index += 1
        return max(self.size, index * TILE_WIDTH)

    def _tile_is_here(self, index: int) -> bool:
        return (self.folder / Tile(0, index, TILE_WIDTH).path()).is_file()

    def put(self, path: str, data: bytes) -> None:
        """Write a tile or bundle. Raises HistoryDiffers where another one is there already,
        FolderUnusable for a path that is neither."""
        _require_path(path)
        target = self.folder / path
        try:
            if target.read_bytes() != data:
                raise HistoryDiffers(path)
        except (FileNotFoundError, NotADirectoryError):
            self._write(target, data)
            self.written += 1

    def finish(self, note: bytes) -> CheckpointBody:
        """Put the checkpoint in place, and drop the partial tiles that wider ones replace.

        Raises HistoryDiffers where it does not continue the checkpoint before: that one stays, and
        the new one is kept beside it, since the two together are the proof. CheckpointInvalid.
        """
        body = self._body(note)
        if not self._continues(body):
            self._write(self.folder / CONFLICT_FILE, note)
            raise HistoryDiffers(CHECKPOINT_FILE)
        self._note_withheld(body.size)
        if note != self.note:
            self._write(self.folder / CHECKPOINT_FILE, note)
            self.written += 1
        for path in list(self._superseded(body.size)):
            path.unlink()
        return body

    def _note_withheld(self, size: int) -> None:
        """Note the bundles that the vault has left out up to now.

        It sends all that are new, so one of those that is not here was not sent. Of the older ones
        only what was noted before: any other has been lost since.
        """
        noted = FolderSource(self.folder).withheld()
        new = {entries_path(*place) for place in bundles_of(size, since=self.size)}
        left_out = [
            path
            for path in (entries_path(*place) for place in bundles_of(size))
            if (path in new or path in noted) and not (self.folder / path).is_file()
        ]
        if set(left_out) != noted:
            text = "".join(f"{path}\n" for path in left_out)
            self._write(self.folder / WITHHELD_FILE, text.encode())

    def _continues(self, body: CheckpointBody) -> bool:
        before = self.before
        if before is None or not before.size:
            return True
        if body.size < before.size:
            return False
        try:
            now = frontier_from_tiles(before.size, _reader(self.folder, body.size)).root()
        except (TileInvalid, FileNotFoundError):
            return False
        return now == before.root

    def _superseded(self, size: int) -> Iterator[Path]:
        """Partial tiles and bundles that are not the right edge, also those of a broken-off run."""
        edge: set[str] = set()
        for level in range(8):
            index, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
            if width:
                edge.add(Tile(level, index, width).path())
                if level == 0:
                    edge.add(entries_path(index, width))
        for path in (self.folder / "tile").rglob("*.p/*"):
            if path.relative_to(self.folder).as_posix() not in edge:
                yield path

    @staticmethod
    def _body(note: bytes) -> CheckpointBody:
        try:
            return read_checkpoint(note).body
        except CheckpointInvalid as error:
            raise FolderUnusable from error

    def _write(self, target: Path, data: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / _DRAFT
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        if target.parent == self.folder:
            # The checkpoint: whoever sees it after a crash sees the rest as well.
            _sync_folders(self.folder)


def _reader(folder: Path, size: int) -> ReadTile:
    def read(level: int, index: int) -> bytes:
        count = (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH
        return (folder / Tile(level, index, min(TILE_WIDTH, count)).path()).read_bytes()

    return read


def _require_path(path: str) -> None:
    # It comes from the vault and becomes a file's name: only the tree's own spelling is taken.
    try:
        if path.startswith("tile/entries/"):
            parse_entries_path(path)
        else:
            Tile.parse(path)
    except TileInvalid as error:
        raise FolderUnusable from error


def _sync_folders(folder: Path) -> None:
    for path in (*(p for p in folder.rglob("*") if p.is_dir()), folder):
        sync_folder(path)
