"""Where a log is verified: a folder in the layout of C2SP tlog-tiles, or the vault's own tables.

Both answer with bytes as they stand and believe nothing. They are small values that worker
processes are handed; what a worker opens for itself stays in that worker.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from vault.audit.archive import Archive, ArchiveDamaged
from vault.audit.tiles import TILE_WIDTH, Tile, TileInvalid, decode_bundle, entries_path
from vault.blobs import Blobs, S3Blobs
from vault.store import Database, StoreAltered, log_archive, log_tree
from vault.store.log_archive import BundleRow

CHECKPOINT_FILE = "checkpoint"
WITHHELD_FILE = "withheld"
"""Paths of the entry bundles that the vault did not export, one a line. A note of whoever exported:
it says why they are not there, and proves nothing."""


class LogSource(Protocol):
    """What a verifier reads. None: it is not there."""

    def checkpoint(self) -> bytes | None:
        """The latest checkpoint, a signed note."""
        ...

    def tile(self, tile: Tile) -> bytes | None:
        """The hashes of a tile."""
        ...

    def leaves(self, index: int, width: int) -> Sequence[bytes | None] | None:
        """The leaves of an entry bundle, None for each that is missing. Raises TileInvalid."""
        ...


@dataclass(frozen=True, slots=True)
class FolderSource:
    """An exported log."""

    folder: Path

    def checkpoint(self) -> bytes | None:
        """As LogSource. Raises OSError."""
        return self._read(CHECKPOINT_FILE)

    def tile(self, tile: Tile) -> bytes | None:
        """As LogSource. Raises OSError."""
        return self._read(tile.path())

    def leaves(self, index: int, width: int) -> Sequence[bytes | None] | None:
        """As LogSource. Raises OSError."""
        data = self._read(entries_path(index, width))
        return None if data is None else decode_bundle(data)

    def withheld(self) -> frozenset[str]:
        """Paths of the bundles that were not exported. Raises OSError."""
        return frozenset((self._read(WITHHELD_FILE) or b"").decode("utf-8", "replace").split())

    def _read(self, path: str) -> bytes | None:
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


@dataclass(frozen=True, slots=True)
class StoreSource:
    """The tables of the vault at a database URL, and its archive in an object store."""

    url: str
    blobs: Blobs | None = None

    def checkpoint(self) -> bytes | None:
        """As LogSource. Raises StoreError."""
        try:
            row = open_store(self.url).read_sync(log_tree.latest)
        except StoreAltered:
            # SQLite lets a column hold another type than its own: there is one, and it is wrong.
            return b""
        return None if row is None else row.note

    def tile(self, tile: Tile) -> bytes | None:
        """As LogSource; the row may be wider by now. Raises StoreError."""
        try:
            row = open_store(self.url).read_sync(
                lambda conn: log_tree.tile(conn, tile.level, tile.index)
            )
        except StoreAltered:
            return b""
        return None if row is None else row.data[: tile.width * 32]

    def leaves(self, index: int, width: int) -> Sequence[bytes | None] | None:
        """As LogSource. Raises StoreError, ArchiveUnavailable."""
        start = index * TILE_WIDTH

        def look(conn: Connection) -> dict[int, bytes] | BundleRow:
            if index < log_archive.count(conn):
                return log_archive.bundle(conn, index)
            there = log_tree.leaves_there(conn, start, width)
            # It may have been moved between the two statements.
            return look(conn) if index < log_archive.count(conn) else there

        try:
            found = open_store(self.url).read_sync(look)
        except StoreAltered as error:
            raise TileInvalid("a value of another type") from error
        if isinstance(found, BundleRow):
            return self._archived(found)[:width]
        if any(len(leaf) > 0xFFFF for leaf in found.values()):
            raise TileInvalid("an entry has more bytes than any event")
        return [found.get(start + n) for n in range(width)]

    def _archived(self, row: BundleRow) -> list[bytes]:
        try:
            return self.archive().leaves(row)
        except ArchiveDamaged as damaged:
            raise TileInvalid(damaged.why) from damaged

    def archive(self) -> Archive:
        """The archive."""
        return Archive(self.blobs)


def start_method(source: LogSource) -> str:
    """How worker processes are started that read a source. Forked where that can be: they begin at
    once, and have opened nothing of ours; what reads from S3 does not outlive a fork."""
    if isinstance(source, StoreSource) and isinstance(source.blobs, S3Blobs):
        return "spawn"
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"


def open_store(url: str) -> Database:
    """The database of this process. A forked worker opens its own: a connection is not shared."""
    return _open(url, os.getpid())


@lru_cache(maxsize=4)
def _open(url: str, _process: int) -> Database:
    return Database(url, role="full")
