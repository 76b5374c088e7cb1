"""PNGs of our own, and the stamp across them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from tests.support.specimens import DRAWN
from vault.renditions import LAYOUTS, NotOurPng, stamp
from vault.renditions.covering import cover
from vault.renditions.png import Pixels, decode, encode

(PASSPORT,) = (layout for layout in LAYOUTS if layout.name == "passport-td3")
TEXT = "crm-1  2026-12-01 09:00:00Z  event 123456"


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(cover(DRAWN["passport-td3"]().image, PASSPORT, 640))


@st.composite
def pixels(draw: st.DrawFn) -> Pixels:
    width, height = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    colours = draw(st.integers(1, 256))
    size = width * height
    indices = draw(st.lists(st.integers(0, colours - 1), min_size=size, max_size=size))
    return Pixels(width, height, draw(st.randoms()).randbytes(3 * colours), bytes(indices))


@given(pixels())
def test_a_picture_is_read_as_it_was_written_and_by_others_too(one: Pixels) -> None:
    png = encode(one)
    assert decode(png) == one
    read = Image.open(io.BytesIO(png))
    assert (read.mode, read.size, read.tobytes()) == ("P", (one.width, one.height), one.indices)
    assert bytes(read.getpalette() or [])[: len(one.palette)] == one.palette


def test_any_other_byte_and_any_other_length_is_not_a_picture_of_ours() -> None:
    png = encode(Pixels(9, 7, bytes(range(12)), bytes(n % 4 for n in range(63))))
    for at in range(len(png)):
        for bit in range(8):
            with pytest.raises(NotOurPng):
                decode(png[:at] + bytes([png[at] ^ 1 << bit]) + png[at + 1 :])
        with pytest.raises(NotOurPng):
            decode(png[:at])
    with pytest.raises(NotOurPng):
        decode(png + b"\x00")


def test_a_picture_that_others_wrote_is_not_read(picture: bytes) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(file, "PNG")
    with pytest.raises(NotOurPng):
        stamp(file.getvalue(), TEXT)


@pytest.mark.parametrize(
    ("width", "height", "palette", "indices"),
    [
        (0, 1, b"abc", b""),
        (1, 1, b"", b"\x00"),
        (1, 1, b"ab", b"\x00"),
        (1, 1, b"abc", b"\x01"),
        (2, 1, b"abc", b"\x00"),
        (3000, 1, b"abc", bytes(3000)),
    ],
)
def test_pixels_that_are_none_are_refused(
    width: int, height: int, palette: bytes, indices: bytes
) -> None:
    with pytest.raises(ValueError):
        Pixels(width, height, palette, indices)


def test_a_stamp_is_seen_in_every_part_of_the_picture(picture: bytes) -> None:
    before = Image.open(io.BytesIO(picture)).convert("RGB")
    after = Image.open(io.BytesIO(stamp(picture, TEXT))).convert("RGB")
    assert after.size == before.size
    changed = ImageChops.difference(before, after).convert("L").point([0] * 24 + [255] * 232)
    for column in range(4):
        for row in range(3):
            left, top = column * before.width // 4, row * before.height // 3
            part = changed.crop((left, top, left + before.width // 4, top + before.height // 3))
            assert part.histogram()[255] > 150, (column, row)


def test_a_stamp_hides_little_of_what_it_crosses(picture: bytes) -> None:
    before = Image.open(io.BytesIO(picture)).convert("RGB")
    after = Image.open(io.BytesIO(stamp(picture, TEXT))).convert("RGB")
    changed = ImageChops.difference(before, after).convert("L").point([0] * 24 + [255] * 232)
    assert changed.histogram()[255] < 0.12 * before.width * before.height


def test_another_text_is_another_stamp_and_the_same_is_the_same(picture: bytes) -> None:
    assert stamp(picture, TEXT) == stamp(picture, TEXT)
    assert stamp(picture, TEXT) != stamp(picture, TEXT.replace("crm-1", "crm-2"))


def test_letters_that_the_font_has_not_are_written_as_escapes(picture: bytes) -> None:
    assert stamp(picture, "王\n1") == stamp(picture, "\\u738b\\n1")


@pytest.mark.parametrize("text", ["", "  ", "x" * 201])
def test_a_stamp_says_something(picture: bytes, text: str) -> None:
    with pytest.raises(ValueError):
        stamp(picture, text)


def test_a_stamped_picture_holds_nothing_but_pixels(picture: bytes) -> None:
    assert Image.open(io.BytesIO(stamp(picture, TEXT))).info == {}
