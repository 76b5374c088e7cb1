"""The log's scene of the benchmark: that it measures what it says, on a small log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from bench import log_append, log_disk, log_verify
from bench.databases import Store
from bench.log_aims import BYTES_AN_EVENT, log_verdicts
from bench.log_provable import share
from bench.log_report import disk_table, log_table, spread
from bench.log_results import LogScene, OnDisk, Provable, Verified
from tests.support.log_keys import clock, sequencer
from vault.audit import encode
from vault.audit.append import append
from vault.audit.archiving import Archiver
from vault.blobs import FolderBlobs
from vault.store import Database, log_tree, migrate

_FILE_BYTES = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """An empty folder for signing keys."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def log(sqlite_url: str) -> Iterator[Database]:
    """A database of a log."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    yield database
    database.dispose()


@pytest.mark.parametrize("receipts", [True, False])
def test_a_round_ends_when_a_checkpoint_covers_every_event(
    log: Database, keys: Path, receipts: bool
) -> None:
    measured = log_append.appended(log, keys, 200, receipts=receipts)
    latest = log.read_sync(log_tree.latest)
    assert latest is not None
    assert latest.size == measured.events == 200
    assert measured.signed_per_second < measured.committed_per_second


def test_the_exported_log_is_verified_whole_and_a_damaged_one_is_no_figure(
    tmp_path: Path, keys: Path
) -> None:
    folder = tmp_path / "exported"
    log_verify.export(log_append.events(300), folder, keys)
    assert log_verify.verified(folder, keys).events == 300
    bundle = folder / "tile" / "entries" / "000"
    damaged = bytearray(bundle.read_bytes())
    damaged[100] ^= 1
    bundle.write_bytes(damaged)
    with pytest.raises(RuntimeError, match="does not hold"):
        log_verify.verified(folder, keys)


def test_all_that_the_log_has_on_disk_is_counted_by_table_and_index(
    log: Database, sqlite_url: str
) -> None:
    store = Store("SQLite", sqlite_url, sqlite_url)
    before = log_disk.sizes(store)
    # Each of the many tables that hold nothing has its page in the file.
    empty = log.read_sync(lambda conn: conn.exec_driver_sql(_FILE_BYTES).scalar_one())
    made = [(event, encode(event)) for event in log_append.events(2_000)]
    log.write_sync(lambda conn: append(conn, made, clock()))
    parts = log_disk.grown(before, log_disk.sizes(store), 2_000)
    assert {"audit_events", "ix_audit_events_institution_actor_position"} <= set(parts)
    length = sum(len(leaf) for _, leaf in made) / 2_000
    assert log_disk.leaves(store, 0) == {"masked.customers.get": (2_000, length)}
    assert log_disk.leaves(store, 1_999)["masked.customers.get"][0] == 1
    assert log_disk.size(store) == 2_000
    log.dispose()
    # Whoever closes it last empties the write-ahead log into the file.
    grown = Path(make_url(sqlite_url).database or "").stat().st_size - empty
    assert sum(parts.values()) * 2_000 == pytest.approx(grown)


def test_an_archived_entry_takes_less_than_500_bytes_with_all_its_indexes(
    log: Database, sqlite_url: str, keys: Path, tmp_path: Path
) -> None:
    store = Store("SQLite", sqlite_url, sqlite_url)
    made = [(event, encode(event)) for event in log_append.events(4_096 + 1)]
    log.write_sync(lambda conn: append(conn, made, clock()))
    signer = sequencer(log, keys)
    while signer.step():
        pass
    (tmp_path / "blobs").mkdir()
    archiver = Archiver(log, FolderBlobs(tmp_path / "blobs"))
    for bundle in archiver.due(clock() + 1):
        archiver.move(bundle)
    log.dispose()
    log_disk.reclaim(store)
    tables = sum(log_disk.sizes(store).values())
    objects = sum(p.stat().st_blocks * 512 for p in (tmp_path / "blobs").rglob("*.gz"))
    # All of the log's tables, also what every log has and an empty one too.
    assert (tables + objects) / 4_096 < BYTES_AN_EVENT == 500


def test_an_aim_is_met_on_its_own_side_only() -> None:
    scene = LogScene("SQLite")
    scene.verified = [Verified(1, 500.0, 1.0, rate) for rate in (149_000.0, 151_000.0, 160_000.0)]
    scene.provable = [Provable("idle", 9, 0.5, 1.2, 0.6, 1.3, 1.4)]
    scene.on_disk = [OnDisk("a", 9, {"get": (9, 300.0)}, {"t": 400.0, "i": 99.0})]
    scene.on_disk += [
        OnDisk("b", 9, {"get": (8, 300.0), "list": (1, 1200.0)}, {"t": 400.0, "i": 100.0})
    ]
    assert [verdict.met for verdict in log_verdicts([scene])] == [True, False, True, False]
    assert log_table(scene).row_count == 3
    assert disk_table(scene).row_count == 6
    assert [disk.leaf for disk in scene.on_disk] == [300.0, 400.0]


def test_shares_and_spreads_are_those_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (share(values, 0.5), share(values, 0.99)) == (51.0, 100.0)
    assert spread([9.0, 10.0, 12.0]) == (10.0, "15%")
