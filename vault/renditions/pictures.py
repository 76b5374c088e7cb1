"""Pages of a picture, by Pillow. Runs where documents are decoded, never in the server."""

import io
import struct
from collections.abc import Iterator
from typing import Final

import pillow_heif
from PIL import Image, ImageFile, UnidentifiedImageError

from vault.records.content import ContentType
from vault.renditions.limits import Limits
from vault.renditions.marks import LOOK_EDGE
from vault.renditions.problems import DocumentRefused, Problem

# Only the one decoder that the first bytes asked for is tried.
_FORMATS: Final = {
    ContentType.JPEG: "JPEG",
    ContentType.PNG: "PNG",
    ContentType.TIFF: "TIFF",
    ContentType.WEBP: "WEBP",
    ContentType.HEIC: "HEIF",
}

# We count pixels ourselves, before any is decoded; Pillow would only warn up to twice its limit.
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, decode_threads=1)


def pages_of_picture(
    content_type: ContentType, content: bytes, limits: Limits
) -> tuple[int, Iterator[Image.Image]]:
    """Number of pages, and the pages from the first as far as asked, each RGB and upright, its
    longer edge LOOK_EDGE pixels at most. Raises DocumentRefused, the iterator too."""
    try:
        image = Image.open(io.BytesIO(content), formats=[_FORMATS[content_type]])
        count = int(getattr(image, "n_frames", 1))
    except _BROKEN as error:
        raise DocumentRefused(Problem.BROKEN) from error
    if count > 1 and content_type in (ContentType.PNG, ContentType.WEBP):
        raise DocumentRefused(Problem.ANIMATED)
    if count > limits.pages:
        raise DocumentRefused(Problem.TOO_MANY_PAGES)
    return count, _pages(image, count, limits)


def _pages(image: Image.Image, count: int, limits: Limits) -> Iterator[Image.Image]:
    for number in range(count):
        try:
            if number:
                image.seek(number)
            if image.width * image.height > limits.pixels:
                raise DocumentRefused(Problem.TOO_MANY_PIXELS)
            if min(image.size) < 1:
                raise DocumentRefused(Problem.BROKEN)
            # JPEG decodes at a half, a quarter or an eighth for a fraction of memory and time.
            image.draft("RGB", (LOOK_EDGE, LOOK_EDGE))
            image.load()
            yield _made_ready(image)
        except _BROKEN as error:
            raise DocumentRefused(Problem.BROKEN) from error


def _made_ready(image: Image.Image) -> Image.Image:
    factor = max(image.size) // LOOK_EDGE
    page: Image.Image = image
    if factor > 1 and image.mode not in ("P", "1") and not image.mode.startswith("I;"):
        page = image.reduce(factor)
    if page.has_transparency_data:
        # What is transparent is seen by nobody who looks at the original; so it is not here.
        page = page.convert("RGBA")
        page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page)
    page = page.convert("RGB")
    page.thumbnail((LOOK_EDGE, LOOK_EDGE))
    turn = _TURNS.get(_orientation(image))
    return page if turn is None else page.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """As the original's metadata say. Where they are damaged the page is left as it is: whether it
    then lies as its layout has it is seen by its marks."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:
        return 1


_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise over content that is not as it should be.
_BROKEN: Final = (
    struct.error,
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    AttributeError,
    ZeroDivisionError,
    RuntimeError,
    Image.DecompressionBombError,
)
