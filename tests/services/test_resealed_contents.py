"""Re-sealing of contents: their bytes, their keys and their pictures go to the other suite."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from tests.services.test_contents import HOUR, Stage, noise, stage
from tests.services.test_resealing import agreed, resealing
from tests.support.use_cases import BANK, run
from vault.access import Action
from vault.audit.log_sources import StoreSource
from vault.audit.reader import head
from vault.audit.verify_rows import verify_rows
from vault.blobs import BlobsUnavailable
from vault.kms import LocalFileKms
from vault.records import IDENTITY_SCOPE, Branch, ContentName, ScopeRef
from vault.sealing import AES_256_GCM, SM4_GCM, Suite, open_masked, seal_masked, suite_of
from vault.services.contents.picturing import place_of_picture
from vault.services.contents.sealed import SEGMENT_BYTES, open_content
from vault.store import Database, contents, key_jobs, moved_contents, uploads
from vault.store.contents import ContentRow, LeafRow
from vault.store.key_jobs import DONE, FAILED, JobRow
from vault.store.schema import content_leaves
from vault.store.schema import contents as contents_table
from vault.store.schema import uploads as uploads_table

Test = Callable[["Room"], Any]


class Room:
    """A stage whose bank changes its suite."""

    def __init__(self, on: Stage, kms: LocalFileKms, url: str) -> None:
        self.on, self.kms, self.url = on, kms, url
        self.database, self.ring = on.cases.database, on.cases.ring

    def change(self, suite: Suite) -> None:
        """Seal with that suite from now on."""
        self.ring.suite_of = lambda institution: suite
        self.ring.clear()

    async def reseal(self, *, blobs: bool = True) -> JobRow:
        step = agreed(self.on.cases.clock.now_micros())
        at_work = resealing(self.on.cases, self.kms, [step], blobs=self.on.blobs if blobs else None)
        while await at_work.look():
            pass
        found = self.database.read_sync(lambda conn: key_jobs.get(conn, BANK, step.identifier))
        assert found is not None
        return found

    def row(self, page: int = 1) -> ContentRow:
        name = self.on.document
        found = self.database.read_sync(
            lambda conn: contents.current(conn, BANK, name.customer, name.record, page)
        )
        assert found is not None
        return found

    def scope(self) -> ScopeRef:
        return ScopeRef(BANK, self.on.document.customer, IDENTITY_SCOPE)

    def suites(self, page: int = 1) -> set[str]:
        """Of a content: of its row, of its bytes, and of its pictures."""
        row = self.row(page)
        key = self.ring.fetch(Branch.FULL, [self.scope()])[self.scope()]
        own = open_content(key, row)
        pictures = self.database.read_sync(lambda conn: moved_contents.leaves(conn, row))
        found = {suite_of(row.sealed).name, *(suite_of(one.masked).name for one in pictures)}
        return found | {one.name for one in (AES_256_GCM, SM4_GCM) if one.suite_id == own.suite}

    def add_picture(self, page: int = 1) -> None:
        """As a rendition: one leaf, sealed under the masked key."""
        row = self.row(page)
        key = self.ring.fetch(Branch.MASKED, [self.scope()])[self.scope()]
        place = place_of_picture(row, 1, 1)
        leaf = LeafRow(
            row.institution,
            row.customer,
            row.record,
            row.page,
            row.version,
            1,
            seal_masked(key, b"picture", place),
        )
        values = tuple(getattr(leaf, column.name) for column in content_leaves.columns)

        def work(conn: Connection) -> None:
            conn.execute(content_leaves.insert().values(values))
            conn.execute(contents_table.update().values(leaves=1))

        self.database.write_sync(work)

    def picture(self, page: int = 1) -> bytes:
        row = self.row(page)
        leaf = self.database.read_sync(lambda conn: contents.leaf(conn, row, 1))
        assert leaf is not None
        key = self.ring.fetch(Branch.MASKED, [self.scope()])[self.scope()]
        return open_masked(key, leaf.masked, place_of_picture(row, 1, 1))

    def faults(self) -> list[str]:
        size = self.database.read_sync(head).size
        return [one.place for one in verify_rows(StoreSource(self.url), size)]


@pytest.fixture
def on_a_stage(database: Database, migrated_url: str, tmp_path: Path) -> Callable[[Test], None]:
    """Runs a test's coroutine on the use cases of contents."""

    def run_test(test: Test) -> None:
        async def main() -> None:
            async with stage(database, tmp_path) as on:
                await test(Room(on, LocalFileKms(tmp_path / "kms"), migrated_url))

        run(main)

    return run_test


@pytest.mark.parametrize("size", [1, 70_000, SEGMENT_BYTES, 2 * SEGMENT_BYTES + 5])
def test_a_content_is_moved_with_its_bytes_and_reads_as_before(on_a_stage: Any, size: int) -> None:
    async def test(room: Room) -> None:
        data = noise(size)
        stored = await room.on.upload(data)
        assert room.suites() == {AES_256_GCM.name}
        old = room.on.objects()
        room.change(SM4_GCM)
        done = await room.reseal()
        assert (done.stage, done.detail) == (DONE, "")
        assert room.suites() == {SM4_GCM.name}
        assert await room.on.download() == data
        assert room.row().size == stored.size
        assert room.faults() == []
        assert old < room.on.objects()
        # Nothing is left to do, and nothing is done.
        again = await room.reseal()
        assert (again.stage, again.total, again.done) == (DONE, 0, 0)

    on_a_stage(test)


def test_whoever_is_downloading_goes_on_with_the_old_bytes(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        data = noise(2 * SEGMENT_BYTES + 5)
        await room.on.upload(data)
        call = room.on.call(Action.CONTENTS_DOWNLOAD)
        name = ContentName(room.on.document, 1)
        found = await room.on.downloading.find(call, name, 0, 0, 0)
        pieces = room.on.downloading.pieces(found)
        first = await anext(pieces)
        room.change(SM4_GCM)
        assert (await room.reseal()).stage == DONE
        room.on.sweep(HOUR)
        assert first + b"".join([piece async for piece in pieces]) == data

    on_a_stage(test)


def test_the_old_bytes_go_after_the_time_of_broken_uploads_and_no_others(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        data = noise(SEGMENT_BYTES + 5)
        await room.on.upload(data)
        old = room.on.objects()
        room.change(SM4_GCM)
        await room.reseal()
        both = room.on.objects()
        room.on.sweep(HOUR)
        assert room.on.objects() == both
        await asyncio.sleep(0.01)
        room.on.sweep(0.0)
        assert room.on.objects() == room.on.named() == both - old
        assert await room.on.download() == data

    on_a_stage(test)


def test_a_request_that_is_sent_again_is_answered_as_ever(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        data = noise(1_000)
        stored = await room.on.upload(data, request="r7")
        room.change(SM4_GCM)
        await room.reseal()
        upload = await room.on.begin(data, request="r7")
        again = upload.stored
        assert again is not None
        assert (again.name, again.version, again.sha256) == (
            stored.name,
            stored.version,
            stored.sha256,
        )

    on_a_stage(test)


def test_an_upload_that_began_before_the_change_ends_after_it_and_is_moved_then(
    on_a_stage: Any,
) -> None:
    async def test(room: Room) -> None:
        data = noise(1_000)
        upload = await room.on.begin(data)
        room.change(SM4_GCM)
        await room.on.uploading.take(upload, 0, data)
        await room.on.uploading.finish(room.on.call(), upload, hashlib.sha256(data).digest())
        # Its key is sealed with the new suite, its bytes are with the old one.
        assert room.suites() == {AES_256_GCM.name, SM4_GCM.name}
        assert (await room.reseal()).stage == DONE
        assert room.suites() == {SM4_GCM.name}
        assert await room.on.download() == data

    on_a_stage(test)


def test_pictures_are_moved_with_their_content(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        await room.on.upload(noise(100))
        room.add_picture()
        room.change(SM4_GCM)
        assert (await room.reseal()).stage == DONE
        assert room.suites() == {SM4_GCM.name}
        assert room.picture() == b"picture"

    on_a_stage(test)


def test_a_store_that_fails_costs_nothing_and_the_job_goes_on(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        data = noise(2 * SEGMENT_BYTES + 5)
        await room.on.upload(data)
        room.change(SM4_GCM)
        room.on.blobs.before = {room.on.blobs.puts + 2}
        step = agreed(room.on.cases.clock.now_micros())
        at_work = resealing(room.on.cases, room.kms, [step], blobs=room.on.blobs)
        with pytest.raises(BlobsUnavailable):
            while await at_work.look():
                pass
        assert room.suites() == {AES_256_GCM.name}
        assert await room.on.download() == data
        while await at_work.look():
            pass
        assert room.suites() == {SM4_GCM.name}
        assert await room.on.download() == data
        await asyncio.sleep(0.01)
        room.on.sweep(0.0)
        assert room.on.objects() == room.on.named()
        assert len(room.on.objects()) == 3
        assert await room.on.download() == data

    on_a_stage(test)


def test_bytes_that_do_not_open_are_left_as_they_are_and_named(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        await room.on.upload(noise(1_000))
        (name,) = room.on.objects()
        path = room.on.folder / "blobs" / name
        path.chmod(0o600)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        before = room.row()
        room.change(SM4_GCM)
        done = await room.reseal()
        assert done.stage == FAILED
        assert done.detail.startswith("1 rows do not open and were left as they are: contents ")
        assert room.row() == before

    on_a_stage(test)


def test_without_an_object_store_contents_are_named_too(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        await room.on.upload(noise(1_000))
        room.change(SM4_GCM)
        done = await room.reseal(blobs=False)
        assert done.stage == FAILED
        assert "contents" in done.detail

    on_a_stage(test)


def test_a_content_that_is_altered_meanwhile_is_left(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        await room.on.upload(noise(1_000))
        room.change(SM4_GCM)
        put = room.on.blobs.put

        def altering(name: str, content: bytes) -> None:
            put(name, content)
            room.database.write_sync(
                lambda conn: conn.execute(text("UPDATE contents SET recorded_by = 'nobody'"))
            )
            room.on.blobs.put = put  # type: ignore[method-assign]

        room.on.blobs.put = altering  # type: ignore[method-assign]
        done = await room.reseal()
        # The next pass takes it as it stands now, and the verification finds that it was altered.
        assert done.stage == DONE
        assert room.row().recorded_by == "nobody"
        assert room.faults() == [f"institutions/{BANK}/{_log_name(room)}"]

    on_a_stage(test)


def test_no_upload_is_left_that_somebody_could_go_on_with(on_a_stage: Any) -> None:
    async def test(room: Room) -> None:
        await room.on.upload(noise(1_000))
        room.change(SM4_GCM)
        await room.reseal()
        rows = room.database.read_sync(
            lambda conn: [uploads.UploadRow(*row) for row in conn.execute(select(uploads_table))]
        )
        by_version = {row.version: row for row in rows}
        assert set(by_version) == {0, 1}
        assert (by_version[0].principal, by_version[0].request_id) == ("", "")
        assert by_version[1].upload == room.row().upload
        assert all(row.sealed == b"" for row in rows)

    on_a_stage(test)


def _log_name(room: Room) -> str:
    return room.row().name.split("/", 2)[2]
