"""Rows and objects are compared both ways; what uploads, sweeps and late listings do meanwhile is
no fault."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.audit.test_reader import EVENTS, fill
from tests.support.log_keys import sequencer
from vault.audit.archive import object_name
from vault.audit.archiving import Archiver
from vault.blobs import BlobEntry, BlobMissing, FolderBlobs
from vault.sealing import AES_256_GCM, SUITES, stream
from vault.services.object_check import ObjectCheck, ObjectFault, ObjectFinding
from vault.store import Database, contents, uploads
from vault.store.contents import ContentRow, segments_digest
from vault.store.uploads import SegmentRow, UploadRow

MISSING, ORPHANED, WRONG_SIZE, DAMAGED, SEGMENTS = ObjectFault
NOW = 10**15


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    (tmp_path / "blobs").mkdir()
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def upload(database: Database) -> UploadRow:
    row = UploadRow(
        *("demo", "c1", "u1", "documents/d1", "identity", 1, "backend", "r1", "image/png"),
        *(10**9, 1, 1, 0, 0, 0, b"sealed"),
    )
    database.write_sync(lambda conn: uploads.insert(conn, row))
    return row


def sealed(size: int) -> bytes:
    key = secrets.token_bytes(AES_256_GCM.key_bytes)
    return b"".join(stream.seal(AES_256_GCM, key, b"", [bytes(size)]))


def planned(database: Database, upload: UploadRow, number: int, size: int = 1_000) -> SegmentRow:
    name = f"contents/{secrets.token_hex(16)}"
    row = SegmentRow(upload.institution, upload.customer, upload.upload, number, name, size, b"", 0)
    database.write_sync(lambda conn: uploads.plan(conn, [row]))
    return row


def arrived(
    database: Database, blobs: FolderBlobs, upload: UploadRow, count: int, size: int = 1_000
) -> list[SegmentRow]:
    """Segments that are there, as an upload puts them."""
    rows = []
    for number in range(1, count + 1):
        row, content = planned(database, upload, number, size), sealed(size)
        blobs.put(row.object, content)
        row = replace(row, sha256=sha256(content).digest())
        database.write_sync(partial(uploads.arrived, upload=upload, row=row, now=number))
        rows.append(row)
    return rows


def look(
    database: Database, blobs: FolderBlobs, *, read: bool = False, now: int = NOW
) -> list[ObjectFinding]:
    return list(ObjectCheck(database, blobs, now).run(read=read))


def faults(found: list[ObjectFinding]) -> set[tuple[ObjectFault, str]]:
    return {(one.fault, one.object) for one in found}


def test_every_suite_seals_so_many_bytes_to_as_many() -> None:
    for size in (1, 16_383, 16_384, 16_385, 4 * 1024 * 1024):
        assert len({stream.sealed_size(suite, size) for suite in SUITES}) == 1


def test_what_an_upload_has_put_agrees(
    database: Database, blobs: FolderBlobs, upload: UploadRow
) -> None:
    for size in (1, 16_384, 40_000):
        row = replace(upload, upload=f"u-{size}", request_id=str(size))
        database.write_sync(partial(uploads.insert, row=row))
        arrived(database, blobs, row, 3, size)
    check = ObjectCheck(database, blobs, NOW)
    assert list(check.run(read=True)) == []
    counts = check.counts
    assert (counts.named, counts.unfinished, counts.objects, counts.newer) == (9, 0, 9, 0)
    assert counts.bytes == sum(
        3 * stream.sealed_size(AES_256_GCM, size) for size in (1, 16_384, 40_000)
    )


def test_each_fault_is_told_with_what_it_is_of(
    database: Database, blobs: FolderBlobs, upload: UploadRow, tmp_path: Path
) -> None:
    rows = arrived(database, blobs, upload, 8)
    path = {n: tmp_path / "blobs" / row.object for n, row in enumerate(rows, 1)}
    path[2].unlink()
    with path[4].open("ab") as file:
        file.write(b"x")
    path[5].write_bytes(b"")
    content = path[7].read_bytes()
    path[7].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    blobs.put("contents/nobody-s", b"123")

    size = len(content)
    place = "institutions/demo/customers/c1/uploads/u1, segment"
    shallow = {
        ObjectFinding(MISSING, rows[1].object, f"{place} 2", size),
        ObjectFinding(WRONG_SIZE, rows[3].object, f"{place} 4", size, size + 1),
        ObjectFinding(WRONG_SIZE, rows[4].object, f"{place} 5", size, 0),
        ObjectFinding(ORPHANED, "contents/nobody-s", "", None, 3),
    }
    assert set(look(database, blobs)) == shallow
    deep = ObjectFinding(DAMAGED, rows[6].object, f"{place} 7", size, size)
    assert set(look(database, blobs, read=True)) == shallow | {deep}
    # Nothing was repaired.
    assert set(look(database, blobs)) == shallow


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM content_segments WHERE number = 2",
        "UPDATE content_segments SET sha256 = x WHERE number = 2",
        "UPDATE content_segments SET number = 5 - number WHERE number IN (2, 3)",
        "UPDATE content_segments SET durable = 2 WHERE number = 3",
    ],
    ids=["dropped", "edited", "exchanged", "given up"],
)
def test_rows_of_segments_that_were_altered_are_found_by_their_content(
    database: Database, blobs: FolderBlobs, upload: UploadRow, statement: str
) -> None:
    rows = arrived(database, blobs, upload, 4)
    for page, version in ((1, 1), (1, 2), (2, 1)):
        row = ContentRow(
            *("demo", "c1", "documents/d1", page, version, "identity", 1, "backend", "u1"),
            *("image/png", 4_000, 4, segments_digest(rows), 0, b"", b"sealed"),
        )
        database.write_sync(partial(contents.insert, row=row))
    check = ObjectCheck(database, blobs, NOW)
    assert list(check.run()) == []
    assert check.counts.contents == 3
    statement = statement.replace("= x", "= " + literal(database, bytes(32)))
    database.write_sync(lambda conn: conn.execute(text(statement)))
    found = {one.place for one in look(database, blobs) if one.fault is SEGMENTS}
    place = "institutions/demo/customers/c1/documents/d1/contents"
    assert found == {f"{place}/1@1", f"{place}/1@2", f"{place}/2@1"}


def literal(database: Database, value: bytes) -> str:
    prefix, suffix = ("X'", "'") if database.dialect == "sqlite" else ("'\\x", "'::bytea")
    return f"{prefix}{value.hex()}{suffix}"


def test_uploads_under_way_and_those_given_up_are_no_fault(
    database: Database, blobs: FolderBlobs, upload: UploadRow
) -> None:
    arrived(database, blobs, upload, 2)
    planned(database, upload, 3)
    there = planned(database, upload, 3)
    blobs.put(there.object, b"some of it")
    check = ObjectCheck(database, blobs, NOW)
    assert list(check.run(read=True)) == []
    assert (check.counts.named, check.counts.unfinished) == (4, 2)
    database.write_sync(lambda conn: uploads.mark_given_up(conn, upload))
    blobs.delete(there.object)
    assert look(database, blobs, read=True) == []


def test_more_rows_and_objects_than_a_page(
    database: Database, blobs: FolderBlobs, upload: UploadRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.object_check._PAGE", 7)
    rows = arrived(database, blobs, upload, 40)
    strays = [f"contents/stray-{n}" for n in range(20)]
    for name in strays:
        blobs.put(name, b"x")
    for row in rows[::2]:
        blobs.delete(row.object)
    wanted = {(ORPHANED, name) for name in strays} | {(MISSING, row.object) for row in rows[::2]}
    assert faults(look(database, blobs)) == wanted


def test_progress_is_told_to_the_end(
    database: Database, blobs: FolderBlobs, upload: UploadRow
) -> None:
    arrived(database, blobs, upload, 5)
    rows: list[tuple[int, int]] = []
    seen: list[tuple[int, int]] = []
    check = ObjectCheck(database, blobs, NOW)
    list(
        check.run(
            rows_told=lambda *told: rows.append(told), objects_told=lambda *told: seen.append(told)
        )
    )
    assert rows[-1][0] == 5
    assert seen == [(n, 5) for n in range(1, 6)]


class Meanwhile(FolderBlobs):
    """Others act while the listing goes on: `first` before it, `last` behind it."""

    hidden: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()

    def acts(self) -> None:
        """What happens when the listing begins."""

    def list(self, prefix: str = "", after: str = "") -> Iterator[BlobEntry]:
        self.acts()
        for entry in super().list(prefix, after):
            if entry.name not in self.hidden:
                yield entry
        for name in self.gone:
            if name.startswith(prefix):
                yield BlobEntry(name, 10, 1)


def test_what_is_put_while_it_looks_is_no_orphan(
    database: Database, upload: UploadRow, blobs: FolderBlobs, tmp_path: Path
) -> None:
    class Busy(Meanwhile):
        def acts(self) -> None:
            self.acts = lambda: None  # type: ignore[method-assign]
            arrived(database, blobs, upload, 3)

    check = ObjectCheck(database, Busy(tmp_path / "blobs"), NOW)
    assert list(check.run()) == []
    assert (check.counts.named, check.counts.newer) == (0, 3)


def test_what_a_sweep_takes_while_it_looks_is_not_missing(
    database: Database, upload: UploadRow, blobs: FolderBlobs, tmp_path: Path
) -> None:
    rows = arrived(database, blobs, upload, 3)

    class Swept(Meanwhile):
        def acts(self) -> None:
            self.acts = lambda: None  # type: ignore[method-assign]
            database.write_sync(lambda conn: uploads.mark_given_up(conn, upload))
            blobs.delete(rows[0].object)
            blobs.delete(rows[1].object)
            database.write_sync(lambda conn: uploads.forget(conn, rows[:1]))

    assert look(database, Swept(tmp_path / "blobs"), read=True) == []


def test_a_listing_that_comes_late_is_not_believed(
    database: Database, upload: UploadRow, blobs: FolderBlobs, tmp_path: Path
) -> None:
    rows = arrived(database, blobs, upload, 4)
    late = Meanwhile(tmp_path / "blobs")
    late.hidden = frozenset({rows[0].object, rows[2].object})
    late.gone = ("contents/~deleted".replace("~", "z"),)
    check = ObjectCheck(database, late, NOW)
    assert list(check.run()) == []
    assert check.counts.objects == 4
    with pytest.raises(BlobMissing):
        blobs.size("contents/zdeleted")


def test_the_archive_s_bundles_are_looked_at(
    database: Database, blobs: FolderBlobs, tmp_path: Path
) -> None:
    fill(database, [EVENTS[n % len(EVENTS)] for n in range(1_100)])
    signer = sequencer(database, tmp_path / "keys")
    while signer.step():
        pass
    for bundle in range(3):
        assert Archiver(database, blobs).move(bundle) is not None
    assert look(database, blobs, read=True) == []
    # What a run that was broken off has left; and what no run ever puts.
    blobs.put(object_name(3), b"left")
    blobs.put("log/tile/entries/777.gz", b"of another log")
    blobs.put("log/tile/entries/odd", b"")
    orphans = {
        (ORPHANED, object_name(3)),
        (ORPHANED, "log/tile/entries/777.gz"),
        (ORPHANED, "log/tile/entries/odd"),
    }
    assert faults(look(database, blobs, now=NOW * 10)) == orphans
    # A moment after it was put, it may be one that is being moved.
    assert faults(look(database, blobs)) <= orphans
    path = tmp_path / "blobs" / object_name(1)
    path.write_bytes(path.read_bytes() + b"\0")
    (tmp_path / "blobs" / object_name(0)).unlink()
    found = faults(look(database, blobs, read=True, now=NOW * 10))
    assert found == orphans | {(DAMAGED, object_name(1)), (MISSING, object_name(0))}
    places = {one.place for one in look(database, blobs, now=NOW * 10) if one.fault is MISSING}
    assert places == {"log/bundles/0"}


def test_what_others_keep_in_the_same_place_is_none_of_ours(
    database: Database, blobs: FolderBlobs
) -> None:
    blobs.put("second/checkpoint", b"x")
    blobs.put("log/other", b"x")
    check = ObjectCheck(database, blobs, NOW)
    assert list(check.run(read=True)) == []
    assert check.counts.objects == 0
