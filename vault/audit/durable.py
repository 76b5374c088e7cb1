"""Small files that are there whole or not at all, whatever crashes when.

Written under another name, synced, given their name, and the folder synced. A crash may leave a
draft, `.name.<random>`, which nothing reads.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from vault.audit.note import MAX_NOTE_BYTES

_PRIVATE: Final = 0o600


def read_whole(path: Path) -> bytes | None:
    """The content, of which a note's length and one byte; None where there is none. Raises
    OSError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except FileNotFoundError:
        return None


def write_whole(folder: Path, name: str, content: bytes) -> None:
    """Put a file of mode 0600 there, in the place of one that is. Durable on return. Raises
    OSError; then the old one is there, or the new one whole."""
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder / name)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make names given in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
