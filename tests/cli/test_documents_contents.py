"""`vaultctl documents put`, `contents` and `get --output`: scans in and out of files."""

from __future__ import annotations

import random
from pathlib import Path

import grpc
import pytest

from recordsvault.type.v1 import content_pb2 as kinds
from tests.cli.conftest import Vaultctl
from tests.clients.fake_contents import SEGMENT, refused, violation
from tests.clients.fake_vault import FakeVault

CUSTOMER = "customers/" + "0" * 26
DOCUMENT = f"{CUSTOMER}/documents/" + "0" * 26
VOUCHER = f"{CUSTOMER}/transactions/" + "0" * 26
WHOLE = f"institutions/demo-bank/{DOCUMENT}"
PDF = b"%PDF-1.7\n" + random.Random(9).randbytes(3 * SEGMENT)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(PDF)
    return path


@pytest.mark.parametrize("record", [DOCUMENT, WHOLE, VOUCHER])
def test_a_scan_goes_in_and_comes_out(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path, tmp_path: Path, record: str
) -> None:
    ran = vaultctl("documents", "put", record, scan, "--page", "2", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["name"].endswith(f"{record}/contents/2")
    assert ran.json["content_type"] == "CONTENT_TYPE_PDF"
    out = tmp_path / "copy.pdf"
    get = ("documents", "get", record, "--page", "2", "--purpose", "onboarding_cdd")
    ran = vaultctl(*get, "--output", out)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{len(PDF)} bytes of version 1 are in {out}\n"
    assert out.read_bytes() == PDF
    assert out.stat().st_mode & 0o777 == 0o600
    ran = vaultctl("documents", "contents", record, "--purpose", "ONBOARDING_CDD", "--json")
    assert [one["page"] for one in ran.json["contents"]] == [2]


def test_a_range_is_written_and_said(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path, tmp_path: Path
) -> None:
    vaultctl("documents", "put", DOCUMENT, scan)
    get = ("documents", "get", DOCUMENT, "--purpose", "ONBOARDING_CDD", "--output")
    for span, wanted in (("0-9", PDF[:10]), ("100-", PDF[100:]), ("7-7", PDF[7:8])):
        out = tmp_path / span
        ran = vaultctl(*get, out, "--range", span, "--json")
        assert ran.json["file"] == str(out)
        assert out.read_bytes() == wanted
    for span in ("9-0", "x", "-5", "1-2-3"):
        ran = vaultctl(*get, tmp_path / "none", "--range", span)
        assert (ran.code, "--range is FIRST-LAST" in ran.err) == (2, True)
    assert vaultctl("documents", "get", DOCUMENT, "--range", "0-1").code == 2


def test_a_purpose_is_asked_for_and_a_file_that_is_there_is_left(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path
) -> None:
    ran = vaultctl("documents", "get", DOCUMENT, "--output", scan)
    assert (ran.code, "for a purpose" in ran.err) == (2, True)
    get = ("documents", "get", DOCUMENT, "--purpose", "ONBOARDING_CDD", "--output", scan)
    ran = vaultctl(*get)
    assert (ran.code, "cannot be used (file exists)" in ran.err) == (13, True)
    assert scan.read_bytes() == PDF
    assert vaultctl(*get, "--fields", "number").code == 2
    assert not fake.contents.downloads


def test_what_cannot_be_stored_is_said(fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path) -> None:
    path = tmp_path / "file"
    ran = vaultctl("documents", "put", DOCUMENT, path)
    assert (ran.code, "no such file" in ran.err) == (13, True)
    path.write_bytes(b"")
    assert "the file is empty" in vaultctl("documents", "put", DOCUMENT, path).err
    path.write_bytes(b"plain text")
    ran = vaultctl("documents", "put", DOCUMENT, path)
    assert (ran.code, "none of JPEG, PNG" in ran.err) == (13, True)
    ran = vaultctl("--lang", "zh", "documents", "put", DOCUMENT, path)
    assert "格式须为 JPEG" in ran.err
    ran = vaultctl("documents", "put", CUSTOMER, path)
    assert (ran.code, "no resource name" in ran.err) == (2, True)
    assert not fake.contents.starts


def test_the_format_can_be_said(fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"plain text")
    assert vaultctl("documents", "put", DOCUMENT, path, "--type", "png").code == 0
    assert fake.contents.starts[0].content_type == kinds.CONTENT_TYPE_PNG


def test_a_lost_connection_is_gone_on_with_and_told_where_a_person_watches(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path
) -> None:
    fake.contents.break_at = [SEGMENT + 1]
    assert vaultctl("documents", "put", DOCUMENT, scan).code == 0
    assert [start.offset for start in fake.contents.starts] == [0, SEGMENT]


def test_an_upload_goes_on_by_its_request_id(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path
) -> None:
    request_id = "7c1ff49a-8a9a-4a5f-9b43-b5d2b8e0b6a1"

    faults = [refused(grpc.StatusCode.PERMISSION_DENIED, "ROLE")]

    def part(position: int) -> None:
        if position > 2 * SEGMENT and faults:
            raise faults.pop()

    fake.contents.at_part = part
    put = ("documents", "put", DOCUMENT, scan, "--request-id", request_id)
    assert vaultctl(*put).code == 5
    assert vaultctl(*put).code == 0
    assert [start.offset for start in fake.contents.starts] == [0, 2 * SEGMENT]
    assert {start.request_id for start in fake.contents.starts} == {request_id}


def test_what_the_vault_refuses_is_a_sentence(
    fake: FakeVault, vaultctl: Vaultctl, scan: Path
) -> None:
    def part(position: int) -> None:
        raise violation("part.data", "DOCUMENT_BROKEN")

    fake.contents.at_part = part
    ran = vaultctl("documents", "put", DOCUMENT, scan)
    assert ran.code == 3
    assert ran.err == "vaultctl: The request is not acceptable: part.data: is not right\n"


def test_pictures_are_written_to_a_folder(
    fake: FakeVault, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    fake.pictures.totals = {1: 2, 7: 1}
    folder = tmp_path / "pictures"
    ran = vaultctl("documents", "view", DOCUMENT, folder, "--json")
    assert (ran.code, ran.err) == (0, "")
    names = ["page-1-1.png", "page-1-2.png", "page-7-1.png"]
    assert [one["file"] for one in ran.json["pictures"]] == [str(folder / name) for name in names]
    assert "png" not in ran.json["pictures"][0]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "page-7-1.png").read_bytes() == b"\x89PNG picture 1 of 7"
    assert (folder / "page-7-1.png").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    # What is there is left.
    ran = vaultctl("documents", "view", DOCUMENT, folder)
    assert (ran.code, "file exists" in ran.err) == (13, True)
    ran = vaultctl("documents", "view", VOUCHER, tmp_path / "other", "--page", "1")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["file", "page", "picture", "version", "layout", "withheld"]
    assert lines[1][1:] == ["1", "1/2", "1", "passport-td3"]
    assert lines[2][1:] == ["1", "2/2", "1", "NO_LAYOUT"]
    ran = vaultctl("documents", "view", DOCUMENT, tmp_path / "none", "--page", "9")
    assert (ran.code, ran.err) == (0, "There are none.\n")
