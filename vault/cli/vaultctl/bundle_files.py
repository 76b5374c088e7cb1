"""Files of bundles: keys that are read, and what is written under a name only once it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vault.bundles import Recipient, RecipientKey, RecipientRefused
from vault.cli.vaultctl import options
from vault.cli.vaultctl.durable import sync_folder
from vault.cli.vaultctl.failures import INPUT, CommandError

_MAX_KEY = 1 << 16


def recipient(path: Path) -> Recipient:
    """The public key in a file. Raises CommandError."""
    try:
        return Recipient.of_pem(_read(path))
    except RecipientRefused:
        raise CommandError(
            f"{path} is no recipient's public key: make a pair with `vaultctl bundle keygen`, or "
            "with `openssl genpkey -algorithm X25519`.",
            f"{path} 不是接收方公钥：请用 `vaultctl bundle keygen` 或 "
            "`openssl genpkey -algorithm X25519` 生成密钥对。",
            INPUT,
        ) from None


def private_key(path: Path) -> RecipientKey:
    """The private key in a file. Raises CommandError."""
    try:
        return RecipientKey.of_pem(_read(path))
    except RecipientRefused:
        raise CommandError(
            f"{path} is no recipient's private key in PEM without a password.",
            f"{path} 不是无口令的 PEM 接收方私钥。",
            INPUT,
        ) from None


def require_new(path: Path) -> None:
    """Raises CommandError where something is at `path`: nothing is written over."""
    if path.exists() or path.is_symlink():
        raise CommandError(
            f"{path} is there already, and is not written over: name another file.",
            f"{path} 已存在，不会被覆盖：请指定其他文件。",
            INPUT,
        )


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner reads, under its name once all is in it and durable; what was
    broken off is removed. Raises CommandError."""
    require_new(path)
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(
            part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            with os.fdopen(descriptor, "w+b") as file:
                os.fchmod(file.fileno(), 0o600)
                yield file
                file.flush()
                os.fsync(file.fileno())
            require_new(path)
            part.rename(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise options.unreadable(path, error) from None


def write_whole(path: Path, pieces: Iterable[bytes]) -> int:
    """Write such a file; how many bytes it has."""
    size = 0
    with whole_file(path) as file:
        for piece in pieces:
            size += file.write(piece)
    return size


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """A file from its place on, a mebibyte at a time."""
    while piece := file.read(1 << 20):
        yield piece


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY)
    except OSError as error:
        raise options.unreadable(path, error) from None
