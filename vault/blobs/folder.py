"""Objects in a local folder, through obstore: an object is a file, its name a path."""

import os
import re
from pathlib import Path
from typing import Final

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from vault.blobs.errors import BlobMissing, BlobsUnavailable

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*")
_PRIVATE: Final = 0o600


class FolderBlobs:
    """Objects in `folder`, which must be there: a volume that is not mounted is not replaced by an
    empty folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return "FolderBlobs()"

    def put(self, name: str, content: bytes) -> None:
        """As Blobs. The file and every folder on the way to it are synced, which obstore does
        not do."""
        _require(name)
        path = self._folder / name
        try:
            LocalStore(self._folder).put(name, content)
            path.chmod(_PRIVATE)
            _sync(path, os.O_RDONLY)
            for folder in path.parents:
                _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
                if folder == self._folder:
                    break
        except (OSError, BaseError) as error:
            raise _unavailable(error) from error

    def get(self, name: str) -> bytes:
        """As Blobs."""
        _require(name)
        try:
            return bytes(LocalStore(self._folder).get(name).bytes())
        except FileNotFoundError as error:
            # Without its folder nothing can be said of the object.
            if self._folder.is_dir():
                raise BlobMissing("an object is missing") from error
            raise _unavailable(error) from error
        except (OSError, BaseError) as error:
            raise _unavailable(error) from error

    def check(self) -> None:
        """As Blobs."""
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise BlobsUnavailable("the folder of objects is not there, or not ours to write")


def _require(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("not the name of an object")


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: Exception) -> BlobsUnavailable:
    # obstore's own texts hold the whole path, and how it got there.
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return BlobsUnavailable(f"the folder of objects cannot serve now ({why})")
