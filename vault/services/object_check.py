"""Compares the rows that name objects with the objects that are there, both ways. Nothing is
changed.

    1. the names in all rows are noted, in a private temporary file, so that memory stays flat
    2. the listing of the store goes by beside them, both in the order of names
    3. whatever does not fit is looked at again, in the rows and by its name in the store: uploads
       and sweeps go on meanwhile, and a store may list late what it has
    4. the rows of each content's segments are held against the digest in the content's own row,
       which an event of the log covers (`vaultctl audit verify --live`)

What lies beside the objects of the vault is not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from vault.audit.archive import object_name
from vault.audit.tiles import TILE_WIDTH, TileInvalid, parse_entries_path
from vault.blobs import BlobDamaged, BlobEntry, BlobMissing, Blobs
from vault.sealing import SUITES, stream
from vault.store import Database, log_archive, objects, uploads
from vault.store.contents import MaskedContentRow, segments_digest
from vault.store.uploads import SegmentRow

PREFIXES: Final = ("contents/", "log/tile/entries/")
"""The objects of documents' contents, and of the log's archive."""
_PAGE: Final = 2_000
# The archive puts an object before the row that names it; the store's clock may be behind.
_UNDER_WAY: Final = 300_000_000


class ObjectFault(StrEnum):
    """What is wrong with an object."""

    MISSING = "missing"
    ORPHANED = "orphaned"
    WRONG_SIZE = "wrong_size"
    DAMAGED = "damaged"
    SEGMENTS = "segments"
    """Of a content: the rows of its segments are not those that its own row covers."""


@dataclass(frozen=True, slots=True)
class ObjectFinding:
    """One fault: of the object of that name, and of what names it (empty for an orphan); of rows
    there is no object. Sizes in bytes, None where there is none, or none is known."""

    fault: ObjectFault
    object: str
    place: str = ""
    expected: int | None = None
    found: int | None = None


@dataclass(slots=True)
class ObjectCounts:
    """What was looked at: contents; names in rows, of which so many are of uploads that are not
    done; objects in the store, and their bytes; those that came meanwhile."""

    contents: int = 0
    named: int = 0
    unfinished: int = 0
    objects: int = 0
    bytes: int = 0
    newer: int = 0


@dataclass(frozen=True, slots=True)
class _Named:
    """What a row says of an object. ``durable`` is whether it must be there; a size or a digest may
    not be known."""

    name: str
    place: str
    size: int | None
    digest: bytes
    durable: bool


Told = Callable[[int, int], None]


class ObjectCheck:
    """One comparison; its methods block. ``counts`` grows while it runs."""

    def __init__(self, database: Database, blobs: Blobs, now: int) -> None:
        self._database = database
        self._blobs = blobs
        self._began = now
        self.counts = ObjectCounts()

    def run(
        self,
        *,
        read: bool = False,
        rows_told: Told = lambda *_: None,
        objects_told: Told = lambda *_: None,
    ) -> Iterator[ObjectFinding]:
        """Every fault. With `read`, every object is read and its digest compared. The callbacks are
        told (done, of how many; 0 while that is not known). Raises StoreError, BlobsUnavailable."""
        with closing(sqlite3.connect("")) as noted:
            noted.execute("CREATE TABLE n (name TEXT PRIMARY KEY, place, size, digest, durable)")
            self._note(noted, rows_told)
            total = self.counts.named
            orphans: list[BlobEntry] = []
            for done, (row, entry) in enumerate(_beside(_rows(noted), self._listed()), 1):
                if entry is None and row is not None:
                    yield from self._missing(row)
                elif entry is not None:
                    self.counts.objects += 1
                    self.counts.bytes += entry.size
                    if row is None:
                        orphans.append(entry)
                        if len(orphans) == _PAGE:
                            yield from self._orphaned(orphans)
                            orphans = []
                    elif row.durable:
                        yield from self._compare(row, entry, read=read)
                objects_told(done, max(total, done))
            yield from self._orphaned(orphans)
        yield from self._uncovered()

    def _note(self, noted: sqlite3.Connection, told: Told) -> None:
        def keep(rows: Iterable[_Named]) -> None:
            values = [(r.name, r.place, r.size, r.digest, r.durable) for r in rows]
            noted.executemany("INSERT OR REPLACE INTO n VALUES (?, ?, ?, ?, ?)", values)
            self.counts.named += len(values)
            self.counts.unfinished += sum(not r[4] for r in values)
            told(self.counts.named, 0)

        last: SegmentRow | None = None
        while page := self._database.read_sync(
            partial(objects.segments_after, last=last, limit=_PAGE)
        ):
            keep(map(_of_segment, page))
            last = page[-1]
        bundles = self._database.read_sync(log_archive.count)
        for start in range(0, bundles, _PAGE):
            keep(self._bundles(start, min(bundles, start + _PAGE)))

    def _bundles(self, start: int, end: int) -> list[_Named]:
        def look(conn: Connection) -> list[_Named]:
            return [
                _Named(object_name(n), f"log/bundles/{n}", None, one.sha256, durable=True)
                for n in range(start, end)
                for one in (log_archive.bundle(conn, n),)
            ]

        return self._database.read_sync(look)

    def _listed(self) -> Iterator[BlobEntry]:
        for prefix in PREFIXES:
            yield from self._blobs.list(prefix)

    def _missing(self, row: _Named) -> Iterator[ObjectFinding]:
        if not row.durable:
            return
        try:
            found = self._blobs.size(row.name)
        except BlobMissing:
            if (now := self._named_now(row)) is not None and now.durable:
                yield ObjectFinding(ObjectFault.MISSING, row.name, row.place, row.size)
        else:
            self.counts.objects += 1
            self.counts.bytes += found
            yield from self._compare(row, BlobEntry(row.name, found, 0), read=False)

    def _compare(self, row: _Named, entry: BlobEntry, *, read: bool) -> Iterator[ObjectFinding]:
        if row.size is not None and row.size != entry.size:
            yield ObjectFinding(ObjectFault.WRONG_SIZE, row.name, row.place, row.size, entry.size)
        elif read and not self._is_right(row):
            yield ObjectFinding(ObjectFault.DAMAGED, row.name, row.place, row.size, entry.size)

    def _is_right(self, row: _Named) -> bool:
        digest = sha256()
        try:
            for piece in self._blobs.get(row.name):
                digest.update(piece)
        except BlobDamaged:
            return False
        except BlobMissing:
            # Deleted since it was listed: by a sweep, or else it is damage that is told of.
            now = self._named_now(row)
            return now is None or not now.durable
        return digest.digest() == row.digest

    def _named_now(self, row: _Named) -> _Named | None:
        """What the rows say of an object by now."""
        if row.name.startswith(PREFIXES[1]):
            return row
        found = self._database.read_sync(lambda conn: objects.segments_named(conn, [row.name]))
        return _of_segment(found[0]) if found else None

    def _orphaned(self, entries: Sequence[BlobEntry]) -> Iterator[ObjectFinding]:
        """Of objects that no row named: those that none names now, either."""
        names = [entry.name for entry in entries]
        found = self._database.read_sync(lambda conn: objects.segments_named(conn, names))
        named = {row.object for row in found}
        bundles = self._database.read_sync(log_archive.count)
        for entry in entries:
            if entry.name in named or self._is_of_the_archive(entry, bundles):
                self.counts.newer += 1
                continue
            try:
                size = self._blobs.size(entry.name)
            except BlobMissing:
                # A sweep has taken it; or the listing told of what was gone.
                self.counts.objects -= 1
                self.counts.bytes -= entry.size
                continue
            yield ObjectFinding(ObjectFault.ORPHANED, entry.name, found=size)

    def _uncovered(self) -> Iterator[ObjectFinding]:
        """Contents of which a segment's row was dropped, exchanged or edited."""
        last: MaskedContentRow | None = None
        while page := self._database.read_sync(
            partial(objects.contents_after, last=last, limit=_PAGE)
        ):
            for row in page:
                self.counts.contents += 1
                segments = self._database.read_sync(
                    partial(
                        uploads.segments,
                        institution=row.institution,
                        customer=row.customer,
                        upload=row.upload,
                    )
                )
                if (len(segments), segments_digest(segments)) != (
                    row.segments,
                    row.segments_sha256,
                ):
                    yield ObjectFinding(ObjectFault.SEGMENTS, "", _content_name(row))
            last = page[-1]

    def _is_of_the_archive(self, entry: BlobEntry, bundles: int) -> bool:
        """Whether an object is that of a bundle which was moved meanwhile, or is being moved."""
        try:
            path = entry.name.removeprefix("log/").removesuffix(".gz")
            number, width = parse_entries_path(path)
        except TileInvalid:
            return False
        if entry.name != object_name(number) or width != TILE_WIDTH:
            return False
        return number < bundles or entry.put_at > self._began - _UNDER_WAY


def _content_name(row: MaskedContentRow) -> str:
    owner = f"institutions/{row.institution}/customers/{row.customer}/{row.record}"
    return f"{owner}/contents/{row.page}@{row.version}"


def _of_segment(row: SegmentRow) -> _Named:
    place = f"institutions/{row.institution}/customers/{row.customer}/uploads/{row.upload}"
    # Every suite seals so many bytes to as many.
    size = stream.sealed_size(SUITES[0], row.size)
    durable = row.durable == uploads.DURABLE
    return _Named(row.object, f"{place}, segment {row.number}", size, row.sha256, durable)


def _rows(noted: sqlite3.Connection) -> Iterator[_Named]:
    for name, place, size, digest, durable in noted.execute("SELECT * FROM n ORDER BY name"):
        yield _Named(name, place, size, digest, bool(durable))


def _beside(
    rows: Iterator[_Named], entries: Iterator[BlobEntry]
) -> Iterator[tuple[_Named | None, BlobEntry | None]]:
    """Both in the order of names: what has a name in both, or in one."""
    row, entry = next(rows, None), next(entries, None)
    while row is not None or entry is not None:
        if entry is None or (row is not None and row.name < entry.name):
            yield row, None
            row = next(rows, None)
        elif row is None or entry.name < row.name:
            yield None, entry
            entry = next(entries, None)
        else:
            yield row, entry
            row, entry = next(rows, None), next(entries, None)
