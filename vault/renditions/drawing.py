"""What the vault draws itself: placeholders, and the stamp over a picture when it is delivered."""

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from vault.records.content import ContentType
from vault.records.enums import DocumentKind
from vault.renditions.png import Pixels, decode, encode
from vault.renditions.rendition import Withheld

_SIZE: Final = (640, 400)
_PAPER, _FRAME, _INK, _FAINT = (244, 245, 247), (176, 182, 192), (54, 60, 72), (110, 118, 130)
_STAMP: Final = (214, 20, 84)
# Of 255: as dark as it may be without hiding a line of print below it, and as light as it may be
# without being lost on a photocopy.
_STAMP_STRENGTH: Final = 112
_STAMP_ANGLE: Final = 28
_STAMPED_COLOURS: Final = 160
_LONGEST_STAMP: Final = 200

_WHY: Final[dict[Withheld, str]] = {
    Withheld.NO_LAYOUT: "Documents of this kind are not shown masked.",
    Withheld.NOT_RECOGNISED: "Not shown: the page does not lie as its kind should.",
    Withheld.FURTHER_PAGES: "Further pages are not shown masked.",
    Withheld.TOO_LARGE: "Not shown: the document is too large to be pictured.",
}


def placeholder(
    kind: DocumentKind, content_type: ContentType, pages: str, size: int, why: Withheld
) -> bytes:
    """A PNG that says what is there and why it is not shown. `pages` says which pages it stands
    for; `size` is of the document in bytes."""
    image = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(image)
    width, height = _SIZE
    draw.rectangle((14, 14, width - 15, height - 15), outline=_FRAME, width=3)
    # A sheet with a folded corner.
    draw.polygon(
        ((54, 92), (138, 92), (170, 124), (170, 250), (54, 250)), fill="white", outline=_FRAME
    )
    draw.line(((138, 92), (138, 124), (170, 124)), fill=_FRAME, width=2)
    for y in range(150, 240, 18):
        draw.line(((70, y), (154, y)), fill=_FRAME, width=4)
    # What is of no kind is a voucher of a transaction.
    named = kind is not DocumentKind.UNSPECIFIED
    words = kind.value.replace("_", " ") if named else "VOUCHER"
    name = content_type.name
    for y, text, high, ink in (
        (116, words, 30, _INK),
        (168, pages, 24, _INK),
        (206, f"{name}, {_bytes(size)}", 24, _INK),
    ):
        draw.text((204, y), text, fill=ink, font=ImageFont.load_default(high), anchor="lm")
    draw.text(
        (width / 2, 320), _WHY[why], fill=_FAINT, font=ImageFont.load_default(21), anchor="mm"
    )
    return _png(image, 32)


def stamp(png: bytes, text: str) -> bytes:
    """The picture with a text written across it, again and again, so that none of it can be shown
    without: who looked, when, and the number of the event that tells of it.

    `text` is one line of at most 200 characters; those that are not printable ASCII are written as
    escapes. Takes some 20 ms. Raises NotOurPng, and ValueError for an empty or longer text.
    """
    line = _one_line(text)
    pixels = decode(png)
    image = Image.frombytes("P", (pixels.width, pixels.height), pixels.indices)
    image.putpalette(pixels.palette)
    page = image.convert("RGB")
    edge = page.width + page.height
    layer = Image.new("L", (edge, edge))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(max(11.0, page.width / 42))
    step = draw.textlength(line + "      ", font=font)
    gap = round(page.width / 9)
    for row, y in enumerate(range(0, edge, gap)):
        x = -(row % 3) * step / 3
        while x < edge:
            draw.text((x, y), line, fill=_STAMP_STRENGTH, font=font)
            x += step
    turned = layer.rotate(_STAMP_ANGLE, resample=Image.Resampling.BICUBIC)
    left, top = (edge - page.width) // 2, (edge - page.height) // 2
    mask = turned.crop((left, top, left + page.width, top + page.height))
    page.paste(Image.new("RGB", page.size, _STAMP), mask=mask)
    return _png(page, _STAMPED_COLOURS)


def _one_line(text: str) -> str:
    line = "".join(
        letter if " " <= letter <= "~" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
    if not line.strip() or len(line) > _LONGEST_STAMP:
        raise ValueError("a stamp is a line of 1 to 200 characters")
    return line


def _png(image: Image.Image, colours: int) -> bytes:
    few = image.quantize(colours, dither=Image.Dither.NONE)
    palette = bytes(few.getpalette("RGB") or b"")[: 3 * colours]
    return encode(Pixels(few.width, few.height, palette, few.tobytes()))


def _bytes(size: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
