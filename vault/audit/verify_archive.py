"""Beside the tree: the archive's bundles continue the log's chain, and are found by what they hold.

The tree proves each leaf, wherever it is. This proves what the tree does not cover: the chain's
values and times that `log_bundles` keeps, and the terms by which reports find a bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from sqlalchemy import Connection

from vault.audit.archive import ArchiveDamaged
from vault.audit.archiving import terms_of
from vault.audit.chain import GENESIS, StoredEvent
from vault.audit.event import EventUnreadable, decode
from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import StoreSource, open_store
from vault.audit.tiles import TILE_WIDTH, entries_path
from vault.store import StoreDamaged, log_archive
from vault.store.log_archive import BundleRow, Term


def verify_archive(
    source: StoreSource, progress: Callable[[int, int], None] | None = None
) -> Iterator[Finding]:
    """Every fault of the archive. `progress` is told (bundles done, of how many). Raises
    StoreError, ArchiveUnavailable."""
    database, archive = open_store(source.url), source.archive()
    bundles = database.read_sync(log_archive.count)
    # Read first: a bundle that is moved meanwhile only adds terms.
    terms = database.read_sync(log_archive.count_terms)
    chain, time, expected, sound = GENESIS, 0, 0, True
    for number in range(bundles):
        try:
            row = database.read_sync(partial(log_archive.bundle, number=number))
        except StoreDamaged as error:
            yield _finding(number, str(error))
            sound = False
            continue
        try:
            events = archive.events(row, chain)
            found = {term for event in events for term in terms_of(decode(event.leaf))}
        except (ArchiveDamaged, EventUnreadable) as error:
            yield _finding(number, error.why if isinstance(error, ArchiveDamaged) else str(error))
            sound = False
        else:
            if not _in_order(row, events, time):
                yield _finding(number, "its times are out of order")
            if not database.read_sync(partial(_finds, terms=found, bundle=number)):
                yield _finding(number, "a customer or an actor that it names does not find it")
            expected += len(found)
        # What follows is held to what is kept, so that one fault is told once.
        chain, time = row.chain, row.last_at
        if progress is not None:
            progress(number + 1, bundles)
    if sound and terms > expected and bundles == database.read_sync(log_archive.count):
        yield Finding(
            Kind.ARCHIVE_CHANGED,
            log_archive.TERMS_TABLE,
            detail=f"{terms} terms stand where its entries have {expected}",
        )


def _in_order(row: BundleRow, events: Sequence[StoredEvent], time: int) -> bool:
    first, last = events[0].recorded_at, events[-1].recorded_at
    return (
        (row.first_at, row.last_at) == (first, last)
        and first >= time
        and all(a.recorded_at <= b.recorded_at for a, b in pairwise(events))
    )


def _finds(conn: Connection, terms: set[Term], bundle: int) -> bool:
    return all(log_archive.has_term(conn, term, bundle) for term in terms)


def _finding(bundle: int, why: str) -> Finding:
    first = bundle * TILE_WIDTH
    return Finding(
        Kind.ARCHIVE_CHANGED,
        entries_path(bundle, TILE_WIDTH),
        first,
        first + TILE_WIDTH - 1,
        why,
    )
