"""Objects in an S3-compatible store, through obstore: a put is one conditional request, a read is
as many as there are pieces, each with a time-out of its own, so that a slow reader keeps none open.

The runtime beneath obstore does not outlive a fork: a process that has used one of these must not
fork workers that do so too. A pickled one opens anew where it is unpickled.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from vault.blobs import s3_lock
from vault.blobs.errors import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobLocked,
    BlobMissing,
    BlobsRefused,
    BlobsUnavailable,
)
from vault.blobs.port import (
    MAX_OBJECT_BYTES,
    BlobEntry,
    is_name,
    require_name,
    require_object,
    require_prefix,
    require_range,
)
from vault.blobs.s3_client import open_client
from vault.blobs.s3_errors import Refusal, refusal, unavailable
from vault.blobs.s3_place import S3Place
from vault.blobs.s3_waits import waits

# A sealed segment of a content (4 MiB and a little) comes by one request.
_PIECE: Final = 4 * 1024 * 1024 + 512 * 1024
# Shorter than the health check waits for a part.
_HURRY_SECONDS: Final = 3.0
_PAGE: Final = 1_000
# Metadata of an object: its digest, and which put it came by.
_DIGEST: Final = "vault-sha256"
_PUT: Final = "vault-put"

if TYPE_CHECKING:
    from obstore import ListStream, ObjectMeta


class S3Blobs:
    """Objects in a bucket, which must be there."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self._opening = threading.Lock()
        self._opened: dict[bool, S3Store] = {}
        self._lock_asked = place.lock is None
        self._hurried: S3Blobs | None = None

    def __repr__(self) -> str:
        return "S3Blobs()"

    def __reduce__(self) -> tuple[type[S3Blobs], tuple[S3Place]]:
        return S3Blobs, (self._place,)

    def put(self, name: str, content: bytes) -> None:
        """As Blobs. The store refuses bytes whose SHA-256 is not the one that was sent."""
        require_object(name, content)
        self.require_lock()
        mine = secrets.token_hex(16)
        facts = {_DIGEST: sha256(content).hexdigest(), _PUT: mine}
        for wait in waits(self._place):
            try:
                if self._put_once(name, content, facts):
                    return
                # Another has the name; or this very put has, whose first answer was lost.
                failed = None
            except BlobsUnavailable as error:
                failed = error
            try:
                by = self._put_of(name)
            except BlobsUnavailable as error:
                by, failed = None, failed or error
            if by == mine:
                return
            if by is not None:
                raise BlobExists("there is an object of that name")
            if wait is None or isinstance(failed, BlobsRefused):
                raise failed or BlobsUnavailable("the object store has the name, and no object")
            time.sleep(wait)

    def get(self, name: str) -> Iterator[bytes]:
        """As Blobs. BlobDamaged also where the bytes are not those of the digest that was put with
        them."""
        require_name(name)
        first, size, digest = self._first(name)
        return self._pieces(name, first, size, digest)

    def get_range(self, name: str, offset: int, size: int) -> bytes:
        """As Blobs."""
        require_range(name, offset, size)
        if size == 0:
            if self.size(name) < offset:
                raise BlobDamaged("an object ends before it should")
            return b""
        try:
            read = bytes(self._store().get_range(name, start=offset, length=size))
        except (BaseError, OSError) as error:
            if refusal(error) is Refusal.RANGE:
                raise BlobDamaged("an object ends before it should") from error
            raise self._failed(name, error) from error
        if len(read) != size:
            raise BlobDamaged("an object ends before it should")
        return read

    def size(self, name: str) -> int:
        """As Blobs."""
        require_name(name)
        try:
            return int(self._store().head(name)["size"])
        except (BaseError, OSError) as error:
            raise self._failed(name, error) from error

    def delete(self, name: str) -> None:
        """As Blobs. Where the bucket keeps versions, what is hidden now goes by its rules."""
        require_name(name)
        try:
            self._store().delete(name)
        except (BaseError, OSError) as error:
            if refusal(error) is Refusal.MISSING:
                return
            if refusal(error) is Refusal.DENIED and self._is_locked(name):
                raise BlobLocked("an object is kept until its lock ends") from error
            raise unavailable(error) from error

    def list(self, prefix: str = "", after: str = "") -> Iterator[BlobEntry]:
        """As Blobs."""
        require_prefix(prefix)
        # By segments, as obstore reads a prefix.
        pages = self._store().list(
            prefix.rstrip("/") or None, offset=after or None, chunk_size=_PAGE
        )
        return _entries(pages)

    def check(self) -> None:
        """As Blobs, once and for a few seconds. Asks for an object that is not there: with its
        answer the store says that it knows our key, and has the bucket."""
        with self._opening:
            if self._hurried is None:
                self._hurried = self.hurried()
        self._hurried.look()
        self._hurried.require_lock()

    def look(self) -> None:
        """As `check`, for as long as any request may take, and without asking for a lock."""
        try:
            self._store().get(f"check/{secrets.token_hex(8)}")
        except (BaseError, OSError) as error:
            if refusal(error) is not Refusal.MISSING:
                raise unavailable(error) from error

    def require_lock(self) -> None:
        """Where objects are to be locked: whether the bucket does so. Asked once. Raises
        NoObjectLock, BlobsUnavailable."""
        if not self._lock_asked:
            s3_lock.require_object_lock(self._place)
            self._lock_asked = True

    def hurried(self) -> S3Blobs:
        """The same, asked once and for a few seconds."""
        soon = min(_HURRY_SECONDS, self._place.timeout)
        return S3Blobs(replace(self._place, timeout=soon, attempts=1))

    def _put_once(self, name: str, content: bytes, facts: dict[str, str]) -> bool:
        """False where there is an object of that name."""
        how = self._place.lock
        if how is not None:
            full = self._place.prefix + name
            return s3_lock.put_locked(self._place, how, full, content, facts, datetime.now(UTC))
        try:
            store = self._store(again=False)
            store.put(name, content, mode="create", attributes=facts, use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise unavailable(error) from error
        return True

    def _put_of(self, name: str) -> str | None:
        """By which put an object came ("" where it does not say); None where there is none."""
        try:
            return self._attributes(name).get(_PUT, "")
        except BlobMissing:
            return None

    def _store(self, *, again: bool = True) -> S3Store:
        """obstore's own; with `again`, it makes requests again where they fail."""
        with self._opening:
            if again not in self._opened:
                self._opened[again] = open_client(self._place, self._place.attempts if again else 1)
            return self._opened[again]

    def _first(self, name: str) -> tuple[bytes, int, str]:
        """The first piece of an object, its size, and its digest if it has one."""
        try:
            found = obstore.get(self._store(), name, options={"range": (0, _PIECE)})
            size, attributes = int(found.meta["size"]), found.attributes
            return bytes(found.bytes()), size, attributes.get(_DIGEST, "")
        except (BaseError, OSError) as error:
            # Of an object without bytes there is no range.
            if refusal(error) is Refusal.RANGE and self.size(name) == 0:
                return b"", 0, self._attributes(name).get(_DIGEST, "")
            raise self._failed(name, error) from error

    def _pieces(self, name: str, first: bytes, size: int, digest: str) -> Iterator[bytes]:
        if len(first) != min(size, _PIECE):
            raise BlobDamaged("an object ends before it should")
        if size > MAX_OBJECT_BYTES:
            raise BlobDamaged("an object is larger than any that was put")
        seen, at = sha256(), 0
        piece = first
        while True:
            seen.update(piece)
            at += len(piece)
            # The last bytes stay back until all are known to be right.
            if at == size:
                break
            yield piece
            piece = self.get_range(name, at, min(_PIECE, size - at))
        if digest and seen.hexdigest() != digest:
            raise BlobDamaged("the bytes of an object are not those that were put")
        if piece:
            yield piece

    def _attributes(self, name: str) -> dict[str, str]:
        try:
            return dict(obstore.get(self._store(), name, options={"head": True}).attributes)
        except (BaseError, OSError) as error:
            raise self._failed(name, error) from error

    def _failed(self, name: str, error: Exception) -> BlobError:
        """Missing, or away? HEAD is answered without a text that tells: ask again by GET."""
        why = refusal(error)
        if why is Refusal.NO_TEXT:
            try:
                self._store().get(name)
            except (BaseError, OSError) as again:
                error, why = again, refusal(again)
        return BlobMissing("an object is missing") if why is Refusal.MISSING else unavailable(error)

    def _is_locked(self, name: str) -> bool:
        until = s3_lock.locked_until(self._place, self._place.prefix + name)
        return until is not None and until > datetime.now(UTC)


def _entries(pages: ListStream[Sequence[ObjectMeta]]) -> Iterator[BlobEntry]:
    while True:
        try:
            page = next(pages)
        except StopIteration:
            return
        except (BaseError, OSError) as error:
            raise unavailable(error) from error
        for one in page:
            if is_name(one["path"]):
                put_at = int(one["last_modified"].timestamp() * 1_000_000)
                yield BlobEntry(one["path"], int(one["size"]), put_at)
