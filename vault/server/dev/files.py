"""Files that appear whole or not at all, with the mode they are meant to have."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


class DevFolderUnusable(Exception):
    """The folder of a development vault cannot be used; says why and how to mend it."""


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, with its parents; leave one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def create(path: Path, data: bytes, mode: int) -> bool:
    """Write a new file; False, and nothing done, if there is one already."""
    draft = _draft(path, data, mode)
    try:
        # link() fails where the name is taken, so of two starters one makes the file.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
        _sync(path.parent)
    return True


def replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file in the place of one that is there: a reader sees the old or the new."""
    _draft(path, data, mode).replace(path)
    _sync(path.parent)


def _draft(path: Path, data: bytes, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        # The mode at creation went through the umask, which may be narrower or wider than meant.
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
