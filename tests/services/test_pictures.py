"""Renditions of contents: made by the full tier's keys, opened by the masked ones, at their place
alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from tests.support.key_faults import TurnedClock
from tests.support.memory_keystore import MemoryKeyStore
from tests.support.specimen_files import as_file, as_pdf, encrypted_pdf
from tests.support.specimens import DRAWN, letter
from vault.audit.receipts import ReceiptInvalid
from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.records import Branch, ContentType, DocumentKind, ScopeRef
from vault.renditions import Limits, Renderer, Withheld
from vault.sealing import AES_256_GCM, ALL_BRANCHES, KeyRing, KeyRingLimits, MaskedFileKey
from vault.services.call import Call
from vault.services.contents.picturing import Pictures, open_picture
from vault.services.errors import Corrupted, InvalidArgument, Unavailable
from vault.services.viewing import stamp_text
from vault.store.contents import ContentRow, LeafRow

PASSPORT = as_pdf(DRAWN["passport-td3"]().image, letter().image.reduce(2))
BANK, SCOPE = "bank", "identity"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """A full node's, with keys of two customers."""
    directory = tmp_path_factory.mktemp("keys") / "keys"
    create_local_keks(directory, list(KekName))
    limits = KeyRingLimits(file_key_ttl=60.0, branch_key_ttl=1_600.0)
    made = KeyRing(
        LocalFileKms(directory),
        MemoryKeyStore(),
        ALL_BRANCHES,
        limits,
        TurnedClock(),
        lambda _: AES_256_GCM,
    )
    made.open_institution(BANK)
    return made


@pytest.fixture
def key(ring: KeyRing) -> MaskedFileKey:
    ref = ScopeRef(BANK, "c1", SCOPE)
    ring.ensure([ref])
    return ring.fetch(Branch.MASKED, [ref])[ref]


def row(content_type: ContentType, size: int, leaves: int = 0) -> ContentRow:
    return ContentRow(
        institution=BANK,
        customer="c1",
        record="documents/d1",
        page=1,
        version=1,
        scope=SCOPE,
        recorded_at=0,
        recorded_by="backend",
        upload="u1",
        content_type=content_type.value,
        size=size,
        segments=1,
        segments_sha256=b"",
        leaves=leaves,
        leaves_sha256=b"",
        sealed=b"",
    )


@dataclass
class Bytes:
    """The bytes of a content, in pieces; keeps how many of the last were asked for."""

    content: bytes
    asked: int = -1

    async def __call__(self, last: int) -> AsyncIterator[bytes]:
        self.asked = last
        whole = self.content[-last:] if last else self.content
        for at in range(0, len(whole), 5_000):
            yield whole[at : at + 5_000]


def leaves(
    key: MaskedFileKey,
    content: bytes,
    content_type: ContentType = ContentType.PDF,
    kind: DocumentKind | None = DocumentKind.PASSPORT,
    limits: Limits | None = None,
) -> tuple[list[LeafRow], Bytes]:
    pieces = Bytes(content)

    async def make() -> list[LeafRow]:
        renderer = Renderer(limits)
        try:
            return await Pictures(renderer).leaves(
                key, row(content_type, len(content)), kind, pieces
            )
        finally:
            await renderer.close()

    return asyncio.run(make()), pieces


@pytest.fixture
def two(key: MaskedFileKey) -> list[LeafRow]:
    made, _ = leaves(key, PASSPORT)
    return made


def test_each_picture_is_a_leaf_that_opens_at_its_place(
    key: MaskedFileKey, two: list[LeafRow]
) -> None:
    found = [open_picture(key, row(ContentType.PDF, 1, leaves=2), leaf) for leaf in two]
    assert [leaf.leaf for leaf in two] == [1, 2]
    assert [(p.layout, p.withheld, p.page_count) for p in found] == [
        ("passport-td3", None, 2),
        ("", Withheld.NOT_RECOGNISED, 2),
    ]
    assert all(picture.png.startswith(b"\x89PNG") for picture in found)


@pytest.mark.parametrize(
    "other",
    [
        {"page": 2},
        {"version": 2},
        {"record": "documents/d2"},
        {"record": "transactions/d1"},
        {"customer": "c2"},
        {"institution": "other"},
        {"leaves": 1},
        {"leaves": 3},
    ],
    ids=str,
)
def test_a_picture_moved_to_another_place_does_not_open(
    key: MaskedFileKey, two: list[LeafRow], other: dict[str, object]
) -> None:
    place = replace(row(ContentType.PDF, 1, leaves=2), **other)  # type: ignore[arg-type]  # by name
    with pytest.raises(Corrupted):
        open_picture(key, place, two[0])


def test_pictures_that_changed_places_do_not_open(key: MaskedFileKey, two: list[LeafRow]) -> None:
    first, second = two
    for leaf in (replace(first, masked=second.masked), replace(second, leaf=1)):
        with pytest.raises(Corrupted):
            open_picture(key, row(ContentType.PDF, 1, leaves=2), leaf)


def test_a_flipped_bit_of_a_picture_does_not_open(key: MaskedFileKey, two: list[LeafRow]) -> None:
    sealed = two[1].masked
    for at in range(0, len(sealed), 97):
        wrong = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Corrupted):
            open_picture(key, row(ContentType.PDF, 1, leaves=2), replace(two[1], masked=wrong))


def test_a_voucher_is_a_placeholder(key: MaskedFileKey) -> None:
    (leaf,), _ = leaves(key, PASSPORT, kind=None)
    picture = open_picture(key, row(ContentType.PDF, 1, leaves=1), leaf)
    assert (picture.layout, picture.withheld) == ("", Withheld.NO_LAYOUT)


def test_of_a_content_that_is_too_large_only_the_end_is_read_back(key: MaskedFileKey) -> None:
    (leaf,), pieces = leaves(key, PASSPORT, limits=Limits(size=10_000))
    assert 0 < pieces.asked < len(PASSPORT)
    picture = open_picture(key, row(ContentType.PDF, 1, leaves=1), leaf)
    assert (picture.withheld, picture.page_count) == (Withheld.TOO_LARGE, 0)
    with pytest.raises(InvalidArgument) as refused:
        leaves(key, PASSPORT + b"and more", limits=Limits(size=10_000))
    assert refused.value.reason == "DOCUMENT_TRAILING_DATA"


def test_what_is_no_document_is_refused_with_its_reason(key: MaskedFileKey) -> None:
    with pytest.raises(InvalidArgument) as refused:
        leaves(key, encrypted_pdf(letter().image.reduce(4)))
    assert refused.value.reason == "DOCUMENT_ENCRYPTED"
    assert refused.value.violations[0].field == "part.data"


def test_what_cannot_be_read_now_may_be_tried_again(
    key: MaskedFileKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = as_file(ContentType.PNG, letter().image.reduce(4))

    async def both_at_once() -> list[BaseException | list[LeafRow]]:
        renderer = Renderer(at_once=1, waiting_seconds=0.001)
        pictures = Pictures(renderer)
        try:
            return await asyncio.gather(
                *(
                    pictures.leaves(
                        key, row(ContentType.PNG, len(file)), DocumentKind.OTHER, Bytes(file)
                    )
                    for _ in range(2)
                ),
                return_exceptions=True,
            )
        finally:
            await renderer.close()

    first, second = asyncio.run(both_at_once())
    assert isinstance(first, list) and isinstance(second, Unavailable)
    assert second.reason == "RENDITIONS_BUSY"
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(Unavailable) as missing:
        leaves(key, file, ContentType.PNG)
    assert missing.value.reason == "DECODERS_MISSING"


def call(actor: str = "crm-1", on_behalf_of: str = "", receipt: bytes = b"") -> Call:
    made = Call("id", "masked", "masked.contents.view", "peer", on_behalf_of=on_behalf_of)
    made.receipt = receipt or b"recordsvault-receipt/v1\nindex 123456\nleaf x\n\n"
    made.principal = None
    return made


def test_a_stamp_says_who_when_and_by_which_event() -> None:
    text = stamp_text(call(on_behalf_of="zhang.san"), 1_780_000_000_999_999)
    assert text.endswith("for zhang.san  2026-05-28 20:26:40Z  event 123456")


@pytest.mark.parametrize(
    "receipt", [b"x", b"\n\n", b"recordsvault-receipt/v1\nindex -1\n", b"a\nindex 1\n"]
)
def test_without_the_event_there_is_no_stamp(receipt: bytes) -> None:
    with pytest.raises(ReceiptInvalid):
        stamp_text(call(receipt=receipt), 0)


def test_a_name_of_any_length_leaves_room_for_time_and_event() -> None:
    text = stamp_text(call(on_behalf_of="x" * 500), 0)
    assert len(text) <= 200
    assert text.endswith("event 123456")
