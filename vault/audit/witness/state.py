"""What a witness has cosigned last, on disk: a file a log, named by the hash of its origin.

<sha256 of the origin>               the checkpoint cosigned last, with the cosignature
<sha256 of the origin>.forgotten.N   what its operator made it forget; evidence, never read
"""

import fcntl
import hashlib
import os
from pathlib import Path

from vault.audit.checkpoint import CheckpointInvalid, UnverifiedCheckpoint, read_checkpoint
from vault.audit.durable import read_whole, sync_folder, write_whole


class StateUnusable(Exception):
    """The state cannot be read or written, so nothing may be signed. Says why."""


class StateFolder:
    """The folder, held by one process. Raises StateUnusable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StateUnusable(f"{folder}: {error.strerror}") from None
        try:
            # Two on one folder could sign two histories.
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._held)
            raise StateUnusable(f"{folder} is in use by another witness: stop that one") from None

    def close(self) -> None:
        """Let another process have it."""
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)

    def latest(self, origin: str) -> UnverifiedCheckpoint | None:
        """The checkpoint of a log that was cosigned last; None if there is none. It is our own
        file, and its signatures are not verified again.

        Raises StateUnusable, also for a file that is no checkpoint of that log: to take it for none
        would be to forget.
        """
        path = self._path(origin)
        try:
            content = read_whole(path)
        except OSError as error:
            raise StateUnusable(f"{path}: {error.strerror}") from None
        if content is None:
            return None
        try:
            found = read_checkpoint(content)
        except CheckpointInvalid:
            raise StateUnusable(f"{path} is damaged: restore it, or forget the log") from None
        if found.body.origin != origin:
            raise StateUnusable(f"{path} is of another log: restore it, or forget the log")
        return found

    def keep(self, origin: str, note: bytes) -> None:
        """Keep a cosigned checkpoint. Durable on return. Raises StateUnusable."""
        path = self._path(origin)
        try:
            write_whole(self._folder, path.name, note)
        except OSError as error:
            raise StateUnusable(f"{path}: {error.strerror}") from None

    def forget(self, origin: str) -> Path | None:
        """Begin anew with a log; where the evidence is, None if there was nothing to forget."""
        path = self._path(origin)
        number = len(list(self._folder.glob(f"{path.name}.forgotten.*"))) + 1
        aside = path.with_name(f"{path.name}.forgotten.{number}")
        try:
            path.rename(aside)
            sync_folder(self._folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateUnusable(f"{path}: {error.strerror}") from None
        return aside

    def _path(self, origin: str) -> Path:
        return self._folder / hashlib.sha256(origin.encode()).hexdigest()
