"""The log's latest checkpoint in a second place: a folder that whoever can set the database back
cannot reach.

    origin              the log's name: this folder is that log's and no other's
    checkpoint          the latest checkpoint, a C2SP signed note
    recoveries          how often a recovery has let the log go on from an earlier size
    approved            what was signed of the latest approved change of access, a signed note
    superseded/         what a recovery has put aside, one file each; never deleted
    .checkpoint.*       drafts that a crash has left; nothing reads them

A file is written under another name, synced, given its name, and the folder synced: a reader, and a
crash, sees the old one or the new one whole. Processes on one log take turns by a lock, and none
puts a smaller tree in the place of a larger one.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

from vault.audit.canonical import parse_decimal
from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.durable import read_whole, sync_folder, write_whole
from vault.audit.note import VerifierKey

T = TypeVar("T")
_ORIGIN: Final = "origin"
_LATEST: Final = "checkpoint"
_SUPERSEDED: Final = "superseded"
_RECOVERIES: Final = "recoveries"
_APPROVED: Final = "approved"


class SecondPlaceAway(Exception):
    """The place cannot be reached, read or written now. Says where and why."""


class SecondPlaceRefused(Exception):
    """What is in the place is not this log's, was tampered with, or contradicts what is to be
    written. Trying again does not help."""


class SecondPlace(Protocol):
    """Where the latest checkpoint is kept besides the database. Every method may block."""

    def begun(self) -> bool:
        """Whether this log has ever begun to use the place."""

    def begin(self) -> None:
        """Begin to use it for a log that has no event yet; nothing if that was done."""

    def read(self) -> bytes | None:
        """The note kept last, unverified; None where the log had no checkpoint yet."""

    def recoveries(self) -> int:
        """How often `supersede` was called for this log. It never becomes less."""

    def put(self, note: bytes) -> int:
        """Keep a checkpoint, unless one of a larger tree is kept; the size kept now."""

    def supersede(self, note: bytes | None) -> None:
        """Put what is kept aside as evidence, and keep `note` (or nothing) in its place."""


class FolderPlace:
    """A folder, by preference on another machine's disk.

    `verifiers` gives the log's public keys. Every method raises SecondPlaceAway where the folder
    cannot be used, SecondPlaceRefused where what is in it cannot be believed.
    """

    def __init__(
        self, folder: Path, origin: str, verifiers: Callable[[], Sequence[VerifierKey]]
    ) -> None:
        self.folder = folder
        self._origin = origin
        self._verifiers = verifiers

    def __repr__(self) -> str:
        return f"FolderPlace({self.folder})"

    def begun(self) -> bool:
        """As `SecondPlace.begun`. A folder that is not there is away, not empty."""
        return self._guarded(self._begun)

    def begin(self) -> None:
        """As `SecondPlace.begin`; makes the folder, but not the one above it."""

        def begin() -> None:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder.parent)
            with self._locked():
                if not self._begun():
                    write_whole(self.folder, _ORIGIN, f"{self._origin}\n".encode())

        self._guarded(begin)

    def read(self) -> bytes | None:
        """As `SecondPlace.read`."""
        return self._guarded(self._read)

    def recoveries(self) -> int:
        """As `SecondPlace.recoveries`."""
        return self._guarded(self._recoveries)

    def put(self, note: bytes) -> int:
        """As `SecondPlace.put`. Of one size there is one root: another is refused."""
        new = self._verified(note)

        def put() -> int:
            with self._locked():
                if not self._begun():
                    # A mount that has gone leaves such a folder; to begin in it would hide that.
                    raise SecondPlaceAway(f"{self.folder} is empty: is it mounted?")
                kept = self._read()
                if kept is not None:
                    old = self._verified(kept)
                    if old.size == new.size and old.root != new.root:
                        raise SecondPlaceRefused(
                            f"{self.folder} holds another tree of {old.size} entries"
                        )
                    if old.size >= new.size:
                        return old.size
                write_whole(self.folder, _LATEST, note)
                return new.size

        return self._guarded(put)

    def supersede(self, note: bytes | None) -> None:
        """As `SecondPlace.supersede`. The evidence is there before anything is replaced."""

        def supersede() -> None:
            with self._locked():
                # First of all: who sees that the log goes on must not be held to it any more.
                approved = self._read_approved()
                self._put_aside(_APPROVED, approved)
                if approved is not None:
                    (self.folder / _APPROVED).unlink()
                    sync_folder(self.folder)
                kept = self._read()
                self._put_aside(_LATEST, kept)
                write_whole(self.folder, _RECOVERIES, b"%d\n" % (self._recoveries() + 1))
                write_whole(self.folder, _ORIGIN, f"{self._origin}\n".encode())
                if note is not None:
                    write_whole(self.folder, _LATEST, note)
                elif kept is not None:
                    (self.folder / _LATEST).unlink()
                    sync_folder(self.folder)

        self._guarded(supersede)

    def approved(self) -> bytes | None:
        """The note of the latest approved change, unverified; None where none is kept."""
        return self._guarded(self._read_approved)

    def keep_approved(self, note: bytes, follows: Callable[[bytes], bool]) -> bool:
        """Keep what was signed of the latest approved change, if it `follows` what is kept; whether
        it does. Raises also what `follows` raises."""

        def keep() -> bool:
            with self._locked():
                if not self._begun():
                    raise SecondPlaceAway(f"{self.folder} is empty: is it mounted?")
                kept = self._read_approved()
                if kept is not None and not follows(kept):
                    return False
                if kept != note:
                    write_whole(self.folder, _APPROVED, note)
                return True

        return self._guarded(keep)

    # -- within ------------------------------------------------------------------------------

    def _begun(self) -> bool:
        self.folder.stat()
        found = read_whole(self.folder / _ORIGIN)
        if found is None:
            if read_whole(self.folder / _LATEST) is not None:
                raise SecondPlaceRefused(f"{self.folder} holds a checkpoint, but not whose it is")
            return False
        if found != f"{self._origin}\n".encode():
            raise SecondPlaceRefused(f"{self.folder} belongs to another log")
        return True

    def _read(self) -> bytes | None:
        self.folder.stat()
        return read_whole(self.folder / _LATEST)

    def _read_approved(self) -> bytes | None:
        self.folder.stat()
        return read_whole(self.folder / _APPROVED)

    def _put_aside(self, name: str, kept: bytes | None) -> None:
        if kept is None:
            return
        aside = self.folder / _SUPERSEDED
        aside.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.folder)
        write_whole(aside, f"{name}.{len(list(aside.iterdir())) + 1:04}", kept)

    def _recoveries(self) -> int:
        found = read_whole(self.folder / _RECOVERIES)
        if found is None:
            return 0
        try:
            return parse_decimal(found.decode("ascii").removesuffix("\n"))
        except ValueError:
            raise SecondPlaceRefused(f"{self.folder}/{_RECOVERIES} is no number") from None

    def _verified(self, note: bytes) -> Checkpoint:
        try:
            return verify_checkpoint(note, self._verifiers(), self._origin)
        except CheckpointInvalid as error:
            raise SecondPlaceRefused(f"{self.folder}: {error}") from error

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            raise SecondPlaceAway(f"{self.folder}: {error.strerror or 'error'}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
