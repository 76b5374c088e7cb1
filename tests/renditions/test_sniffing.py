"""A document is what its bytes say, and nothing else besides."""

import io
import zipfile
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specimen_files import FORMATS, as_file
from tests.support.specimens import letter
from vault.records import ContentType
from vault.renditions import (
    START_SIZE,
    DocumentRefused,
    Problem,
    check_end,
    check_start,
    sniff,
)
from vault.renditions.sniffing import check_whole
from vault.renditions.structure import check_structure

EACH = pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name.lower())


@cache
def file_of(kind: ContentType) -> bytes:
    """A letter in the format."""
    return as_file(kind, letter().image.reduce(2))


def problem_of(content_type: ContentType, content: bytes) -> Problem | None:
    """What the checks of a whole document say, in their order."""
    try:
        check_start(content_type, content[:START_SIZE])
        check_end(content_type, content[-70_000:])
        check_whole(content_type, content)
        check_structure(content_type, content, 100)
    except DocumentRefused as refused:
        return refused.problem
    return None


@EACH
def test_each_type_is_known_by_its_first_bytes_and_passes(kind: ContentType) -> None:
    assert sniff(file_of(kind)[:32]) is kind
    assert problem_of(kind, file_of(kind)) is None


@EACH
def test_another_type_than_declared_is_refused(kind: ContentType) -> None:
    for other in FORMATS:
        if other is not kind:
            assert problem_of(other, file_of(kind)) is Problem.TYPE_DIFFERS


@EACH
def test_an_empty_document_is_refused(kind: ContentType) -> None:
    assert problem_of(kind, b"") is Problem.EMPTY


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a\x01\x00\x01\x00",
        b"BM" + bytes(60),
        b"PK\x03\x04" + bytes(60),
        b"<!DOCTYPE html><html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x7fELF" + bytes(60),
        b"MZ" + bytes(60),
        b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        b"II+\x00\x08\x00\x00\x00",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"%!PS-Adobe-3.0",
        b"\n%PDF-1.7\n",
        b"\xff\xd8",
        b"x",
    ],
)
def test_what_is_none_of_the_types_is_refused_whatever_it_says_it_is(content: bytes) -> None:
    for kind in FORMATS:
        assert problem_of(kind, content) is Problem.TYPE_NOT_TAKEN


@EACH
def test_what_follows_the_end_is_refused(kind: ContentType) -> None:
    assert problem_of(kind, file_of(kind) + b"and this") in (
        Problem.TRAILING_DATA,
        # What follows the boxes of a HEIC is a box that is none.
        Problem.BROKEN,
    )


@EACH
def test_a_document_that_was_cut_is_refused(kind: ContentType) -> None:
    whole = file_of(kind)
    for size in (len(whole) - 40, len(whole) // 2, len(whole) // 10):
        assert problem_of(kind, whole[:size]) is Problem.BROKEN, size


def zip_file() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "nothing")
    return file.getvalue()


@EACH
def test_an_archive_behind_a_document_is_refused(kind: ContentType) -> None:
    both = file_of(kind) + zip_file()
    assert zipfile.is_zipfile(io.BytesIO(both))
    assert problem_of(kind, both) is Problem.POLYGLOT


@EACH
def test_an_archive_behind_a_document_is_found_from_its_end_alone(kind: ContentType) -> None:
    with pytest.raises(DocumentRefused) as refused:
        check_end(kind, (file_of(kind) + zip_file())[-70_000:])
    assert refused.value.problem is Problem.POLYGLOT


def in_a_comment(content: bytes) -> bytes:
    """A JPEG with something in a comment (COM, ISO/IEC 10918-1 B.2.4.5) at its start."""
    jpeg = file_of(ContentType.JPEG)
    return jpeg[:2] + b"\xff\xfe" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n1 0 obj",
        b"<html><script>alert(1)</script>",
        b"<!DOCTYPE html>",
        b"<?php system('id'); ?>",
        b"< SCRIPT >",
        bytes(5_000) + b"%PDF-1.4",
        b"Rar!\x1a\x07\x01\x00",
        b"7z\xbc\xaf\x27\x1c\x00\x04",
    ],
)
def test_another_file_inside_of_a_picture_is_refused(content: bytes) -> None:
    assert problem_of(ContentType.JPEG, in_a_comment(content)) is Problem.POLYGLOT


def test_a_page_of_the_web_at_the_start_of_a_pdf_is_refused() -> None:
    pdf = file_of(ContentType.PDF)
    assert problem_of(ContentType.PDF, pdf[:9] + b"%<html><body>" + pdf[9:]) is Problem.POLYGLOT


def test_an_archive_of_tape_that_begins_as_a_picture_is_refused() -> None:
    # A name field that starts with a JPEG's first bytes; POSIX ustar has its mark at 257.
    start = b"\xff\xd8\xff\xe0" + bytes(253) + b"ustar\x0000" + bytes(300)
    assert problem_of(ContentType.JPEG, start) is Problem.POLYGLOT


def test_zeros_that_a_scanner_fills_up_with_are_let_pass() -> None:
    for kind in (ContentType.JPEG, ContentType.TIFF, ContentType.PDF):
        assert problem_of(kind, file_of(kind) + bytes(512)) is None


def test_a_second_picture_behind_the_first_is_refused() -> None:
    jpeg = file_of(ContentType.JPEG)
    assert problem_of(ContentType.JPEG, jpeg + jpeg) is Problem.TRAILING_DATA


def test_a_film_behind_a_picture_is_refused() -> None:
    heic = file_of(ContentType.HEIC) + b"\x00\x00\x00\x10moov\x00\x00\x00\x08free"
    assert problem_of(ContentType.HEIC, heic) is Problem.TRAILING_DATA


@pytest.mark.parametrize("kind", [ContentType.PNG, ContentType.WEBP])
def test_a_picture_that_moves_is_refused(kind: ContentType) -> None:
    file = io.BytesIO()
    first = letter().image.reduce(8)
    first.save(file, kind.name, save_all=True, append_images=[first.rotate(90)], duration=100)
    assert problem_of(kind, file.getvalue()) is Problem.ANIMATED


def test_pages_of_a_tiff_that_go_round_are_refused() -> None:
    # One page without fields, whose next page is itself; and one that names the header.
    for following in (8, 4):
        tiff = b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + following.to_bytes(4, "little")
        assert problem_of(ContentType.TIFF, tiff) is Problem.BROKEN


def test_a_tiff_of_very_many_pages_is_refused_before_one_is_read() -> None:
    pages = b"".join(b"\x00\x00" + (14 + 6 * n).to_bytes(4, "little") for n in range(100_000))
    tiff = b"II*\x00\x08\x00\x00\x00" + pages + b"\x00\x00" + bytes(4)
    assert problem_of(ContentType.TIFF, tiff) is Problem.TOO_MANY_PAGES


@given(st.binary(max_size=200))
def test_no_first_bytes_make_the_sniffer_fail(start: bytes) -> None:
    assert sniff(start) in (None, *FORMATS)


@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_no_damage_makes_the_checks_fail_in_another_way_than_they_say(
    kind: ContentType, damages: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(file_of(kind))
    for place, value in damages:
        content[int(place * len(content))] = value
    problem_of(kind, bytes(content[: max(1, int(len(content) * max(kept, 0.01)))]))
