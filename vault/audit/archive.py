"""The log's archive: old events as entry bundles in the object store, read back and believed only
as far as their digest.

An object is a C2SP tlog-tiles entry bundle of 256 leaves under gzip (RFC 1952), as a tlog-tiles
server may send it; its name is the bundle's path with `.gz` behind it. `log_bundles` keeps its
SHA-256, the hash chain's value at its end and when the log took each event, so that an event comes
out of the archive as it went in.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from collections import OrderedDict
from hashlib import sha256
from typing import Final

from vault.audit.bundle_times import TimesInvalid, unpack_times
from vault.audit.chain import StoredEvent, extend
from vault.audit.tiles import (
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    TileInvalid,
    decode_bundle,
    encode_bundle,
    entries_path,
)
from vault.blobs import BlobDamaged, BlobMissing, Blobs, BlobsUnavailable
from vault.store.log_archive import BundleRow

_KEPT_BYTES: Final = 4 * 1024 * 1024
_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
_GZIP: Final = 16 + zlib.MAX_WBITS


class ArchiveUnavailable(Exception):
    """The archive cannot be reached now. Try again."""


class ArchiveDamaged(Exception):
    """An archived bundle is missing, or not what went in. `bundle` is its number."""

    def __init__(self, bundle: int, why: str) -> None:
        super().__init__(f"archived bundle {bundle}: {why}")
        self.bundle = bundle
        self.why = why


def object_name(bundle: int) -> str:
    """The name of a bundle's object."""
    return f"log/{entries_path(bundle, TILE_WIDTH)}.gz"


def pack(leaves: list[bytes]) -> bytes:
    """An object's content: always the same bytes for the same leaves."""
    return gzip.compress(encode_bundle(leaves), 9, mtime=0)


def unpack(content: bytes) -> list[bytes]:
    """The leaves of an object. Raises TileInvalid."""
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(content, _MAX_BUNDLE)
    except zlib.error as error:
        raise TileInvalid("not gzip") from error
    if reader.unconsumed_tail or not reader.eof:
        raise TileInvalid("an object of another length")
    return decode_bundle(plain)


class Archive:
    """Reads bundles; all methods block. A few are kept, since a page goes on where one ended."""

    def __init__(self, blobs: Blobs | None) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[StoredEvent, ...]] = OrderedDict()
        self._size = 0

    def content(self, row: BundleRow) -> bytes:
        """An object as it went in. Raises ArchiveUnavailable, ArchiveDamaged."""
        if self._blobs is None:
            raise ArchiveUnavailable("the log has an archive and no object store is configured")
        try:
            content = b"".join(self._blobs.get(object_name(row.bundle)))
        except BlobMissing as error:
            raise ArchiveDamaged(row.bundle, "the object is missing") from error
        except BlobDamaged as error:
            raise ArchiveDamaged(row.bundle, str(error)) from error
        except BlobsUnavailable as error:
            raise ArchiveUnavailable(str(error)) from error
        if sha256(content).digest() != row.sha256:
            raise ArchiveDamaged(row.bundle, "the object is not the one that was kept")
        return content

    def leaves(self, row: BundleRow) -> list[bytes]:
        """The leaves of a bundle, in order. Raises ArchiveUnavailable, ArchiveDamaged."""
        try:
            leaves = unpack(self.content(row))
        except TileInvalid as error:
            raise ArchiveDamaged(row.bundle, str(error)) from error
        if len(leaves) != TILE_WIDTH:
            raise ArchiveDamaged(row.bundle, f"it has {len(leaves)} entries")
        return leaves

    def events(self, row: BundleRow, before: bytes) -> tuple[StoredEvent, ...]:
        """The events of a bundle, in order; `before` is the chain's value in front of it.

        Raises ArchiveUnavailable; ArchiveDamaged, also where they do not continue the chain.
        """
        with self._lock:
            kept = self._kept.get(row.sha256)
            if kept is not None and kept[0].position == row.bundle * TILE_WIDTH + 1:
                self._kept.move_to_end(row.sha256)
                return kept
        leaves = self.leaves(row)
        try:
            times = unpack_times(row.times, TILE_WIDTH)
        except TimesInvalid as error:
            raise ArchiveDamaged(row.bundle, str(error)) from error
        events = []
        chain = before
        for n, (leaf, time) in enumerate(zip(leaves, times, strict=True), 1):
            chain = extend(chain, leaf)
            events.append(StoredEvent(row.bundle * TILE_WIDTH + n, time, leaf, chain))
        if chain != row.chain:
            raise ArchiveDamaged(row.bundle, "its entries do not continue the log's chain")
        found = tuple(events)
        with self._lock:
            if row.sha256 not in self._kept:
                self._kept[row.sha256] = found
                self._size += _bytes_of(found)
            while self._size > _KEPT_BYTES and len(self._kept) > 1:
                self._size -= _bytes_of(self._kept.popitem(last=False)[1])
        return found


def _bytes_of(events: tuple[StoredEvent, ...]) -> int:
    return sum(len(event.leaf) for event in events)
