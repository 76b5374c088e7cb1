"""Move old events out of the database into the archive, a bundle at a time.

A bundle is written and read back before its events are let go, and let go in the transaction that
notes it; whatever is interrupted leaves an object that the next run finds and takes, never an
event that is nowhere. Only leaves that a checkpoint covers are moved, and only those that are what
the tree says: a damaged one stays where it is evidence.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, select

from vault.audit import faults, tree
from vault.audit.archive import ArchiveDamaged, ArchiveUnavailable, object_name, pack, unpack
from vault.audit.bundle_times import pack_times
from vault.audit.chain import GENESIS, ChainBroken, Head, StoredEvent, leaf_hash, verify
from vault.audit.event import AuditEvent, EventUnreadable, customers_of, decode
from vault.audit.reader import position_at
from vault.audit.tiles import TILE_WIDTH, TileInvalid, split_tile
from vault.blobs import BlobDamaged, BlobError, BlobExists, BlobLocked, Blobs
from vault.store import Database, VersionConflict, log_archive
from vault.store.errors import StoreDamaged
from vault.store.log_archive import BundleRow, Term, TermKind
from vault.store.schema import audit_events


@dataclass(frozen=True, slots=True)
class Moved:
    """A bundle that was moved: its number, and the bytes of its object."""

    bundle: int
    bytes: int


class Archiver:
    """Moves bundles. All methods block; several at once do no harm, and no good."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def due(self, before: int) -> range:
        """The bundles whose events were all recorded before a time (microseconds) and stand under
        a checkpoint. The log's last signed event always stays. Raises StoreError."""

        def look(conn: Connection) -> range:
            latest = tree.latest(conn)
            size = latest.size if latest else 0
            end = min(position_at(conn, before, size), max(0, size - 1))
            return range(log_archive.count(conn), end // TILE_WIDTH)

        return self._database.read_sync(look)

    def move(self, bundle: int) -> Moved | None:
        """Move the oldest bundle that is still in the database; None where somebody else has.

        Raises StoreError (StoreDamaged where an event is not what was signed), ArchiveUnavailable,
        ArchiveDamaged where the object store does not give back what it was given.
        """
        events, before = self._database.read_sync(lambda conn: _read(conn, bundle))
        if not events:
            return None
        _require_signed(self._database, bundle, events, before)
        content = self._keep(bundle, [event.leaf for event in events])
        faults.point("archive.kept")
        row = BundleRow(
            bundle,
            sha256(content).digest(),
            events[-1].chain,
            events[0].recorded_at,
            events[-1].recorded_at,
            pack_times([event.recorded_at for event in events]),
        )
        decoded = [(event.position, _decoded(event)) for event in events]
        terms = sorted(
            {term for _, event in decoded for term in terms_of(event)},
            key=lambda term: (term.institution, term.kind, term.term),
        )
        mentions = [
            (event.institution, customer, position)
            for position, event in decoded
            for customer in customers_of(event)
        ]

        def let_go(conn: Connection) -> None:
            log_archive.add(conn, row, terms)
            first, last = events[0].position, events[-1].position
            gone = log_archive.let_go(conn, first, last, mentions)
            if gone != TILE_WIDTH:
                raise StoreDamaged(f"{gone} events stood where {TILE_WIDTH} were read")
            faults.point("archive.let-go")

        try:
            self._database.write_sync(let_go)
        except VersionConflict:
            return None
        return Moved(bundle, len(content))

    def _keep(self, bundle: int, leaves: list[bytes]) -> bytes:
        """Put the leaves into an object; its content, as it was read back."""
        name, content = object_name(bundle), pack(leaves)
        try:
            kept = self._put(name, content)
            if kept != content and not _holds(kept, leaves):
                # The log has none there yet: this one is of a log that was set back since.
                self._blobs.delete(name)
                kept = self._put(name, content)
        except BlobLocked as error:
            raise ArchiveDamaged(bundle, "another object has its name, and is locked") from error
        except BlobDamaged as error:
            raise ArchiveDamaged(bundle, str(error)) from error
        except BlobError as error:
            raise ArchiveUnavailable(str(error)) from error
        if not _holds(kept, leaves):
            raise ArchiveDamaged(bundle, "the object store does not give back what it was given")
        return kept

    def _put(self, name: str, content: bytes) -> bytes:
        # There already: a run that was broken off has left it.
        with suppress(BlobExists):
            self._blobs.put(name, content)
        return b"".join(self._blobs.get(name))


def _holds(content: bytes, leaves: list[bytes]) -> bool:
    # Another release of zlib packs the same leaves to other bytes.
    try:
        return unpack(content) == leaves
    except TileInvalid:
        return False


def terms_of(event: AuditEvent) -> set[Term]:
    """What an event's bundle is found by."""
    found = {Term(event.institution, TermKind.CUSTOMER, c) for c in customers_of(event)}
    if event.actor:
        found.add(Term(event.institution, TermKind.ACTOR, event.actor))
    return found


def _read(conn: Connection, bundle: int) -> tuple[list[StoredEvent], bytes]:
    """The events of the next bundle, and the chain's value in front of them."""
    archived = log_archive.count(conn)
    if bundle < archived:
        return [], b""
    if bundle > archived:
        raise ValueError("bundles are moved in order")
    columns = audit_events.c
    first = bundle * TILE_WIDTH + 1
    rows = conn.execute(
        select(columns.position, columns.recorded_at, columns.leaf, columns.chain)
        .where(columns.position >= first, columns.position < first + TILE_WIDTH)
        .order_by(columns.position)
    )
    events = [StoredEvent(*row) for row in rows]
    if log_archive.count(conn) > archived:
        return [], b""
    return events, log_archive.bundle(conn, bundle - 1).chain if bundle else GENESIS


def _require_signed(
    database: Database, bundle: int, events: list[StoredEvent], before: bytes
) -> None:
    """The events are those of the signed tree, and of the chain. Raises StoreDamaged."""
    first = bundle * TILE_WIDTH
    try:
        verify(events, Head(first, before, 0))
    except ChainBroken as broken:
        raise StoreDamaged(f"the log is damaged at {broken}; nothing of it is moved") from broken
    tile = database.read_sync(lambda conn: tree.tile_reader(conn)(0, bundle))
    hashes = split_tile(tile)
    if len(events) != TILE_WIDTH or len(hashes) != TILE_WIDTH:
        raise StoreDamaged(f"bundle {bundle} of the log is not whole; nothing of it is moved")
    for event, signed in zip(events, hashes, strict=True):
        if leaf_hash(event.leaf) != signed:
            raise StoreDamaged(
                f"the event at position {event.position} is not the one that was signed; "
                "nothing of its bundle is moved"
            )


def _decoded(event: StoredEvent) -> AuditEvent:
    try:
        return decode(event.leaf)
    except EventUnreadable as error:
        raise StoreDamaged(f"the event at position {event.position} is unreadable") from error
