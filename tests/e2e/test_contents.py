"""Scans over the wire: in by stream, whole or not at all; out by stream, whole or a range."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from recordsvault.records.v1 import content_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import content_pb2 as kinds
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.wire import LogBook, refusal
from tests.support.contents import (
    PART,
    PURPOSE,
    SEGMENT,
    download,
    finish,
    parts,
    scan,
    start,
    upload,
)
from tests.support.running_vault import RunningVault, other


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.fixture
def document(vault: RunningVault) -> str:
    """A passport of a customer of its own."""
    return new_document(vault)


def new_document(vault: RunningVault, who: str = "backend", parent: str = people.PARENT) -> str:
    stub = vault.records(who)
    customer = stub.CreateCustomer(
        pb.CreateCustomerRequest(parent=parent, customer=people.person())
    ).customer.name
    made = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
    )
    return made.identity_document.name


def listed(vault: RunningVault, parent: str) -> list[cp.Content]:
    request = cp.ListContentsRequest(parent=parent, purpose=PURPOSE)
    return list(vault.records().ListContents(request).contents)


def progress(vault: RunningVault, parent: str, request_id: str) -> cp.GetUploadResponse:
    request = cp.GetUploadRequest(parent=parent, request_id=request_id)
    return vault.records().GetUpload(request)


@pytest.mark.parametrize("size", [100, PART + 1, SEGMENT, 2 * SEGMENT + 12_345])
def test_what_was_uploaded_comes_back(vault: RunningVault, document: str, size: int) -> None:
    data = scan(size)
    content = upload(vault.records(), document, data)
    assert (content.name, content.page, content.version) == (f"{document}/contents/1", 1, 1)
    assert (content.size, content.sha256) == (len(data), hashlib.sha256(data).digest())
    assert content.content_type == kinds.CONTENT_TYPE_PNG
    heads: list[cp.Content] = []
    found = download(
        vault.records(),
        content.name,
        seen=lambda m: heads.append(m.content) if m.HasField("content") else None,
    )
    assert found == data
    assert heads == [content]


def test_any_range_comes_back(vault: RunningVault, document: str) -> None:
    data = scan(SEGMENT + 50_000)
    name = upload(vault.records(), document, data).name
    for offset, length in (
        (0, 1),
        (len(data) - 1, 1),
        (16_384, 16_384),
        (SEGMENT - 1, 2),
        (SEGMENT, 0),
        (123, SEGMENT),
    ):
        wanted = data[offset : offset + length] if length else data[offset:]
        assert download(vault.records(), name, offset=offset, length=length) == wanted
    for offset, length in ((len(data), 0), (0, len(data) + 1), (len(data) - 1, 2)):
        call = partial(download, vault.records(), name, offset=offset, length=length)
        assert refusal(call).fields == {("offset", "RANGE_OUTSIDE")}


def test_pages_and_versions(vault: RunningVault, document: str) -> None:
    front, back, better = scan(1_000, 2), scan(1_000, 3), scan(2_000, 4)
    stub = vault.records()
    upload(stub, document, back, page=2)
    upload(stub, document, front)
    assert upload(stub, document, better).version == 2
    assert [(c.page, c.version) for c in listed(vault, document)] == [(1, 2), (2, 1)]
    name = f"{document}/contents/1"
    assert download(stub, name) == better
    assert download(stub, name, version=1) == front
    assert refusal(partial(download, stub, name, version=3)).code == "NOT_FOUND"
    assert refusal(partial(download, stub, f"{document}/contents/3")).code == "NOT_FOUND"


def test_a_voucher_of_a_transaction(vault: RunningVault, document: str) -> None:
    customer = document.rpartition("/documents/")[0]
    stub = vault.records()
    booked = stub.CreateTransaction(
        pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
    ).transaction.name
    data = scan(5_000, 9)
    content = upload(stub, booked, data)
    assert content.name == f"{booked}/contents/1"
    assert download(stub, content.name) == data
    assert refusal(partial(upload, stub, customer, data)).fields == {
        ("start.parent", "RULE_STRING_PATTERN")
    }


def test_a_broken_upload_goes_on_behind_its_last_whole_segment(
    vault: RunningVault, document: str
) -> None:
    data, request_id = scan(2 * SEGMENT + 5_000), people.new_id()
    cut = SEGMENT + 3 * PART

    def broken() -> Iterator[cp.UploadDocumentRequest]:
        yield start(document, data, request_id=request_id)
        yield from parts(data, 0, cut)

    assert refusal(lambda: vault.records().UploadDocument(broken())).fields == {
        ("finish", "UPLOAD_UNFINISHED")
    }
    assert listed(vault, document) == []
    there = progress(vault, document, request_id)
    assert (there.received, there.size, there.HasField("content")) == (SEGMENT, len(data), False)
    assert there.HasField("expire_time")
    again = partial(upload, vault.records(), document, data, request_id=request_id)
    assert refusal(partial(again, offset=0)).fields == {("start.offset", "UPLOAD_OFFSET")}
    content = again(offset=there.received)
    assert download(vault.records(), content.name) == data
    assert progress(vault, document, request_id).content == content


def test_an_upload_sent_again_is_answered_and_stored_once(
    vault: RunningVault, document: str
) -> None:
    data, request_id = scan(9_000), people.new_id()
    first = upload(vault.records(), document, data, request_id=request_id)
    assert upload(vault.records(), document, data, request_id=request_id) == first
    assert len(listed(vault, document)) == 1
    other_page = partial(upload, vault.records(), document, data, request_id=request_id, page=2)
    assert refusal(other_page).fields == {("request_id", "REQUEST_ID_REUSED")}


def bad(case: str, parent: str, data: bytes) -> Iterator[cp.UploadDocumentRequest]:
    """Messages of an upload that must not be stored."""
    first, rest, last = start(parent, data), list(parts(data)), finish(data)
    match case:
        case "no start":
            return iter([rest[0], last])
        case "a wrong hash":
            return iter([first, *rest, finish(data + b"x")])
        case "too many bytes":
            return iter([start(parent, data, size=len(data) - 1), *rest, last])
        case "too few bytes":
            return iter([start(parent, data, size=len(data) + 1), *rest, last])
        case "out of order":
            return iter([first, rest[1], rest[0], last])
        case "something behind":
            return iter([first, *rest, last, rest[0]])
        case "start twice":
            return iter([first, first])
        case "another type":
            kind = kinds.CONTENT_TYPE_PDF
            return iter([start(parent, data, content_type=kind), *rest, last])
        case "a type that is not taken":
            html = b"<html>" + data
            return iter([start(parent, html), *parts(html), finish(html)])
        case "an empty file":
            return iter([start(parent, b""), finish(b"")])
        case "an empty part":
            empty = cp.UploadDocumentRequest(part=cp.UploadPart(offset=0))
            return iter([first, empty])
        case "more than the vault takes":
            return iter([start(parent, data, size=1 << 45)])
    raise AssertionError(case)


@pytest.mark.parametrize(
    ("case", "field", "reason"),
    [
        ("no start", "start.parent", "RESOURCE_NAME"),
        ("a wrong hash", "finish.sha256", "DIGEST_MISMATCH"),
        ("too many bytes", "part.data", "SIZE_MISMATCH"),
        ("too few bytes", "finish", "SIZE_MISMATCH"),
        ("out of order", "part.offset", "CHUNK_OUT_OF_ORDER"),
        ("something behind", "step", "UPLOAD_STEP"),
        ("start twice", "step", "UPLOAD_STEP"),
        ("another type", "start.content_type", "DOCUMENT_TYPE_DIFFERS"),
        ("a type that is not taken", "start.content_type", "DOCUMENT_TYPE_NOT_TAKEN"),
        ("an empty file", "start.size", "RULE_INT64_GTE"),
        ("an empty part", "part.data", "PART_SIZE"),
        ("more than the vault takes", "start.size", "CONTENT_TOO_LARGE"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    vault: RunningVault, document: str, log: LogBook, case: str, field: str, reason: str
) -> None:
    size = log.size()
    data = scan(2 * PART)
    refused = refusal(lambda: vault.records().UploadDocument(bad(case, document, data)))
    assert refused.code == "INVALID_ARGUMENT"
    assert (field, reason) in refused.fields
    assert refused.en and refused.zh
    assert listed(vault, document) == []
    events = [e for e in log.since(size) if e.action == "records.contents.upload"]
    assert events[-1].outcome == "INVALID_ARGUMENT"
    assert not any(e.rows for e in events)


def test_the_log_tells_of_each_upload_and_download(
    vault: RunningVault, document: str, log: LogBook
) -> None:
    size = log.size()
    data = scan(1_000)
    name = upload(vault.records(), document, data).name
    download(vault.records(), name, length=10)
    relative = name.split("/", 2)[2]
    events = [e for e in log.since(size) if e.action.startswith("records.contents.")]
    assert [(e.action.rpartition(".")[2], e.phase.value) for e in events] == [
        ("upload", "opened"),
        ("upload", "closed"),
        ("download", "opened"),
        ("download", "closed"),
    ]
    assert [row.name for row in events[1].rows] == [f"{relative}@1"]
    assert events[1].resource == events[2].resource == name
    assert events[2].fields == ("identity_document.content",)
    assert events[2].purpose == "ONBOARDING_CDD"


def test_only_a_backend_uploads_and_only_for_a_purpose_is_opened(
    vault: RunningVault, document: str
) -> None:
    data = scan(1_000)
    name = upload(vault.records(), document, data).name
    for who in ("crm", "compliance", "officer", other("backend")):
        assert refusal(partial(upload, vault.records(who), document, data)).code == (
            "PERMISSION_DENIED"
        )
    for who in ("crm", "officer", other("backend")):
        assert refusal(partial(download, vault.records(who), name)).code == "PERMISSION_DENIED"
    without = partial(download, vault.records(), name, purpose=purpose_pb2.PURPOSE_UNSPECIFIED)
    assert refusal(without).code == "PERMISSION_DENIED"
    assert download(vault.records("compliance"), name) == data


def test_a_document_that_is_not_there_takes_no_upload(vault: RunningVault, document: str) -> None:
    nobody = document[:-26] + "0" * 26
    refused = refusal(partial(upload, vault.records(), nobody, scan(1_000)))
    assert refused.code == "NOT_FOUND"


def test_what_was_altered_is_not_given_out(vault: RunningVault, document: str) -> None:
    data = scan(SEGMENT + 70_000, 5)
    before = {path: path.read_bytes() for path in objects(vault)}
    name = upload(vault.records(), document, data).name
    mine = sorted((p for p in objects(vault) if p not in before), key=lambda p: -p.stat().st_size)
    good = mine[0].read_bytes()
    for wrong in (good[:-1], good + b"x", good[:70_000] + b"\0" + good[70_001:]):
        mine[0].write_bytes(wrong)
        assert refusal(partial(download, vault.records(), name)).code == "DATA_LOSS"
    mine[0].unlink()
    assert refusal(partial(download, vault.records(), name)).code == "DATA_LOSS"
    mine[0].write_bytes(good)
    assert download(vault.records(), name) == data


def objects(vault: RunningVault) -> list[Path]:
    """The objects of contents in the vault's folder."""
    return [path for path in (vault.folder / "blobs" / "contents").rglob("*") if path.is_file()]
