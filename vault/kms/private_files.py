"""Private key files and the folder they lie in: read strictly, made and replaced safely.

A file must be a regular file of this process's own user with no permission bit beyond 0600, in a
folder that only its owner (this user or root) can write to. What is wider is refused, not mended:
whoever could read it may have read it.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vault.kms.errors import KeyFileRefused, KmsUnavailable

MAX_FILE_BYTES = 1 << 20


@contextmanager
def key_folder(directory: Path) -> Iterator[int]:
    """A descriptor of the folder, once it is known that nobody else can put files in it."""
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KmsUnavailable(f"key folder {directory}: {error.strerror}") from None
    with _closing(opened) as folder:
        found = os.fstat(folder)
        if found.st_uid not in (os.geteuid(), 0):
            raise KeyFileRefused(f"{directory} belongs to another user: chown it to this one")
        if found.st_mode & 0o022:
            raise KeyFileRefused(f"others can write to {directory}: chmod go-w {directory}")
        yield folder


def read_private(folder: int, path: Path) -> bytes | None:
    """The file's content; None where there is none. `folder` is what `key_folder` gave.

    Raises KeyFileRefused, KmsUnavailable.
    """
    # O_NONBLOCK: a FIFO in the file's place must be refused, not waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.open(path.name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise KeyFileRefused(f"{path} is a link: put the key file itself there") from None
        raise KmsUnavailable(f"key file {path}: {error.strerror}") from None
    with _closing(opened) as descriptor:
        # Asked of the open file, so that nothing can be exchanged between the question and the use.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileRefused(f"{path} is not a regular file: put the key file itself there")
        if found.st_uid != os.geteuid():
            raise KeyFileRefused(f"{path} belongs to another user: chown it to this one")
        mode = stat.S_IMODE(found.st_mode)
        if mode & ~0o600:
            raise KeyFileRefused(f"{path} has mode {mode:04o}: chmod 600 {path}")
        if found.st_size > MAX_FILE_BYTES:
            raise KeyFileRefused(f"{path} is too large for a key file")
        try:
            return os.read(descriptor, MAX_FILE_BYTES)
        except OSError as error:
            raise KmsUnavailable(f"key file {path}: {error.strerror}") from None


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def create_private(folder: int, path: Path, content: bytes) -> None:
    """Make a file of mode 0600: whole and synced, or not at all. Raises KeyFileRefused if there is
    one."""
    draft = _draft(folder, path, content)
    try:
        # The name is given only to the synced whole, and link() fails where it is taken: a crash
        # before it leaves a draft that nothing reads, a crash after it leaves the key.
        os.link(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        raise KeyFileRefused(f"{path} exists: a key file is never replaced") from None
    finally:
        os.unlink(draft, dir_fd=folder)
        os.fsync(folder)


def replace_private(folder: int, path: Path, content: bytes) -> None:
    """Put a file of mode 0600 in the place of one: a reader, or a crash, sees the old or the new,
    whole."""
    os.rename(_draft(folder, path, content), path.name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _draft(folder: int, path: Path, content: bytes) -> str:
    draft = f".{path.name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        raise
    return draft


def make_key_folder(directory: Path) -> None:
    """Make the folder with mode 0700 where there is none."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    with _closing(os.open(directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as above:
        os.fsync(above)
