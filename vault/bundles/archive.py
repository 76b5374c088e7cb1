"""The tar of a bundle, written piece by piece: nothing of it is held but the hashes of its files.

POSIX.1-1988 ustar with one spelling: regular files of mode 0644, no owner, all of one time, each
padded with zeros to 512 bytes, two blocks of zeros at the end and nothing behind them. So whoever
reads it can write it anew and compare: no byte of it is free.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from vault.bundles.manifest import MANIFEST, NOTE, FileEntry, Manifest, ManifestSigner

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
_SECOND: Final = 1_000_000


def header(path: str, size: int, seconds: int) -> bytes:
    """The block in front of a file. Raises ValueError for a path that ustar cannot name (100
    bytes, or 155 and 100 around a slash), and for more than 8 GiB."""
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, seconds, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """The zeros behind a file of that size."""
    return bytes(-size % BLOCK)


def tar_size(sizes: Iterable[int]) -> int:
    """Bytes of a tar of files of these sizes."""
    return sum(BLOCK + size + -size % BLOCK for size in sizes) + len(END)


class Archive:
    """A bundle in the making. What its methods return is to be written in that order.

    `about` is the manifest without its files. A file is either given whole (`file`), or begun with
    its size, given in parts, and ended by the next one or by `finish`. `manifest_sha256` is set by
    then: by it a bundle is known.
    """

    def __init__(self, about: Manifest) -> None:
        self._about = about
        self._seconds = about.made_at // _SECOND
        self._files: dict[str, FileEntry] = {}
        self._path = ""
        self._size = self._left = 0
        self._digest = sha256()
        self.manifest_sha256 = b""

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """The files that are in it by now."""
        return tuple(self._files.values())

    def file(self, path: str, data: bytes) -> bytes:
        """A whole file."""
        return self.begin(path, len(data)) + self.part(data)

    def begin(self, path: str, size: int) -> bytes:
        """Begin a file of `size` bytes. Raises ValueError for a path that is there already, and
        while the file before lacks bytes."""
        before = self._end()
        if path in self._files or path in (MANIFEST, NOTE):
            raise ValueError(f"the bundle has a {path} already")
        head = header(path, size, self._seconds)
        self._path, self._size, self._left, self._digest = path, size, size, sha256()
        return before + head

    def part(self, data: bytes) -> bytes:
        """Some bytes of the file that was begun. Raises ValueError for more than it has."""
        if len(data) > self._left:
            raise ValueError(f"{self._path} has more bytes than were announced")
        self._left -= len(data)
        self._digest.update(data)
        return data

    def finish(self, signer: ManifestSigner) -> bytes:
        """The manifest of all files, its signature, and the end."""
        before = self._end()
        manifest = replace(self._about, files=self.files).encode()
        note = signer.sign(manifest)
        self.manifest_sha256 = sha256(manifest).digest()
        return (
            before
            + b"".join(
                part
                for path, data in ((MANIFEST, manifest), (NOTE, note))
                for part in (header(path, len(data), self._seconds), data, padding(len(data)))
            )
            + END
        )

    def _end(self) -> bytes:
        if self._left:
            raise ValueError(f"{self._path} lacks {self._left} bytes")
        if not self._path:
            return b""
        entry = FileEntry(self._path, self._size, self._digest.digest())
        self._files[self._path] = entry
        self._path = ""
        return padding(entry.size)
