"""The archive: old events leave the database, and nothing that reads the log can tell."""

import asyncio
import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.audit.test_reader import EVENTS, FILTERS, fill
from tests.support.log_keys import ORIGIN, log_signers, sequencer
from vault.audit import StoredEvent, decode
from vault.audit.archive import (
    Archive,
    ArchiveDamaged,
    ArchiveUnavailable,
    object_name,
    pack,
    unpack,
)
from vault.audit.archiving import Archiver
from vault.audit.bundle_times import TimesInvalid, pack_times, unpack_times
from vault.audit.findings import Kind
from vault.audit.history import History
from vault.audit.log_sources import StoreSource, open_store
from vault.audit.reader import (
    ALL,
    EventFilter,
    EventPage,
    head,
    position_at,
    read,
    read_back,
    verify_chain,
)
from vault.audit.tiles import TileInvalid, decode_bundle, encode_bundle
from vault.audit.verify import verify_log
from vault.audit.verify_archive import verify_archive
from vault.blobs import BlobLocked, BlobsUnavailable, FolderBlobs
from vault.store import Database, StoreDamaged, log_archive

ROOT = Path(__file__).parents[2]
FAR = 10**15
COUNT = 1_100  # four bundles, and the beginning of a fifth


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    (tmp_path / "blobs").mkdir()
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Database:
    """A signed log of COUNT events, recorded at 1000, 2000, ... microseconds."""
    fill(database, [EVENTS[n % len(EVENTS)] for n in range(COUNT)])
    signer = sequencer(database, tmp_path / "keys")
    while signer.step():
        pass
    return database


def moved(database: Database, blobs: FolderBlobs, bundles: int) -> None:
    archiver = Archiver(database, blobs)
    for bundle in range(bundles):
        assert archiver.move(bundle) is not None


def everything(
    history: History, wanted: EventFilter, limit: int, *, back: bool = False
) -> list[StoredEvent]:
    """All wanted events, page by page."""

    async def run() -> list[StoredEvent]:
        found: list[StoredEvent] = []
        at: int | None = None if back else 0
        while True:
            if back:
                page = await history.read_back(at, limit, wanted)
            else:
                page = await history.read(at or 0, limit, wanted)
            assert len(page.events) <= limit
            found += page.events
            at = page.scanned_to
            if page.at_end:
                return found

    return asyncio.run(run())


def unfiltered(database: Database) -> list[StoredEvent]:
    return list(database.read_sync(lambda c: read(c, 0, 10**6)).events)


TIMES = {
    "from": EventFilter(from_time=300_500),
    "to": EventFilter(to_time=300_500),
    "between": EventFilter(from_time=200_000, to_time=900_001),
    "in the archive": EventFilter(from_time=100_000, to_time=120_000, actor="crm"),
    "before all": EventFilter(to_time=5),
    "after all": EventFilter(from_time=FAR),
    "of a customer": EventFilter(institution="demo", customer="c1", from_time=250_000),
}
WANTED = {**{name: wanted for name, (wanted, _) in FILTERS.items()}, **TIMES}


def test_no_reader_can_tell_which_events_were_moved(log: Database, blobs: FolderBlobs) -> None:
    def look() -> dict[str, list[StoredEvent]]:
        history = History(log, Archive(blobs))
        return {
            f"{name} {'back' if back else 'on'}": everything(history, wanted, limit, back=back)
            for name, wanted in WANTED.items()
            for limit, back in ((70, False), (1_000, True))
        }

    before, positions = look(), [position_at_all(log, t) for t in range(0, 1_200_000, 37_000)]
    assert len(before["nothing on"]) == COUNT
    for bundles in (1, 2):
        moved_from = log.read_sync(log_archive.count)
        for bundle in range(moved_from, moved_from + bundles):
            assert Archiver(log, blobs).move(bundle)
        assert look() == before
        assert positions == [position_at_all(log, t) for t in range(0, 1_200_000, 37_000)]
    assert log.read_sync(log_archive.count) == 3
    assert log.read_sync(lambda c: read(c, 0, 10**6)).events[0].position == 769


def position_at_all(database: Database, time: int) -> int:
    return database.read_sync(partial(position_at, time=time, size=COUNT))


def test_what_is_moved_is_in_the_objects_as_tile_bundles(
    log: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    before = unfiltered(log)
    moved(log, blobs, 4)
    for bundle in range(4):
        plain = gzip.decompress((tmp_path / "blobs" / object_name(bundle)).read_bytes())
        leaves = [e.leaf for e in before[bundle * 256 : bundle * 256 + 256]]
        assert decode_bundle(plain) == leaves
    assert (tmp_path / "blobs" / "log/tile/entries/003.gz").exists()


def test_only_signed_and_old_whole_bundles_are_due(log: Database, blobs: FolderBlobs) -> None:
    archiver = Archiver(log, blobs)
    assert archiver.due(FAR) == range(4)
    assert archiver.due(513_000) == range(2)  # 512 were recorded before
    assert archiver.due(512_000) == range(1)
    assert archiver.due(0) == range(0)
    moved(log, blobs, 1)
    assert archiver.due(FAR) == range(1, 4)
    fill(log, [EVENTS[0]] * 300)  # no checkpoint covers these
    assert archiver.due(FAR) == range(1, 4)


def test_the_last_signed_event_stays_for_the_sequencer(
    database: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    fill(database, [EVENTS[0]] * 512)
    signer = sequencer(database, tmp_path / "keys")
    while signer.step():
        pass
    archiver = Archiver(database, blobs)
    assert archiver.due(FAR) == range(1)
    archiver.move(0)
    fill(database, [EVENTS[1]] * 3)
    again = sequencer(database, tmp_path / "keys")
    while again.step():
        pass
    assert again.failure is None
    assert database.read_sync(verify_chain).size == 515


def test_the_chain_goes_on_behind_the_archive(log: Database, blobs: FolderBlobs) -> None:
    before = log.read_sync(head)
    moved(log, blobs, 3)
    assert log.read_sync(verify_chain) == before
    fill(log, [EVENTS[0]])
    assert log.read_sync(verify_chain).size == COUNT + 1


def test_live_verification_opens_the_archive(
    log: Database, migrated_url: str, blobs: FolderBlobs, tmp_path: Path
) -> None:
    moved(log, blobs, 3)
    source = StoreSource(migrated_url, blobs)
    keys = log_signers(tmp_path / "keys").verifiers()
    try:
        found = verify_log(source, keys, ORIGIN, workers=1)
        assert not found.findings
        assert found.leaves == COUNT
        assert not list(verify_archive(source))
    finally:
        open_store(migrated_url).dispose()
        open_store.__globals__["_open"].cache_clear()


def _exchange(folder: Path) -> None:
    path = folder / object_name(1)
    leaves = unpack(path.read_bytes())
    path.write_bytes(pack([*leaves[:5], leaves[5].replace(b"crm", b"cro"), *leaves[6:]]))


def _flip(folder: Path) -> None:
    path = folder / object_name(1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _remove(folder: Path) -> None:
    (folder / object_name(1)).unlink()


def _swap(folder: Path) -> None:
    (folder / object_name(1)).write_bytes((folder / object_name(2)).read_bytes())


@pytest.mark.parametrize("damage", [_exchange, _flip, _remove, _swap])
def test_a_damaged_object_is_refused_and_found(
    log: Database,
    migrated_url: str,
    blobs: FolderBlobs,
    tmp_path: Path,
    damage: Callable[[Path], None],
) -> None:
    moved(log, blobs, 3)
    damage(tmp_path / "blobs")
    history = History(log, Archive(blobs))
    assert len(asyncio.run(history.read(0, 256)).events) == 256
    with pytest.raises(ArchiveDamaged) as caught:
        asyncio.run(history.read(256, 10))
    assert caught.value.bundle == 1
    with pytest.raises(ArchiveDamaged):
        asyncio.run(history.bundle(1, 256))
    source = StoreSource(migrated_url, blobs)
    try:
        found = verify_log(source, log_signers(tmp_path / "keys").verifiers(), ORIGIN, workers=1)
        assert {f.place for f in found.findings} == {"tile/entries/001"}
        assert [(f.kind, f.place) for f in verify_archive(source)] == [
            (Kind.ARCHIVE_CHANGED, "tile/entries/001")
        ]
    finally:
        open_store(migrated_url).dispose()
        open_store.__globals__["_open"].cache_clear()


TAMPERED = {
    "a term taken away": "DELETE FROM log_bundle_terms WHERE bundle = 1 AND term = 'c1'",
    "a term put in": (
        "INSERT INTO log_bundle_terms (institution, kind, term, bundle)"
        " VALUES ('demo', 'customer', 'nobody', 1)"
    ),
    "another time": "UPDATE log_bundles SET last_at = last_at + 1 WHERE bundle = 1",
    "another chain value": "UPDATE log_bundles SET chain = sha256 WHERE bundle = 1",
    "another digest": "UPDATE log_bundles SET sha256 = chain WHERE bundle = 1",
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_whoever_edits_the_archives_tables_is_found_out(
    log: Database, migrated_url: str, blobs: FolderBlobs, tmp_path: Path, statement: str
) -> None:
    moved(log, blobs, 3)
    log.write_sync(lambda c: c.execute(text(statement)))
    source = StoreSource(migrated_url, blobs)
    try:
        kinds = {f.kind for f in verify_archive(source)}
    finally:
        open_store(migrated_url).dispose()
        open_store.__globals__["_open"].cache_clear()
    assert kinds == {Kind.ARCHIVE_CHANGED}


def test_a_damaged_event_is_not_moved(log: Database, blobs: FolderBlobs) -> None:
    log.write_sync(
        lambda c: c.execute(
            text(
                "UPDATE audit_events SET leaf = (SELECT leaf FROM audit_events WHERE position = 9)"
                " WHERE position = 300"
            )
        )
    )
    archiver = Archiver(log, blobs)
    assert archiver.move(0)
    with pytest.raises(StoreDamaged, match="300"):
        archiver.move(1)
    assert log.read_sync(log_archive.count) == 1
    assert len(unfiltered(log)) == COUNT - 256


def test_a_store_that_is_away_loses_nothing_and_is_told(
    log: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    moved(log, blobs, 1)
    away = (tmp_path / "blobs").rename(tmp_path / "away")
    history = History(log, Archive(blobs))
    with pytest.raises(ArchiveUnavailable):
        asyncio.run(history.read(0, 10))
    with pytest.raises(ArchiveUnavailable):
        Archiver(log, blobs).move(1)
    assert len(asyncio.run(history.read(256, 10)).events) == 10  # what is in the database
    away.rename(tmp_path / "blobs")
    assert len(asyncio.run(history.read(0, 10)).events) == 10
    assert Archiver(log, blobs).move(1)


class Hanging(FolderBlobs):
    """An object store that does not answer, and does not say so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.let_go = threading.Event()

    def get(self, name: str) -> Iterator[bytes]:
        self.let_go.wait(20)
        raise BlobsUnavailable("late")


def test_a_store_that_hangs_is_waited_for_a_bounded_time(
    log: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    moved(log, blobs, 1)
    hanging = Hanging(tmp_path / "blobs")
    history = History(log, Archive(hanging), patience=0.1)

    async def run() -> float:
        started = time.monotonic()
        with pytest.raises(ArchiveUnavailable):
            await history.read(0, 10)
        took = time.monotonic() - started
        hanging.let_go.set()
        return took

    assert asyncio.run(run()) < 5


def test_two_who_move_at_once_do_no_harm(log: Database, blobs: FolderBlobs) -> None:
    before = unfiltered(log)
    done: list[int] = []

    def work() -> None:
        archiver = Archiver(log, blobs)
        for bundle in range(4):
            if archiver.move(bundle) is not None:
                done.append(bundle)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2, 3]
    assert everything(History(log, Archive(blobs)), ALL, 200) == before


def test_no_event_is_passed_over_while_bundles_are_moved(log: Database, blobs: FolderBlobs) -> None:
    before = unfiltered(log)
    history = History(log, Archive(blobs))
    rounds: list[list[StoredEvent]] = []

    def mover() -> None:
        moved(log, blobs, 4)

    thread = threading.Thread(target=mover)
    thread.start()
    while thread.is_alive():
        rounds.append(everything(history, ALL, 100))
        rounds.append(list(reversed(everything(history, ALL, 100, back=True))))
    thread.join()
    rounds.append(everything(history, ALL, 100))
    assert all(found == before for found in rounds)
    assert len(rounds) > 1


@pytest.mark.parametrize("point", ["archive.kept", "archive.let-go"])
def test_a_process_killed_while_it_moves_leaves_every_event_somewhere(
    log: Database, migrated_url: str, blobs: FolderBlobs, tmp_path: Path, point: str
) -> None:
    before = unfiltered(log)
    program = (
        "import sys; from pathlib import Path\n"
        "from vault.audit.archiving import Archiver; from vault.blobs import FolderBlobs\n"
        "from vault.store import Database\n"
        "a = Archiver(Database(sys.argv[1]), FolderBlobs(Path(sys.argv[2])))\n"
        "for n in range(4): a.move(n)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, migrated_url, str(tmp_path / "blobs")],
        cwd=ROOT,
        env={"VAULT_FAULT_POINT": f"{point}:2", "PATH": ""},
        check=False,
        timeout=60,
    )
    assert ended.returncode == -9
    assert log.read_sync(log_archive.count) == 1
    assert everything(History(log, Archive(blobs)), ALL, 200) == before
    for bundle in (1, 2, 3):
        assert Archiver(log, blobs).move(bundle)
    assert everything(History(log, Archive(blobs)), ALL, 200) == before


def _damaged(leaves: list[bytes]) -> bytes:
    return pack([*leaves[:-1], b"of a log that was set back since"])


def _packed_otherwise(leaves: list[bytes]) -> bytes:
    return gzip.compress(encode_bundle(leaves), 1, mtime=0)


@pytest.mark.parametrize("left", [pack, _packed_otherwise])
def test_an_object_that_a_broken_off_run_left_is_taken(
    log: Database, blobs: FolderBlobs, left: Callable[[list[bytes]], bytes]
) -> None:
    before = everything(History(log, Archive(blobs)), ALL, 200)
    content = left([event.leaf for event in before[:256]])
    blobs.put(object_name(0), content)
    assert Archiver(log, blobs).move(0)
    assert b"".join(blobs.get(object_name(0))) == content
    assert everything(History(log, Archive(blobs)), ALL, 200) == before


@pytest.mark.parametrize("left", [_damaged, lambda _: b"", lambda _: b"not gzip"])
def test_an_object_of_another_log_gives_way_while_the_log_has_none_there(
    log: Database, blobs: FolderBlobs, left: Callable[[list[bytes]], bytes]
) -> None:
    before = everything(History(log, Archive(blobs)), ALL, 200)
    blobs.put(object_name(0), left([event.leaf for event in before[:256]]))
    assert Archiver(log, blobs).move(0)
    assert everything(History(log, Archive(blobs)), ALL, 200) == before


class Locked(FolderBlobs):
    """Lets nothing go."""

    def delete(self, name: str) -> None:
        raise BlobLocked("kept")


def test_an_object_of_another_log_that_is_locked_is_told_and_moves_nothing(
    log: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    blobs.put(object_name(0), b"another")
    with pytest.raises(ArchiveDamaged, match="locked"):
        Archiver(log, Locked(tmp_path / "blobs")).move(0)
    assert log.read_sync(log_archive.count) == 0


def test_an_archived_page_has_no_more_bytes_than_wanted(log: Database, blobs: FolderBlobs) -> None:
    moved(log, blobs, 2)
    history = History(log, Archive(blobs))
    size = len(unfiltered(log)[0].leaf)

    async def run() -> list[int]:
        seen: list[int] = []
        after = 0
        while after < 600:
            page = await history.read(after, 200, max_bytes=10 * size)
            assert 0 < len(page.events) <= 12
            seen += [e.position for e in page.events]
            after = page.scanned_to
        return seen

    seen = asyncio.run(run())
    assert seen == list(range(1, len(seen) + 1))


def test_bundles_are_moved_in_order(log: Database, blobs: FolderBlobs) -> None:
    with pytest.raises(ValueError, match="in order"):
        Archiver(log, blobs).move(1)


def test_a_report_opens_only_the_bundles_that_name_the_customer(
    database: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    rare = next(e for e in EVENTS if e.customer == "c3" and e.institution == "demo")
    common = next(e for e in EVENTS if e.customer == "c1" and e.institution == "demo")
    fill(database, [rare if n == 600 else common for n in range(COUNT)])
    signer = sequencer(database, tmp_path / "keys")
    while signer.step():
        pass
    moved(database, blobs, 4)
    for bundle in (0, 1, 3):
        (tmp_path / "blobs" / object_name(bundle)).unlink()
    history = History(database, Archive(blobs))
    wanted = EventFilter(institution="demo", customer="c3")
    for back in (False, True):
        found = everything(history, wanted, 10, back=back)
        assert [e.position for e in found] == [601]
        assert decode(found[0].leaf) == rare


def test_a_page_of_the_database_backwards_ends_where_the_archive_ends(
    log: Database, blobs: FolderBlobs
) -> None:
    moved(log, blobs, 2)
    page: EventPage = log.read_sync(lambda c: read_back(c, None, 10**6, floor=512))
    assert (page.events[-1].position, page.at_end) == (513, True)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=300))
def test_times_come_out_as_they_went_in(steps: list[int]) -> None:
    times = [sum(steps[: n + 1]) for n in range(len(steps))]
    assert unpack_times(pack_times(times), len(times)) == times
    with pytest.raises(TimesInvalid):
        unpack_times(pack_times(times), len(times) + 1)


@given(st.binary(max_size=100))
def test_times_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(TimesInvalid):
        unpack_times(data, 256)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=256), st.data())
def test_an_object_is_its_leaves_and_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    content = pack(leaves)
    assert content == pack(leaves)
    assert unpack(content) == leaves
    with pytest.raises(TileInvalid):
        unpack(content[: data.draw(st.integers(0, len(content) - 1))])


def test_an_object_that_swells_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(TileInvalid):
        unpack(gzip.compress(bytes(64 * 1024 * 1024)))


def test_the_masked_tier_cannot_move_or_find_archived_events(
    log: Database, migrated_url: str, blobs: FolderBlobs
) -> None:
    if log.dialect != "sqlite":
        return  # tests/store/test_masked_role.py holds PostgreSQL's grants to the same list
    masked = Database(migrated_url, role="masked")
    try:
        with pytest.raises(Exception, match="may not"):
            masked.read_sync(lambda c: log_archive.count(c))
        with pytest.raises(Exception, match="may not"):
            masked.write_sync(lambda c: _delete(c))
    finally:
        masked.dispose()
    assert len(unfiltered(log)) == COUNT


def _delete(conn: Connection) -> None:
    conn.exec_driver_sql("DELETE FROM audit_events WHERE position = 1")
