"""A scan is stored whole by who may, and shown covered and stamped by a tier that could not show
more."""

import hashlib
import io
import re
from collections.abc import Callable
from functools import partial

import pytest
from PIL import Image, ImageChops
from sqlalchemy import delete, select, update

from recordsvault.audit.v1 import audit_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.masked.v1 import views_pb2 as views
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import content_pb2 as kinds
from tests.e2e import people
from tests.e2e.wire import LogBook, refusal
from tests.support.contents import finish, parts, scan, start, upload
from tests.support.running_vault import RunningVault, other
from tests.support.specimen_files import FORMATS, PLANTED, as_file, as_pdf, encrypted_pdf, png_bomb
from tests.support.specimens import DRAWN, letter
from vault.records import ContentType
from vault.renditions import LAYOUTS
from vault.renditions.covering import covered_pixels
from vault.rpc.ending import RECEIPT
from vault.store import schema

PASSPORT = DRAWN["passport-td3"]()


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.fixture
def document(vault: RunningVault) -> str:
    """A passport of a customer of its own."""
    stub = vault.records()
    customer = stub.CreateCustomer(
        pb.CreateCustomerRequest(parent=people.PARENT, customer=people.person())
    ).customer.name
    made = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
    )
    return made.identity_document.name


def view(
    vault: RunningVault, name: str, page: int = 0, after: int = 0, who: str = "crm"
) -> list[views.MaskedPicture]:
    request = mp.ViewDocumentRequest(name=name, page=page, after=after)
    return [answer.picture for answer in vault.masked(who).ViewDocument(request)]


def opened(picture: views.MaskedPicture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png)).convert("RGB")


def test_a_passport_is_shown_covered_and_stamped(vault: RunningVault, document: str) -> None:
    file = as_file(ContentType.JPEG, PASSPORT.image)
    content = upload(vault.records(), document, file, content_type=kinds.CONTENT_TYPE_JPEG)
    (picture,) = view(vault, document)
    assert (picture.content, picture.content_version) == (content.name, 1)
    assert (picture.content_type, picture.content_size) == (kinds.CONTENT_TYPE_JPEG, len(file))
    assert (picture.page_count, picture.number, picture.total) == (1, 1, 1)
    assert (picture.layout, picture.withheld) == ("passport-td3", 0)
    assert not any(text in picture.png for text in PLANTED)
    image = opened(picture)
    meant = PASSPORT.image.resize(image.size)
    (layout,) = (one for one in LAYOUTS if one.name == picture.layout)
    for area in layout.areas:
        box = covered_pixels(area.box, *image.size)
        part = image.crop(box)
        # One colour and the stamp's over it, however thick: nothing of what is below.
        colours = sorted(part.getcolors(1 << 16) or [], reverse=True)
        assert colours[0][0] > 0.5 * part.width * part.height
        differs = ImageChops.difference(part, meant.crop(box)).convert("L")
        assert differs.histogram()[0] < 0.05 * part.width * part.height


def test_the_stamp_names_viewer_and_event_and_changes_with_them(
    vault: RunningVault, document: str, log: LogBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(vault.records(), document, scan(3_000))
    size = log.size()
    stream = vault.masked().ViewDocument(mp.ViewDocumentRequest(name=document))
    receipt = bytes(dict(stream.initial_metadata())[RECEIPT])  # type: ignore[arg-type]  # -bin
    first = [answer.picture.png for answer in stream]
    (index,) = re.findall(rb"\nindex (\d+)\n", receipt)
    request = audit_pb2.QueryEventsRequest(parent=people.PARENT, page_size=50, newest_first=True)
    entries = vault.audit().QueryEvents(request).entries
    (entry,) = (e for e in entries if e.position == int(index))
    assert (entry.event.action, entry.event.actor) == ("masked.contents.view", "crm")
    again = [picture.png for picture in view(vault, document)]
    assert len(first) == len(again) == 1
    assert first != again
    opens, closes = [e for e in log.since(size) if e.action == "masked.contents.view"][:2]
    assert (opens.phase.value, opens.resource, opens.count) == ("opened", document, 0)
    relative = document.split("/", 2)[2]
    assert (closes.phase.value, closes.count) == ("closed", 1)
    assert closes.resources == (f"{relative}/contents/1@1",)


def test_pages_come_in_order_and_the_newest_version_alone(
    vault: RunningVault, document: str
) -> None:
    stub = vault.records()
    png = as_file(ContentType.PNG, PASSPORT.image)
    pdf = as_pdf(PASSPORT.image, letter().image)
    upload(stub, document, pdf, page=3, content_type=kinds.CONTENT_TYPE_PDF)
    upload(stub, document, scan(2_000))
    upload(stub, document, png)
    found = [(p.content[-1], p.content_version, p.number, p.total) for p in view(vault, document)]
    assert found == [("1", 2, 1, 1), ("3", 1, 1, 2), ("3", 1, 2, 2)]
    assert [p.number for p in view(vault, document, page=3)] == [1, 2]
    assert [p.content[-1] for p in view(vault, document, after=1)] == ["3", "3"]
    assert view(vault, document, page=3)[1].withheld == views.PICTURE_WITHHELD_NOT_RECOGNISED
    assert refusal(partial(view, vault, document, page=2)).code == "NOT_FOUND"


def test_a_voucher_is_a_placeholder(vault: RunningVault, document: str) -> None:
    customer = document.rpartition("/documents/")[0]
    booked = vault.records().CreateTransaction(
        pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
    )
    name = booked.transaction.name
    upload(vault.records(), name, scan(3_000))
    (picture,) = view(vault, name)
    assert (picture.layout, picture.withheld) == ("", views.PICTURE_WITHHELD_NO_LAYOUT)
    assert picture.page_count == 1


def test_a_document_without_scans_shows_none_and_one_that_is_not_there_is_not_found(
    vault: RunningVault, document: str
) -> None:
    assert view(vault, document) == []
    nobody = document[:-26] + "0" * 26
    assert refusal(partial(view, vault, nobody)).code == "NOT_FOUND"
    for who in ("backend", "officer", "operator", other("crm")):
        assert refusal(partial(view, vault, document, who=who)).code == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("make", "content_type", "reason"),
    [
        (lambda: encrypted_pdf(letter().image.reduce(4)), "PDF", "DOCUMENT_ENCRYPTED"),
        (lambda: as_pdf(letter().image.reduce(4))[:-30], "PDF", "DOCUMENT_BROKEN"),
        (lambda: as_pdf(letter().image.reduce(4), count=100_000), "PDF", "DOCUMENT_TOO_MANY_PAGES"),
        (png_bomb, "PNG", "DOCUMENT_TOO_MANY_PIXELS"),
        (lambda: scan(2_000) + b"%PDF-1.7", "PNG", "DOCUMENT_POLYGLOT"),
        (lambda: scan(2_000) + b"more", "PNG", "DOCUMENT_TRAILING_DATA"),
        (lambda: scan(2_000)[:-100], "PNG", "DOCUMENT_BROKEN"),
    ],
    ids=["encrypted", "cut pdf", "many pages", "bomb", "polyglot", "trailing", "cut png"],
)
def test_a_hostile_document_is_refused_with_its_reason_and_nothing_is_stored(
    vault: RunningVault,
    document: str,
    make: Callable[[], bytes],
    content_type: str,
    reason: str,
) -> None:
    data = make()
    kind = kinds.ContentType.Value(f"CONTENT_TYPE_{content_type}")
    refused = refusal(partial(upload, vault.records(), document, data, content_type=kind))
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.fields == {("part.data", reason)}
    assert refused.en and refused.zh
    assert view(vault, document) == []
    # And the vault goes on.
    upload(vault.records(), document, scan(2_000))
    assert len(view(vault, document)) == 1


def test_a_refused_document_is_begun_anew_under_another_request(
    vault: RunningVault, document: str
) -> None:
    request_id = people.new_id()
    data = scan(2_000)[:-100]
    stub = vault.records()
    messages = [start(document, data, request_id=request_id), *parts(data), finish(data)]
    assert refusal(lambda: stub.UploadDocument(iter(messages))).code == "INVALID_ARGUMENT"
    good = scan(2_000)
    content = upload(stub, document, good)
    assert content.sha256 == hashlib.sha256(good).digest()


def test_a_picture_that_was_altered_moved_or_taken_away_is_not_shown(
    vault: RunningVault, document: str, log: LogBook
) -> None:
    file = as_pdf(PASSPORT.image, letter().image)
    upload(vault.records(), document, file, content_type=kinds.CONTENT_TYPE_PDF)
    leaves = schema.content_leaves.c
    mine = (leaves.record == document.split("/", 4)[4], leaves.page == 1)

    def stored() -> list[tuple[int, bytes]]:
        query = select(leaves.leaf, leaves.masked).where(*mine).order_by(leaves.leaf)
        return log.database.read_sync(lambda c: [(row[0], row[1]) for row in c.execute(query)])

    def put(number: int, masked: bytes) -> None:
        change = update(schema.content_leaves).where(*mine, leaves.leaf == number)
        log.database.write_sync(lambda c: c.execute(change.values(masked=masked)))

    (_, first), (_, second) = stored()
    for wrong in (second, first[:-1], first[:-1] + bytes([first[-1] ^ 1]), b""):
        put(1, wrong)
        assert refusal(partial(view, vault, document)).code == "DATA_LOSS"
    put(1, first)
    assert len(view(vault, document)) == 2
    gone = delete(schema.content_leaves).where(*mine, leaves.leaf == 2)
    log.database.write_sync(lambda c: c.execute(gone))
    assert refusal(partial(view, vault, document)).code == "DATA_LOSS"


def test_nothing_of_a_scan_stands_in_clear_on_the_vaults_disk(
    vault: RunningVault, document: str
) -> None:
    image = PASSPORT.image
    for page, content_type in enumerate(FORMATS, 1):
        file = as_file(content_type, image)
        kind = kinds.ContentType.Value(f"CONTENT_TYPE_{content_type.value}")
        upload(vault.records(), document, file, page=page, content_type=kind)
    shown = [bytes(picture.png) for picture in view(vault, document)]
    assert len(shown) == len(FORMATS)
    traces = (
        *PLANTED,
        b"%PDF-1.7",
        b"ftypheic",
        b"\x89PNG\r\n\x1a\n",
        b"JFIF\x00",
        b"passport-td3",
    )
    held = [path for path in vault.folder.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert held
    for path in held:
        data = path.read_bytes()
        assert [trace for trace in traces if trace in data] == [], path
