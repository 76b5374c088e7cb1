"""Key-encryption keys as local files: reading them strictly, making them safely.

Format, one file a KEK, `{kek}.kek`, JSON (UTF-8), the newest version last:

    {"format": "recordsvault-kek-v1", "kek": "full",
     "versions": [{"version": "1", "created": "2026-01-01T00:00:00Z", "key": "<base64, 32 bytes>"}]}

A file must be a regular file of this process's own user with no permission bit beyond 0600, in a
folder that only its owner (this user or root) can write to. What is wider is refused, not mended:
whoever could read it may have read it.
"""

import base64
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vault.kms.errors import KeyFileRefused, KmsUnavailable
from vault.kms.port import KekName

FORMAT = "recordsvault-kek-v1"
KEK_BYTES = 32
MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KekVersion:
    """One version of a KEK. `key` is the reader's to wipe."""

    version: str
    key: bytearray = field(repr=False)


def read_kek(directory: Path, kek: KekName) -> list[KekVersion]:
    """The versions of `kek` in `directory`, newest last; none where this node has no such file.

    Raises KeyFileRefused if folder or file is open to others or is no key file, KmsUnavailable if
    it cannot be read.
    """
    path = directory / f"{kek.value}.kek"
    with _key_folder(directory) as folder:
        content = _read_private(folder, path)
    return [] if content is None else _parse(content, kek, path)


def create_local_keks(directory: Path, keks: Iterable[KekName]) -> None:
    """Make a new key file for each of `keks`; the folder is made with mode 0700 where absent.

    A file appears whole and synced, or not at all; one that is there already is never replaced.
    Raises KeyFileRefused if it is there, or if the folder is open to others.
    """
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        _sync_folder(directory.parent)
    with _key_folder(directory) as folder:
        for kek in keks:
            _create(folder, directory / f"{kek.value}.kek", _new_content(kek))


@contextmanager
def _key_folder(directory: Path) -> Iterator[int]:
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


def _read_private(folder: int, path: Path) -> bytes | None:
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


def _parse(content: bytes, kek: KekName, path: Path) -> list[KekVersion]:
    def refused(why: str) -> KeyFileRefused:
        return KeyFileRefused(f"{path} is no {FORMAT} file: {why}; restore it from its backup")

    try:
        document: Any = json.loads(content)
        if document["format"] != FORMAT:
            raise refused("another format")
        if document["kek"] != kek.value:
            # A key renamed into another's place would join the branches that must never meet.
            raise refused(f"it does not hold the KEK {kek.value!r}")
        versions = [
            KekVersion(str(entry["version"]), bytearray(base64.b64decode(entry["key"], None, True)))
            for entry in document["versions"]
        ]
    # `from None`: the errors of the parsers quote what they read, which here is a key.
    except (ValueError, LookupError, TypeError, RecursionError):
        raise refused("malformed") from None
    if not versions:
        raise refused("it holds no version")
    if len({version.version for version in versions}) != len(versions):
        raise refused("two versions have one name")
    if any(len(version.key) != KEK_BYTES for version in versions):
        raise refused(f"a key is not {KEK_BYTES} bytes long")
    return versions


def _new_content(kek: KekName) -> bytes:
    version = {
        "version": "1",
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key": base64.b64encode(secrets.token_bytes(KEK_BYTES)).decode("ascii"),
    }
    document = {"format": FORMAT, "kek": kek.value, "versions": [version]}
    return json.dumps(document, indent=2).encode("ascii") + b"\n"


def _create(folder: int, path: Path, content: bytes) -> None:
    draft = f".{path.name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # The name is given only to the synced whole, and link() fails where it is taken: a crash
        # before it leaves a draft that nothing reads, a crash after it leaves the key.
        os.link(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        raise KeyFileRefused(f"{path} exists: a key file is never replaced") from None
    finally:
        os.unlink(draft, dir_fd=folder)
        os.fsync(folder)


def _sync_folder(directory: Path) -> None:
    with _closing(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as folder:
        os.fsync(folder)
