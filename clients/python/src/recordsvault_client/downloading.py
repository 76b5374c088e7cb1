"""A download by stream: its bytes in order, and where they are written."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from recordsvault.records.v1 import content_pb2 as pb
from recordsvault_masked.errors import ProtocolError

Target = str | PathLike[str] | BinaryIO
"""A path, where no file is yet; or a file object to write to."""


class Download:
    """One download; `position` is where the next bytes begin, `content` what is downloaded, once
    that is known."""

    def __init__(self, request: pb.DownloadDocumentRequest) -> None:
        self._request = request
        self._hash = hashlib.sha256() if not request.offset else None
        self.position = request.offset
        self.content: pb.Content | None = None

    @property
    def end(self) -> int | None:
        """Behind the last byte that is wanted; None while that is not known."""
        if self._request.length:
            return self._request.offset + self._request.length
        return None if self.content is None else self.content.size

    @property
    def total(self) -> int:
        """How many bytes are wanted; 0 while that is not known."""
        return 0 if self.end is None else self.end - self._request.offset

    @property
    def done(self) -> int:
        """How many of them have come."""
        return self.position - self._request.offset

    @property
    def over(self) -> bool:
        """Whether all have come."""
        return self.content is not None and self.position == self.end

    def request(self) -> pb.DownloadDocumentRequest:
        """The request for the rest; of the version whose first bytes have come."""
        rest = pb.DownloadDocumentRequest()
        rest.CopyFrom(self._request)
        if self.content is not None and self.end is not None:
            rest.version = self.content.version
            rest.offset = self.position
            rest.length = self.end - self.position
        return rest

    def take(self, answer: pb.DownloadDocumentResponse) -> bytes:
        """The bytes of an answer. Raises ProtocolError for what does not fit what came before."""
        if answer.HasField("content"):
            if self.content is None:
                self.content = answer.content
            elif answer.content != self.content:
                raise mismatch()
        end = self.end
        if (
            self.content is None
            or end is None
            or answer.offset != self.position
            or self.position + len(answer.data) > end
        ):
            raise mismatch()
        self.position += len(answer.data)
        if self._hash is not None:
            self._hash.update(answer.data)
            if self.position == self.content.size and self._hash.digest() != self.content.sha256:
                raise mismatch()
        return answer.data


def mismatch() -> ProtocolError:
    """The bytes are not those of the content."""
    return ProtocolError(
        {
            "en": "What came is not the content that the vault said it was.",
            "zh": "收到的字节与保管库所述的内容不符。",
        },
        reason="CONTENT_MISMATCH",
    )


@contextmanager
def written(target: Target) -> Iterator[BinaryIO]:
    """Where the bytes go. A file gets its name when it is whole and synced, and is for its owner
    alone to read. Raises OSError; FileExistsError where there is a file already."""
    if not isinstance(target, str | PathLike):
        yield target
        return
    path = Path(target)
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never takes another's name.
        os.link(part, path)
    finally:
        with suppress(OSError):
            part.unlink()
