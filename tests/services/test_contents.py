"""Contents on a real store and a real folder: what two calls do to one upload, what a broken one
leaves, and that a sweep takes away just that."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete

from tests.records import builders
from tests.support.use_cases import BANK, UseCases, allowed, borrowing_of, run, use_cases
from vault.access import Action
from vault.access.proposals import Kind, Party, propose
from vault.blobs import BlobsUnavailable, FolderBlobs
from vault.records import (
    IDENTITY_SCOPE,
    ContentName,
    ContentType,
    CustomerName,
    DocumentKind,
    DocumentName,
    ScopeRef,
)
from vault.sealing import MaskedFileKey
from vault.services.call import Call
from vault.services.contents import errors
from vault.services.contents.downloading import Downloading
from vault.services.contents.sealed import SEGMENT_BYTES
from vault.services.contents.stored import StoredContent
from vault.services.contents.sweeping import Sweeping, Swept
from vault.services.contents.uploading import ContentLimits, Start, Upload, Uploading
from vault.services.errors import Corrupted, InvalidArgument, NoObjectStore, Shredded
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS, DOCUMENTS
from vault.services.merging.content import MergeChange, to_content
from vault.services.merging.errors import Merged
from vault.services.merging.standing import Merges
from vault.services.recording import Recorder
from vault.services.replays import Request
from vault.services.storing import Batch
from vault.store import Database, contents, uploads
from vault.store.contents import ContentRow, LeafRow
from vault.store.schema import full_file_keys, masked_file_keys

HOUR = 3_600.0


class NoPictures:
    """A vault that makes no renditions: what they show is another test's matter."""

    def check_start(self, content_type: ContentType, start: bytes) -> None:
        """Everything is what it says."""

    async def leaves(
        self,
        key: MaskedFileKey,
        row: ContentRow,
        kind: DocumentKind | None,
        pieces: Callable[[int], AsyncIterator[bytes]],
    ) -> list[LeafRow]:
        """None."""
        return []


class IllFolder(FolderBlobs):
    """A folder that fails at the puts of these numbers, before or after the object is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.puts = 0
        self.counting = threading.Lock()
        self.before: set[int] = set()
        self.after: set[int] = set()

    def put(self, name: str, content: bytes) -> None:
        with self.counting:
            self.puts += 1
            number = self.puts
        if number in self.before:
            raise BlobsUnavailable("the disk is gone")
        super().put(name, content)
        if number in self.after:
            raise BlobsUnavailable("the disk went as the answer came")


@dataclass
class Stage:
    """A vault with a document, and the use cases of contents."""

    cases: UseCases
    folder: Path
    blobs: IllFolder
    document: DocumentName

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.cases.log, self.cases.clock)
        self.uploading = self.uploading_into(self.blobs)
        self.downloading = Downloading(
            self.cases.database,
            self.cases.keys,
            self.cases.reading,
            borrowing_of(self.cases.database, self.cases.keys, self.recorder, self.cases.clock),
            self.blobs,
        )

    def uploading_into(self, blobs: FolderBlobs | None, max_bytes: int = 1 << 30) -> Uploading:
        return Uploading(
            self.cases.database,
            self.cases.keys,
            self.cases.reading,
            self.recorder,
            blobs,
            NoPictures(),
            self.cases.clock,
            ContentLimits(max_bytes, HOUR),
            Merges(lambda: self.cases.agreed),
        )

    def call(self, action: Action = Action.CONTENTS_UPLOAD) -> Call:
        return allowed(action, self.document.customer)

    def start(self, data: bytes, request: str = "r1", page: int = 1, offset: int = 0) -> Start:
        return Start(self.document, page, ContentType.PNG, len(data), request, offset)

    async def begin(self, data: bytes, request: str = "r1", offset: int = 0) -> Upload:
        return await self.uploading.begin(self.call(), self.start(data, request, offset=offset))

    async def upload(self, data: bytes, request: str = "r1", page: int = 1) -> StoredContent:
        upload = await self.uploading.begin(self.call(), self.start(data, request, page))
        await self.uploading.take(upload, 0, data)
        return await self.uploading.finish(self.call(), upload, hashlib.sha256(data).digest())

    async def download(self, page: int = 1, version: int = 0) -> bytes:
        call = self.call(Action.CONTENTS_DOWNLOAD)
        name = ContentName(self.document, page)
        found = await self.downloading.find(call, name, version, 0, 0)
        return b"".join([piece async for piece in self.downloading.pieces(found)])

    async def received(self, request: str = "r1") -> int:
        call = self.call(Action.CONTENTS_PROGRESS)
        return (await self.uploading.progress(call, self.document, request)).received

    def objects(self) -> set[str]:
        return {entry.name for entry in self.blobs.list("contents/")}

    def named(self) -> set[str]:
        """The objects that rows name."""

        def read(conn: Connection) -> set[str]:
            found = conn.exec_driver_sql("SELECT object FROM content_segments")
            return {row[0] for row in found}

        return self.cases.database.read_sync(read)

    def sweep(self, kept: float = 0.0) -> Swept:
        sweeping = Sweeping(self.cases.database, self.blobs, self.cases.clock, [BANK], kept)
        return sweeping.sweep()


@asynccontextmanager
async def stage(database: Database, folder: Path) -> AsyncIterator[Stage]:
    async with use_cases(database, folder) as cases:
        owner = builders.customer()
        request = Request("records.customers.create", "", b"")
        call = allowed(Action.CUSTOMERS_CREATE)
        (stored,) = await cases.storing.store_together(
            call, Batch(BANK, [NewRecord(CUSTOMERS, owner)], True, request)
        )
        name = CustomerName(BANK, stored.customer)
        call = allowed(Action.DOCUMENTS_CREATE, stored.customer)
        (paper,) = await cases.storing.store_together(
            call, Batch(BANK, [NewRecord(DOCUMENTS, builders.document(), name)], True, request)
        )
        blobs = folder / "blobs"
        blobs.mkdir()
        document = DocumentName(BANK, stored.customer, paper.record.rpartition("/")[2])
        yield Stage(cases, folder, IllFolder(blobs), document)


def destroy_keys(database: Database, scope: ScopeRef) -> None:
    """As a disposal does."""

    def work(conn: Connection) -> None:
        for table in (full_file_keys, masked_file_keys):
            c = table.c
            conn.execute(
                delete(table).where(
                    c.institution == scope.institution,
                    c.customer == scope.customer,
                    c.scope == scope.scope,
                )
            )

    database.write_sync(work)


def noise(size: int) -> bytes:
    return os.urandom(size)


@pytest.mark.parametrize(
    "size", [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES + 77]
)
def test_what_is_taken_in_pieces_of_any_size_is_stored_whole(
    database: Database, tmp_path: Path, size: int
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data, at, step = noise(size), 0, 700_001
            upload = await s.begin(data)
            for at in range(0, size, step):
                await s.uploading.take(upload, at, data[at : at + step])
            stored = await s.uploading.finish(s.call(), upload, hashlib.sha256(data).digest())
            assert (stored.size, stored.version) == (size, 1)
            assert await s.download() == data
            assert len(s.objects()) == -(-size // SEGMENT_BYTES)

    run(main)


def test_no_object_holds_what_was_uploaded_nor_says_whose_it_is(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = b"E12345678 LI LEI " * 1_000
            await s.upload(data)
            (name,) = s.objects()
            sealed = b"".join(s.blobs.get(name))
            assert b"LI LEI" not in sealed
            for word in (s.document.customer, s.document.document, BANK):
                assert word not in name and word.encode() not in sealed

    run(main)


def test_the_same_bytes_twice_are_sealed_twice(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(5_000)
            await s.upload(data, "r1", page=1)
            await s.upload(data, "r2", page=2)
            one, two = (b"".join(s.blobs.get(name)) for name in s.objects())
            assert one != two

    run(main)


@pytest.mark.parametrize("failing", [1, 3, 5])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_put_that_fails_loses_no_segment_before_it(
    database: Database, tmp_path: Path, when: str, failing: int
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(5 * SEGMENT_BYTES)
            getattr(s.blobs, when).add(failing)
            upload = await s.begin(data)
            with pytest.raises(BlobsUnavailable):
                await s.uploading.take(upload, 0, data)
                await s.uploading.finish(s.call(), upload, hashlib.sha256(data).digest())
            await s.uploading.break_off(upload)
            # Several are put at once, and become durable in their order.
            there = await s.received()
            assert there % SEGMENT_BYTES == 0 and there < len(data)
            assert there >= (failing - 3) * SEGMENT_BYTES
            again = await s.begin(data, offset=there)
            await s.uploading.take(again, there, data[there:])
            await s.uploading.finish(s.call(), again, hashlib.sha256(data).digest())
            assert await s.download() == data
            # Every object has its row, and what the broken call left goes with the next sweep.
            assert s.objects() <= s.named()
            s.sweep(kept=HOUR)
            assert len(s.objects()) == 5
            assert s.objects() == s.named()
            assert await s.download() == data

    run(main)


def test_of_two_calls_that_go_on_with_one_upload_one_stops(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(2 * SEGMENT_BYTES + 5)
            first, second = await s.begin(data), await s.begin(data)

            async def whole(upload: Upload) -> StoredContent:
                await s.uploading.take(upload, 0, data)
                return await s.uploading.finish(s.call(), upload, hashlib.sha256(data).digest())

            done = await asyncio.gather(whole(first), whole(second), return_exceptions=True)
            # Which one goes on is decided by whose first segment is there first.
            assert {type(one) for one in done} == {StoredContent, errors.UploadOvertaken}, done
            await asyncio.gather(*map(s.uploading.break_off, (first, second)))
            assert await s.download() == data
            s.sweep()
            assert len(s.objects()) == 3

    run(main)


def test_of_two_ends_of_one_upload_one_stores(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(SEGMENT_BYTES)
            digest = hashlib.sha256(data).digest()
            first = await s.begin(data)
            await s.uploading.take(first, 0, data)
            await s.uploading.break_off(first)
            ends = [await s.begin(data, offset=SEGMENT_BYTES) for _ in range(2)]
            done = await asyncio.gather(
                *(s.uploading.finish(s.call(), one, digest) for one in ends),
                return_exceptions=True,
            )
            assert sorted(type(one).__name__ for one in done) == [
                "StoredContent",
                "UploadOvertaken",
            ]
            assert [row.version for row in versions(s)] == [1]

    run(main)


def test_two_uploads_of_one_page_make_two_versions(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            scans = [noise(1_000 + n) for n in range(3)]
            stored = await asyncio.gather(
                *(s.upload(data, f"r{n}") for n, data in enumerate(scans))
            )
            assert sorted(one.version for one in stored) == [1, 2, 3]
            for data, one in zip(scans, stored, strict=True):
                assert await s.download(version=one.version) == data

    run(main)


def versions(s: Stage) -> list[ContentRow]:
    """Those of the first page."""

    def read(conn: Connection) -> list[ContentRow]:
        owner = (BANK, s.document.customer, s.document.record)
        found = (contents.version(conn, *owner, 1, number) for number in range(1, 10))
        return [row for row in found if row is not None]

    return s.cases.database.read_sync(read)


def test_a_sweep_takes_what_nobody_goes_on_with_and_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            kept, broken = noise(1_000), noise(2 * SEGMENT_BYTES)
            await s.upload(kept, "kept", page=1)
            upload = await s.begin(broken, "broken")
            await s.uploading.take(upload, 0, broken[:-1])
            await s.uploading.break_off(upload)
            assert s.sweep(kept=HOUR) == Swept()
            assert len(s.objects()) == 2
            assert s.sweep().given_up == 1
            assert s.sweep() == Swept()
            assert s.objects() == s.named()
            assert await s.download() == kept
            with pytest.raises(errors.UploadUnknown):
                await s.received("broken")
            # Whoever still held the upload can do nothing with it, and leaves nothing.
            with pytest.raises(errors.UploadOvertaken):
                await s.uploading.take(upload, len(broken) - 1, broken[-1:])
                await s.uploading.finish(s.call(), upload, hashlib.sha256(broken).digest())
            s.sweep()
            assert s.objects() == s.named() and len(s.objects()) == 1

    run(main)


def test_what_can_never_be_right_is_given_up_at_once(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(SEGMENT_BYTES + 9)
            upload = await s.begin(data)
            await s.uploading.take(upload, 0, data)
            with pytest.raises(InvalidArgument) as refused:
                await s.uploading.finish(s.call(), upload, hashlib.sha256(b"other").digest())
            assert refused.value.reason == "DIGEST_MISMATCH"
            assert versions(s) == []
            assert s.sweep(kept=HOUR).objects == 2
            assert s.objects() == set()
            assert await s.upload(data) is not None

    run(main)


def test_an_upload_that_was_altered_is_not_gone_on_with(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(SEGMENT_BYTES + 9)
            upload = await s.begin(data)
            await s.uploading.take(upload, 0, data[:SEGMENT_BYTES])
            await s.uploading.break_off(upload)
            (name,) = s.objects()
            path = tmp_path / "blobs" / name
            good = path.read_bytes()
            for wrong in (good[:-1], good + b"x", bytes([good[0] ^ 1]) + good[1:]):
                path.write_bytes(wrong)
                with pytest.raises(Corrupted):
                    await s.begin(data, offset=SEGMENT_BYTES)
            path.unlink()
            with pytest.raises(Corrupted):
                await s.begin(data, offset=SEGMENT_BYTES)

    run(main)


def test_rows_that_were_exchanged_do_not_open(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(3 * SEGMENT_BYTES)
            await s.upload(data)

            def swap(conn: Connection) -> None:
                for sql in (
                    "UPDATE content_segments SET number = 9 WHERE number = 1",
                    "UPDATE content_segments SET number = 1 WHERE number = 2",
                    "UPDATE content_segments SET number = 2 WHERE number = 9",
                ):
                    conn.exec_driver_sql(sql)

            database.write_sync(swap)
            with pytest.raises(Corrupted):
                await s.download()
            database.write_sync(swap)
            assert await s.download() == data
            # One that is shorter by its last segment does not pass for a whole one either.
            database.write_sync(
                lambda conn: conn.exec_driver_sql(
                    f"UPDATE contents SET segments = 2, size = {2 * SEGMENT_BYTES}"
                )
            )
            with pytest.raises(Corrupted):
                await s.download()

    run(main)


def test_a_content_is_destroyed_with_the_key_of_its_scope(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            await s.upload(noise(100))
            scope = ScopeRef(BANK, s.document.customer, IDENTITY_SCOPE)
            destroy_keys(database, scope)
            s.cases.ring.clear()
            with pytest.raises(Shredded):
                await s.download()

    run(main)


def test_without_an_object_store_there_are_no_contents(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            with pytest.raises(NoObjectStore):
                await s.uploading_into(None).begin(s.call(), s.start(b"x"))
            small = s.uploading_into(s.blobs, max_bytes=9)
            with pytest.raises(InvalidArgument) as refused:
                await small.begin(s.call(), s.start(b"x" * 10))
            assert refused.value.reason == "CONTENT_TOO_LARGE"

    run(main)


def test_an_upload_row_says_nothing_of_its_key(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            upload = await s.begin(b"abc")
            assert upload.key.key.hex() not in repr(upload) + repr(upload.row) + repr(upload.key)
            assert upload.key.key not in upload.row.sealed
            row = database.read_sync(
                lambda conn: uploads.by_request(conn, BANK, s.document.customer, "somebody", "r1")
            )
            assert row == replace(upload.row)
            await s.uploading.take(upload, 0, b"abc")
            await s.uploading.finish(s.call(), upload, hashlib.sha256(b"abc").digest())
            # Its key stands in one place from then on.
            row = database.read_sync(
                lambda conn: uploads.by_request(conn, BANK, s.document.customer, "somebody", "r1")
            )
            assert row is not None and row.sealed == b"" and row.version == 1

    run(main)


def test_a_file_that_points_to_another_takes_no_more_contents(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with stage(database, tmp_path) as s:
            data = noise(5_000)
            await s.upload(data, "before")
            underway = await s.begin(data, "underway")
            await s.uploading.take(underway, 0, data)
            into = to_content(MergeChange(s.document.customer, "0" * 26))
            by = Party("li", "p-1")
            s.cases.agreed = [propose(Kind.MERGE, BANK, "1" * 26, by, into, "Twice.", 1)]
            with pytest.raises(Merged) as refused:
                await s.begin(data, "after")
            assert refused.value.metadata["merged_into"].endswith(f"/customers/{'0' * 26}")
            with pytest.raises(Merged):
                await s.uploading.finish(s.call(), underway, hashlib.sha256(data).digest())
            with pytest.raises(Merged):
                await s.begin(data, "underway", offset=len(data))
            # What was stored before is told and read as before.
            assert (await s.begin(data, "before")).stored is not None
            assert await s.download() == data
            # Taken apart, the upload that was under way is finished.
            s.cases.agreed = []
            await s.uploading.finish(s.call(), underway, hashlib.sha256(data).digest())
            assert (await s.download(version=2)) == data

    run(main)
