"""Objects in a local folder: an object is a file, its name a path.

Written by our own hands rather than by obstore, which names a file before its bytes are on the
disk: after a loss of power there would be an object that is not whole, and it could not be put
again, since no name is taken twice.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

from vault.blobs.errors import BlobDamaged, BlobExists, BlobMissing, BlobsUnavailable
from vault.blobs.port import (
    PIECE_BYTES,
    BlobEntry,
    is_name,
    require_name,
    require_object,
    require_prefix,
    require_range,
)

_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
# No object's name begins with a dot.
_INCOMING: Final = ".incoming"
_LEFT_BEHIND_SECONDS: Final = 3_600.0
# Of a name, or of a folder on the way to it.
_NOT_THERE: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FolderBlobs:
    """Objects in `folder`, which must be there: a volume that is not mounted is not replaced by an
    empty folder. Its file system must know hard links."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._swept = False

    def __repr__(self) -> str:
        return "FolderBlobs()"

    def put(self, name: str, content: bytes) -> None:
        """As Blobs. The bytes are synced before they have a name; then the name is, and every
        folder on the way to it."""
        require_object(name, content)
        try:
            self._sweep()
            incoming = self._write(content)
            try:
                self._give_name(incoming, self._folder / name)
            finally:
                incoming.unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(error) from error

    def get(self, name: str) -> Iterator[bytes]:
        """As Blobs."""
        return _pieces(*self._open(name))

    def get_range(self, name: str, offset: int, size: int) -> bytes:
        """As Blobs."""
        require_range(name, offset, size)
        file, _ = self._open(name)
        with file:
            return _read(file, offset, size)

    def size(self, name: str) -> int:
        """As Blobs."""
        file, size = self._open(name)
        file.close()
        return size

    def delete(self, name: str) -> None:
        """As Blobs."""
        require_name(name)
        path = self._folder / name
        try:
            path.unlink()
            _sync_folder(path.parent)
        except _NOT_THERE as error:
            if not self._folder.is_dir():
                raise _unavailable(error) from error
        except OSError as error:
            raise _unavailable(error) from error

    def list(self, prefix: str = "", after: str = "") -> Iterator[BlobEntry]:
        """As Blobs."""
        require_prefix(prefix)
        self.check()
        return self._walk(prefix, after)

    def check(self) -> None:
        """As Blobs."""
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise BlobsUnavailable("the folder of objects is not there, or not ours to write")

    def _open(self, name: str) -> tuple[FileIO, int]:
        """The object's file, and its bytes."""
        require_name(name)
        try:
            file = FileIO(self._folder / name, opener=_open_file)
            return file, os.fstat(file.fileno()).st_size
        except _NOT_THERE as error:
            # Without its folder nothing can be said of the object.
            if self._folder.is_dir():
                raise BlobMissing("an object is missing") from error
            raise _unavailable(error) from error
        except OSError as error:
            raise _unavailable(error) from error

    def _write(self, content: bytes) -> Path:
        """A synced file that is no object yet."""
        folder = self._folder / _INCOMING
        with suppress(FileExistsError):
            folder.mkdir(_PRIVATE_FOLDER)
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return path

    def _give_name(self, incoming: Path, path: Path) -> None:
        folders = [folder for folder in path.parents if folder.is_relative_to(self._folder)]
        for folder in reversed(folders[:-1]):
            with suppress(FileExistsError):
                folder.mkdir(_PRIVATE_FOLDER)
        try:
            # Unlike a rename, a link never takes another's name.
            os.link(incoming, path)
        except FileExistsError as error:
            raise BlobExists("there is an object of that name") from error
        for folder in folders:
            _sync_folder(folder)

    def _sweep(self) -> None:
        """Once in a life: remove what processes that were killed had begun to write."""
        if self._swept:
            return
        self._swept = True
        before = time.time() - _LEFT_BEHIND_SECONDS
        with suppress(FileNotFoundError):
            for file in (self._folder / _INCOMING).iterdir():
                if file.stat().st_mtime < before:
                    file.unlink(missing_ok=True)

    def _walk(self, prefix: str, after: str) -> Iterator[BlobEntry]:
        try:
            with os.scandir(self._folder / prefix) as found:
                inside = [
                    prefix + one.name + ("/" if one.is_dir(follow_symlinks=False) else "")
                    for one in found
                    if is_name(prefix + one.name)
                ]
        except _NOT_THERE:
            # Deleted meanwhile; or nothing has ever begun so.
            return
        except OSError as error:
            raise _unavailable(error) from error
        # A folder's slash takes part, so that the whole comes in the order of whole names.
        for name in sorted(inside):
            if name.endswith("/"):
                if name > after or after.startswith(name):
                    yield from self._walk(name, after)
            elif name > after:
                with suppress(FileNotFoundError):
                    facts = (self._folder / name).lstat()
                    yield BlobEntry(name, facts.st_size, facts.st_mtime_ns // 1_000)


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)


def _pieces(file: FileIO, size: int) -> Iterator[bytes]:
    with file:
        for offset in range(0, size, PIECE_BYTES):
            yield _read(file, offset, min(PIECE_BYTES, size - offset))


def _read(file: FileIO, offset: int, size: int) -> bytes:
    read = bytearray()
    try:
        while len(read) < size:
            piece = os.pread(file.fileno(), size - len(read), offset + len(read))
            if not piece:
                raise BlobDamaged("an object ends before it should")
            if len(piece) == size:
                return piece
            read += piece
    except OSError as error:
        raise _unavailable(error) from error
    return bytes(read)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> BlobsUnavailable:
    # Its own text holds the whole path.
    why = error.strerror or type(error).__name__
    return BlobsUnavailable(f"the folder of objects cannot serve now ({why})")
