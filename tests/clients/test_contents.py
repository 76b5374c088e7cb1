"""Scans and files by stream: from and to files, told of as they go, gone on with where the way was
lost; blocking and with asyncio."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from recordsvault.records.v1.content_pb2 import Content
from recordsvault.type.v1 import content_pb2 as kinds
from recordsvault_client import (
    Aborted,
    AsyncVaultClient,
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Profile,
    ProtocolError,
    RetryPolicy,
    Unavailable,
    VaultClient,
    content_types,
)
from tests.clients.fake_contents import SEGMENT, refused, violation
from tests.clients.fake_vault import FakeVault

PARENT = "institutions/demo-bank/customers/" + "0" * 26 + "/documents/" + "0" * 26
NAME = f"{PARENT}/contents/1"
PURPOSE = "ONBOARDING_CDD"
PDF = b"%PDF-1.7\n" + random.Random(7).randbytes(5 * SEGMENT + 12_345)

Upload = Callable[..., Content]
Download = Callable[..., Content]


class Both:
    """The same calls by the blocking client or by the asyncio client."""

    def __init__(self, fake: FakeVault, policy: RetryPolicy, *, asynchronous: bool) -> None:
        self._profile = Profile.load(fake.profile())
        self._policy = policy
        self._asynchronous = asynchronous

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        if self._asynchronous:
            return asyncio.run(self._call(method, *arguments, **options))
        with VaultClient(self._profile, retry=self._policy) as vault:
            return getattr(vault.contents, method)(*arguments, **options)

    async def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        async with AsyncVaultClient(self._profile, retry=self._policy) as vault:
            return await getattr(vault.contents, method)(*arguments, **options)

    def upload(self, *arguments: Any, **options: Any) -> Content:
        content = self.call("upload", *arguments, **options)
        assert isinstance(content, Content)
        return content

    def download(self, *arguments: Any, **options: Any) -> Content:
        content = self.call("download", *arguments, purpose=PURPOSE, **options)
        assert isinstance(content, Content)
        return content


@pytest.fixture(params=["blocking", "asyncio"])
def both(request: pytest.FixtureRequest, fake: FakeVault, fast: RetryPolicy) -> Both:
    return Both(fake, fast, asynchronous=request.param == "asyncio")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(PDF)
    return path


# -- uploads -------------------------------------------------------------------------------------


def as_path(path: Path) -> Any:
    return path


def as_text(path: Path) -> Any:
    return str(path)


def as_bytes(path: Path) -> Any:
    return path.read_bytes()


def as_file(path: Path) -> Any:
    return io.BytesIO(path.read_bytes())


def as_rest_of_a_file(path: Path) -> Any:
    file = io.BytesIO(b"something before" + path.read_bytes())
    file.seek(len(b"something before"))
    return file


@pytest.mark.parametrize("given", [as_path, as_text, as_bytes, as_file, as_rest_of_a_file])
def test_a_scan_is_stored_whole_from_whatever_it_comes(
    fake: FakeVault, both: Both, scan: Path, given: Callable[[Path], Any]
) -> None:
    content = both.upload(PARENT, given(scan), page=3)
    assert content.name == f"{PARENT}/contents/3"
    assert content.content_type == kinds.CONTENT_TYPE_PDF
    assert content.sha256 == hashlib.sha256(PDF).digest()
    assert fake.contents.contents[content.name][1] == PDF
    (start,) = fake.contents.starts
    assert uuid.UUID(start.request_id).version == 4
    assert (start.size, start.offset, start.page) == (len(PDF), 0, 3)


def test_progress_is_told_to_the_end_and_never_back(
    fake: FakeVault, both: Both, scan: Path
) -> None:
    told: list[tuple[int, int]] = []
    both.upload(PARENT, scan, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(PDF), len(PDF))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {len(PDF)}


@pytest.mark.parametrize("places", [[1], [SEGMENT], [3 * SEGMENT - 1, len(PDF)], [1, 1, 1]])
def test_a_connection_that_is_lost_is_gone_on_with_from_what_is_durable(
    fake: FakeVault, both: Both, scan: Path, places: list[int]
) -> None:
    fake.contents.break_at = list(places)
    seen: list[str] = []
    content = both.upload(PARENT, scan, on_interrupt=lambda error, pause: seen.append(error.reason))
    assert fake.contents.contents[content.name][1] == PDF
    assert len(seen) == len(places)
    starts = fake.contents.starts
    assert len({start.request_id for start in starts}) == 1
    offsets = [start.offset for start in starts]
    assert offsets == sorted(offsets)
    assert all(offset % SEGMENT == 0 for offset in offsets)
    assert offsets[-1] <= max(places)


def test_an_answer_that_is_lost_is_asked_for_and_nothing_is_stored_twice(
    fake: FakeVault, both: Both, scan: Path
) -> None:
    fake.contents.lose_answer = 1
    content = both.upload(PARENT, scan)
    assert content.version == 1
    assert len(fake.contents.starts) == 1


def test_another_process_goes_on_by_the_request_id(fake: FakeVault, both: Both, scan: Path) -> None:
    request_id = str(uuid.uuid4())
    fake.contents.break_at = [2 * SEGMENT + 5]
    with pytest.raises(Unavailable) as caught:
        both.upload(PARENT, scan, request_id=request_id, patience=0.0)
    assert caught.value.request_id == request_id
    assert both.call("upload_progress", PARENT, request_id).received == 2 * SEGMENT
    both.upload(PARENT, scan, request_id=request_id)
    assert [start.offset for start in fake.contents.starts] == [0, 2 * SEGMENT]
    # And once it has ended, it is only asked for.
    assert both.upload(PARENT, scan, request_id=request_id).version == 1
    assert len(fake.contents.starts) == 2


def test_another_file_under_the_same_request_id_is_not_taken_for_it(
    fake: FakeVault, both: Both, scan: Path
) -> None:
    request_id = str(uuid.uuid4())
    both.upload(PARENT, scan, request_id=request_id)
    with pytest.raises(ProtocolError, match="Another file"):
        both.upload(PARENT, PDF[:-1] + b"x", request_id=request_id)


def test_a_vault_that_still_holds_the_lost_connection_is_waited_for(
    fake: FakeVault, both: Both, scan: Path
) -> None:
    faults = [
        refused(grpc.StatusCode.ABORTED, "UPLOAD_OVERTAKEN"),
        violation("start.offset", "UPLOAD_OFFSET"),
    ]

    def part(position: int) -> None:
        if faults:
            raise faults.pop(0)

    fake.contents.at_part = part
    both.upload(PARENT, scan)
    assert len(fake.contents.starts) == 3


def test_what_the_vault_refuses_ends_the_upload(fake: FakeVault, both: Both, scan: Path) -> None:
    for fault, kind in (
        (violation("part.data", "DOCUMENT_BROKEN"), InvalidArgument),
        (refused(grpc.StatusCode.PERMISSION_DENIED, "ROLE"), PermissionDenied),
        (refused(grpc.StatusCode.ABORTED, "OTHER"), Aborted),
    ):

        def part(position: int, fault: Exception = fault) -> None:
            raise fault

        fake.contents.at_part = part
        with pytest.raises(kind):
            both.upload(PARENT, scan)
    assert len(fake.contents.starts) == 3


def test_patience_ends_while_nothing_moves(fake: FakeVault, both: Both, scan: Path) -> None:
    def part(position: int) -> None:
        raise refused(grpc.StatusCode.UNAVAILABLE, "OBJECTS_UNAVAILABLE")

    fake.contents.at_part = part
    started = time.monotonic()
    with pytest.raises(Unavailable, match="OBJECTS_UNAVAILABLE"):
        both.upload(PARENT, scan, patience=0.5)
    assert 0.2 < time.monotonic() - started < 20
    assert len(fake.contents.starts) > 2


def test_a_silent_vault_counts_as_lost(fake: FakeVault, both: Both, scan: Path) -> None:
    go_on = threading.Event()
    fake.contents.at_finish = lambda: _wait(go_on)
    seen: list[type[Exception]] = []

    def interrupted(error: Exception, pause: float) -> None:
        seen.append(type(error))
        go_on.set()

    both.upload(PARENT, scan, answer_timeout=0.5, on_interrupt=interrupted)
    assert seen[0] is DeadlineExceeded


def _wait(event: threading.Event) -> None:
    event.wait(30)


def test_a_vault_that_restarts_gets_the_rest(fake: FakeVault, both: Both, scan: Path) -> None:
    once = threading.Event()

    def part(position: int) -> None:
        if position > 2 * SEGMENT and not once.is_set():
            once.set()
            threading.Thread(target=restart).start()
            time.sleep(0.2)

    def restart() -> None:
        fake.stop()
        fake.start()

    fake.contents.at_part = part
    content = both.upload(PARENT, scan)
    assert fake.contents.contents[content.name][1] == PDF


def test_a_file_that_is_no_document_of_a_known_format_is_not_sent(
    fake: FakeVault, both: Both, tmp_path: Path
) -> None:
    for content, told in ((b"", "empty"), (b"GIF89a...", "none of JPEG, PNG")):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=told):
            both.upload(PARENT, path)
    with pytest.raises(ValueError, match="one of JPEG"):
        both.upload(PARENT, PDF, content_type="gif")
    with pytest.raises(ValueError, match="number"):
        both.upload(PARENT, PDF, content_type=99)
    with pytest.raises(FileNotFoundError):
        both.upload(PARENT, tmp_path / "nowhere")
    assert not fake.contents.starts


def test_what_cannot_be_sought_in_is_refused(both: Both, fake: FakeVault) -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe, pytest.raises(ValueError, match="can be sought"):
        both.upload(PARENT, pipe)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(20), "JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "PNG"),
        (b"II*\0" + bytes(20), "TIFF"),
        (b"MM\0*" + bytes(20), "TIFF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"%PDF-1.4\n", "PDF"),
    ],
)
def test_the_format_is_told_by_the_first_bytes(
    fake: FakeVault, vault: VaultClient, head: bytes, kind: str
) -> None:
    assert kind in content_types()
    assert vault.contents.upload(PARENT, head).content_type == kinds.ContentType.Value(
        f"CONTENT_TYPE_{kind}"
    )
    # What is said counts; the vault looks at the bytes itself.
    for said in ("pdf", "CONTENT_TYPE_PDF", kinds.CONTENT_TYPE_PDF):
        stored = vault.contents.upload(PARENT, head, content_type=said)
        assert stored.content_type == kinds.CONTENT_TYPE_PDF


class Failing(io.BytesIO):
    """A disk that fails in the middle."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 2 * SEGMENT:
            raise OSError("the disk is ill")
        return super().read(size)


def test_what_the_source_raises_comes_through(fake: FakeVault, both: Both) -> None:
    with pytest.raises(OSError, match="the disk is ill"):
        both.upload(PARENT, Failing(PDF))
    assert not fake.contents.contents


def test_a_file_that_becomes_shorter_is_an_error(fake: FakeVault, both: Both, scan: Path) -> None:
    def part(position: int) -> None:
        os.truncate(scan, SEGMENT)

    fake.contents.at_part = part
    with pytest.raises(OSError, match="became shorter"):
        both.upload(PARENT, scan)


def test_what_the_callback_raises_stops_the_upload(fake: FakeVault, both: Both, scan: Path) -> None:
    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done >= SEGMENT:
            raise Enough

    with pytest.raises(Enough):
        both.upload(PARENT, scan, progress=progress)
    assert not fake.contents.contents


def test_only_what_the_way_takes_is_read_ahead(fake: FakeVault, both: Both) -> None:
    read = ahead = 0
    furthest = threading.Event()

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            data = super().read(size)
            read += len(data)
            return data

    def part(position: int) -> None:
        nonlocal ahead
        if position > SEGMENT and not furthest.is_set():
            furthest.set()
            time.sleep(0.7)
            ahead = read - position

    fake.contents.at_part = part
    both.upload(PARENT, Counted(b"%PDF-" + bytes(60 * SEGMENT)))
    assert 0 < ahead < 30 * SEGMENT


# -- downloads -----------------------------------------------------------------------------------


@pytest.fixture
def stored(fake: FakeVault, vault: VaultClient) -> Content:
    return vault.contents.upload(PARENT, PDF)


@pytest.mark.usefixtures("stored")
def test_a_content_is_written_to_a_file_of_its_own(both: Both, tmp_path: Path) -> None:
    target = tmp_path / "out.pdf"
    told: list[tuple[int, int]] = []
    content = both.download(NAME, target, progress=lambda *one: told.append(one))
    assert content.sha256 == hashlib.sha256(PDF).digest()
    assert target.read_bytes() == PDF
    assert target.stat().st_mode & 0o777 == 0o600
    assert told[-1] == (len(PDF), len(PDF))
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.usefixtures("stored")
def test_it_is_written_to_a_file_object_too(both: Both) -> None:
    out = io.BytesIO()
    both.download(NAME, out)
    assert out.getvalue() == PDF


@pytest.mark.usefixtures("stored")
def test_a_file_that_is_there_is_left_as_it_is(fake: FakeVault, both: Both, tmp_path: Path) -> None:
    target = tmp_path / "out.pdf"
    target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        both.download(NAME, target)
    assert target.read_bytes() == b"mine"
    assert not fake.contents.downloads


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("offset", "length"), [(0, 10), (7, 1), (SEGMENT - 3, 700_000), (100, 0)])
def test_a_range_is_what_was_asked_for(both: Both, offset: int, length: int) -> None:
    out = io.BytesIO()
    both.download(NAME, out, offset=offset, length=length)
    assert out.getvalue() == (PDF[offset : offset + length] if length else PDF[offset:])


@pytest.mark.usefixtures("stored")
def test_a_download_goes_on_behind_the_last_byte_and_with_the_same_version(
    fake: FakeVault, vault: VaultClient, both: Both, tmp_path: Path
) -> None:
    fake.contents.break_download_at = [1, 2 * SEGMENT, len(PDF) - 1]
    seen: list[str] = []
    target = tmp_path / "out.pdf"
    both.download(NAME, target, on_interrupt=lambda error, pause: seen.append(error.reason))
    assert target.read_bytes() == PDF
    asked = [(one.offset, one.version) for one in fake.contents.downloads]
    assert asked[0] == (0, 0)
    assert [version for _, version in asked[1:]] == [1] * (len(asked) - 1)
    assert [offset for offset, _ in asked] == sorted({offset for offset, _ in asked})
    # What is lost behind the last byte is not asked for.
    assert len(seen) in (2, 3)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("what", ["bytes", "offset", "more", "version"])
def test_other_bytes_than_those_that_were_said_are_refused_and_no_file_is_left(
    fake: FakeVault, both: Both, tmp_path: Path, what: str
) -> None:
    fake.contents.break_download_at = [SEGMENT] if what == "version" else []

    def give(answer: Any) -> Any:
        if answer.offset == 0 or (what == "version" and not answer.HasField("content")):
            return answer
        if what == "bytes":
            answer.data = answer.data[:-1] + bytes([answer.data[-1] ^ 1])
        elif what == "offset":
            answer.offset += 1
        elif what == "more":
            answer.data = answer.data + bytes(len(PDF))
        else:
            answer.content.sha256 = bytes(32)
        return answer

    fake.contents.give = give
    with pytest.raises(ProtocolError) as caught:
        both.download(NAME, tmp_path / "out.pdf")
    assert caught.value.reason == "CONTENT_MISMATCH"
    assert list(tmp_path.glob("*out.pdf*")) == []


def test_what_is_not_there_leaves_no_file(fake: FakeVault, both: Both, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        both.download(NAME, tmp_path / "out.pdf")
    assert list(tmp_path.glob("*out.pdf*")) == []


@pytest.mark.usefixtures("stored")
def test_a_stream_says_what_it_is_and_can_be_closed(fake: FakeVault, vault: VaultClient) -> None:
    with vault.contents.open(NAME, purpose=PURPOSE, case_reference="c-1", version=1) as stream:
        assert (stream.content, stream.total) == (None, 0)
        first = next(stream)
        assert stream.content is not None
        assert (stream.content.name, stream.total) == (NAME, len(PDF))
    assert PDF.startswith(first)
    assert len(list(stream)) < 3
    (asked,) = fake.contents.downloads
    assert (asked.case_reference, asked.version) == ("c-1", 1)


@pytest.mark.usefixtures("stored")
def test_contents_are_listed(fake: FakeVault, vault: VaultClient, fast: RetryPolicy) -> None:
    vault.contents.upload(PARENT, PDF, page=2)
    assert [one.page for one in vault.contents.list(PARENT, purpose=PURPOSE)] == [1, 2]

    async def pages() -> list[int]:
        async with AsyncVaultClient(Profile.load(fake.profile()), retry=fast) as client:
            return [one.page async for one in client.contents.list(PARENT, purpose=PURPOSE)]

    assert asyncio.run(pages()) == [1, 2]
