"""A page that does not lie as its layout has it is not shown, or shows nothing personal."""

from collections.abc import Callable

import pytest
from PIL import Image, ImageOps

from tests.support.specimens import DRAWN
from vault.renditions import LAYOUTS
from vault.renditions.covering import covered_pixels
from vault.renditions.marks import LOOK_EDGE, Page, lies_as

SHEETS = {name: draw() for name, draw in DRAWN.items()}

Change = Callable[[Image.Image], Image.Image]


def margins(share: float, colour: str = "white") -> Change:
    return lambda image: ImageOps.expand(
        image,
        (round(image.width * share), round(image.height * share)),
        fill=0 if image.mode == "L" else colour,
    )


def shifted(x: float, y: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        moved = Image.new(image.mode, image.size, 0 if image.mode == "L" else "white")
        moved.paste(image, (round(x * image.width), round(y * image.height)))
        return moved

    return change


def tilted(degrees: float) -> Change:
    return lambda image: image.rotate(degrees, fillcolor=0 if image.mode == "L" else "white")


def cropped(share: float) -> Change:
    return lambda image: image.crop(
        (
            round(image.width * share),
            round(image.height * share),
            round(image.width * (1 - share)),
            round(image.height * (1 - share)),
        )
    )


# None of these is what a scanner that was told to find the edges makes; each has been seen of one
# that was not.
CHANGES: dict[str, Change] = {
    # Whoever files it as another kind has it measured against that kind's layouts.
    "as it is": lambda image: image,
    "upside down": lambda image: image.rotate(180),
    "a quarter left": lambda image: image.rotate(90, expand=True),
    "a quarter right": lambda image: image.rotate(270, expand=True),
    "mirrored": ImageOps.mirror,
    **{f"margins of {share}": margins(share) for share in (0.01, 0.02, 0.03, 0.05, 0.08, 0.15)},
    "dark margins": margins(0.06, "black"),
    **{f"cropped by {share}": cropped(share) for share in (0.01, 0.02, 0.04, 0.08)},
    **{f"tilted by {degrees}": tilted(degrees) for degrees in (-5, -3, -1.5, 1, 2, 3, 4, 8)},
    **{
        f"shifted by {x}, {y}": shifted(x, y)
        for x, y in ((0.02, 0), (-0.03, 0), (0, 0.03), (0, -0.03), (0.05, 0.05), (-0.08, 0))
    },
    "narrow": lambda image: image.resize((round(image.width * 0.9), image.height)),
}


def looked_at(image: Image.Image) -> Page:
    small = image.copy()
    small.thumbnail((LOOK_EDGE, LOOK_EDGE))
    return Page(small)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", DRAWN)
def test_a_page_that_lies_otherwise_shows_nothing_personal(name: str, change: str) -> None:
    sheet = SHEETS[name]
    page = looked_at(CHANGES[change](sheet.image))
    personal = CHANGES[change](sheet.personal)
    for layout in LAYOUTS:
        if not lies_as(page, layout):
            continue
        shown = personal.copy()
        for area in layout.areas:
            shown.paste(0, covered_pixels(area.box, *shown.size))
        left = sum(shown.histogram()[128:])
        assert left == 0, (layout.name, shown.getbbox())


@pytest.mark.parametrize(
    "change", ["upside down", "a quarter left", "margins of 0.15", "tilted by 8", "narrow"]
)
# Of the front of a TD1 card only its head is shown, and of the emblem's side nothing is hidden.
@pytest.mark.parametrize(
    "name", sorted(set(DRAWN) - {"cn-resident-id-emblem", "id-card-td1-front"})
)
def test_a_page_that_lies_quite_otherwise_is_not_taken_for_its_layout(
    name: str, change: str
) -> None:
    (layout,) = (layout for layout in LAYOUTS if layout.name == name)
    assert not lies_as(looked_at(CHANGES[change](SHEETS[name].image)), layout)


@pytest.mark.parametrize("name", DRAWN)
def test_a_darker_a_smaller_and_a_grainy_scan_are_recognised(name: str) -> None:
    (layout,) = (layout for layout in LAYOUTS if layout.name == name)
    image = SHEETS[name].image
    assert lies_as(looked_at(image.point(lambda tone: int(tone * 0.7))), layout)
    assert lies_as(looked_at(image.resize((620, 620 * image.height // image.width))), layout)
    grain = Image.effect_noise(image.size, 24).convert("RGB")
    assert lies_as(looked_at(Image.blend(image, grain, 0.12)), layout)


@pytest.mark.parametrize("name", DRAWN)
def test_a_scan_that_is_too_small_to_be_sure_of_is_not_taken(name: str) -> None:
    image = SHEETS[name].image
    page = looked_at(image.resize((400, 400 * image.height // image.width)))
    assert not any(lies_as(page, layout) for layout in LAYOUTS)


@pytest.mark.parametrize("picture", ["white", "black", "noise", "stripes"])
def test_a_page_of_nothing_is_no_document(picture: str) -> None:
    for layout in LAYOUTS:
        size = (1000, round(1000 / layout.aspect))
        image = Image.new("RGB", size, picture if picture in ("white", "black") else "white")
        if picture == "noise":
            image = Image.effect_noise(size, 90).convert("RGB")
        elif picture == "stripes":
            for y in range(0, size[1], 40):
                image.paste((0, 0, 0), (0, y, size[0], y + 14))
        assert not lies_as(looked_at(image), layout), layout.name
