"""What is covered is gone, what is not is there, and nothing else of the file is left."""

import io
from itertools import product

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.renditions.conftest import Rendering
from tests.support.specimen_files import FORMATS, PLANTED, as_file
from tests.support.specimens import DRAWN, letter
from vault.records import ContentType, DocumentKind
from vault.renditions import LAYOUTS, Layout, Rendition, Withheld
from vault.renditions.covering import covered_pixels

BY_NAME = {layout.name: layout for layout in LAYOUTS}
EACH = [
    pytest.param(layout, content_type, id=f"{layout.name}-{content_type.name.lower()}")
    for layout, content_type in product(LAYOUTS, FORMATS)
]
SHEETS = {name: draw() for name, draw in DRAWN.items()}


def kind_of(layout: Layout) -> DocumentKind:
    return min(layout.kinds)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def test_there_is_a_specimen_of_each_layout() -> None:
    assert set(DRAWN) == set(BY_NAME)


@pytest.mark.parametrize(("layout", "content_type"), EACH)
def test_covered_areas_are_of_one_colour_and_the_rest_is_the_document(
    render: Rendering, layout: Layout, content_type: ContentType
) -> None:
    original = SHEETS[layout.name].image
    rendition = render(kind_of(layout), content_type, as_file(content_type, original))
    assert [page.layout for page in rendition.pages] == [layout.name]
    picture = opened(rendition.pages[0].png)
    assert max(picture.size) == 640
    rest = Image.new("L", picture.size, 255)
    for area in layout.areas:
        box = covered_pixels(area.box, *picture.size)
        colours = picture.crop(box).getcolors(2)
        assert colours is not None and len(colours) == 1, area
        rest.paste(0, box)
    meant = original.resize(picture.size, Image.Resampling.LANCZOS)
    differs = ImageStat.Stat(ImageChops.difference(picture, meant), rest)
    assert max(differs.mean) < 14
    assert min(ImageStat.Stat(picture, rest).stddev) > 12


@pytest.mark.parametrize(("layout", "content_type"), EACH)
def test_nothing_personal_is_outside_of_what_is_covered(
    layout: Layout, content_type: ContentType
) -> None:
    personal = SHEETS[layout.name].personal.copy()
    for area in layout.areas:
        personal.paste(0, covered_pixels(area.box, *personal.size))
    assert personal.getbbox() is None


@pytest.mark.parametrize("content_type", FORMATS, ids=lambda one: one.name.lower())
def test_metadata_text_layers_notes_and_titles_are_gone(
    render: Rendering, content_type: ContentType
) -> None:
    layout = BY_NAME["passport-td3"]
    file = as_file(content_type, SHEETS[layout.name].image)
    planted = [text for text in PLANTED if text in file]
    assert len(planted) >= 3
    for kind in (kind_of(layout), DocumentKind.OTHER):
        for page in render(kind, content_type, file).pages:
            assert [text for text in PLANTED if text in page.png] == []
            assert set(Image.open(io.BytesIO(page.png)).info) <= {"transparency"}


def test_a_picture_is_the_same_bytes_each_time(render: Rendering) -> None:
    file = as_file(ContentType.JPEG, SHEETS["id-card-td2"].image)
    kind = DocumentKind.NATIONAL_ID_CARD
    first, second = (render(kind, ContentType.JPEG, file).pages[0].png for _ in range(2))
    assert first == second


def test_it_does_not_matter_in_which_pieces_a_document_comes(render: Rendering) -> None:
    file = as_file(ContentType.PNG, SHEETS["passport-td3"].image)
    whole = render(DocumentKind.PASSPORT, ContentType.PNG, file).pages[0].png
    for size in (997, 4_096, 70_001):
        pieces = [file[at : at + size] for at in range(0, len(file), size)]
        assert render(DocumentKind.PASSPORT, ContentType.PNG, pieces).pages[0].png == whole


@pytest.mark.parametrize("content_type", [ContentType.TIFF, ContentType.PDF])
def test_both_sides_of_a_card_are_covered_in_either_order(
    render: Rendering, content_type: ContentType
) -> None:
    sides = ["cn-resident-id-portrait", "cn-resident-id-emblem"]
    for order in (sides, sides[::-1]):
        file = as_file(content_type, *(SHEETS[side].image for side in order))
        rendition = render(DocumentKind.CN_RESIDENT_ID, content_type, file)
        assert [page.layout for page in rendition.pages] == order
        assert rendition.page_count == 2


def test_a_page_of_a_scan_that_lies_on_its_side_is_turned_by_what_the_file_says(
    render: Rendering,
) -> None:
    image = SHEETS["passport-td3"].image
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=92, exif=exif)
    rendition = render(DocumentKind.PASSPORT, ContentType.JPEG, file.getvalue())
    assert [page.layout for page in rendition.pages] == ["passport-td3"]


def test_metadata_that_are_damaged_cost_no_document(render: Rendering) -> None:
    file = as_file(ContentType.JPEG, SHEETS["passport-td3"].image)
    start = file.index(b"Exif\x00\x00") + 6
    for damaged in (b"\xff" * 60, b"II*\x00\xff\xff\xff\x7f", b"MM\x00*\x00\x00\x00\x08\xff\xff"):
        wrong = file[:start] + damaged + file[start + len(damaged) :]
        rendition = render(DocumentKind.PASSPORT, ContentType.JPEG, wrong)
        assert [page.layout for page in rendition.pages] == ["passport-td3"]


def test_what_is_transparent_is_not_shown(render: Rendering) -> None:
    image = SHEETS["cn-resident-id-emblem"].image.convert("RGBA")
    image.paste((10, 200, 10, 0), (600, 330, 1100, 500))
    file = io.BytesIO()
    image.save(file, "PNG")
    rendition = render(DocumentKind.CN_RESIDENT_ID, ContentType.PNG, file.getvalue())
    picture = opened(rendition.pages[0].png)
    assert picture.crop((320, 180, 560, 250)).getextrema() == ((255, 255),) * 3


def placeholders(rendition: Rendition) -> list[Withheld | None]:
    return [page.withheld for page in rendition.pages]


def test_a_kind_without_layout_gets_one_placeholder_with_its_pages_and_size(
    render: Rendering,
) -> None:
    file = as_file(ContentType.PDF, *[letter().image] * 7)
    rendition = render(DocumentKind.OTHER, ContentType.PDF, file)
    assert placeholders(rendition) == [Withheld.NO_LAYOUT]
    assert (rendition.page_count, rendition.size) == (7, len(file))
    # The words are pixels: other words, another picture.
    other = render(DocumentKind.OTHER, ContentType.PDF, as_file(ContentType.PDF, letter().image))
    assert other.pages[0].png != rendition.pages[0].png


def test_a_page_that_is_not_as_its_kind_should_be_gets_a_placeholder_and_the_others_not(
    render: Rendering,
) -> None:
    file = as_file(ContentType.PDF, SHEETS["passport-td3"].image, letter().image)
    rendition = render(DocumentKind.PASSPORT, ContentType.PDF, file)
    assert placeholders(rendition) == [None, Withheld.NOT_RECOGNISED]


def test_pages_beyond_the_fourth_share_one_placeholder(render: Rendering) -> None:
    file = as_file(ContentType.TIFF, *[SHEETS["passport-td3"].image.reduce(2)] * 6)
    rendition = render(DocumentKind.PASSPORT, ContentType.TIFF, file)
    assert placeholders(rendition) == [None] * 4 + [Withheld.FURTHER_PAGES]
    assert rendition.page_count == 6
