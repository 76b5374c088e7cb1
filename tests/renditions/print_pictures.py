"""Draws the pictures of docs/explanation/masked-documents.md: specimens, and what becomes of them.

python -m tests.renditions.print_pictures docs/images/renditions
"""

import io
import sys
from pathlib import Path

from PIL import Image

from tests.support.specimens import DRAWN
from vault.records import ContentType, DocumentKind
from vault.renditions import LAYOUTS, Withheld, stamp
from vault.renditions.covering import cover
from vault.renditions.drawing import placeholder
from vault.renditions.png import encode

STAMP = "crm-1 for zhang.san  2026-12-01 09:00:00Z  event 123456"
_WIDTH, _GAP = 372, 12


def pictures() -> dict[str, Image.Image]:
    """By file name, without its end."""
    out = {}
    for layout in LAYOUTS:
        before = DRAWN[layout.name]().image
        small = before.copy()
        small.thumbnail((1200, 1200))
        after = Image.open(io.BytesIO(stamp(encode(cover(small, layout, 640)), STAMP)))
        out[layout.name] = _beside(before, after.convert("RGB"))
    png = placeholder(
        DocumentKind.PASSPORT, ContentType.PDF, "Page 1 of 2", 226_561, Withheld.NOT_RECOGNISED
    )
    out["placeholder"] = _narrow(Image.open(io.BytesIO(stamp(png, STAMP))).convert("RGB"))
    return out


def _narrow(image: Image.Image) -> Image.Image:
    return image.resize((_WIDTH, _WIDTH * image.height // image.width), Image.Resampling.LANCZOS)


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    left, right = _narrow(left), _narrow(right)
    out = Image.new("RGB", (2 * _WIDTH + _GAP, max(left.height, right.height)), "white")
    out.paste(left, (0, 0))
    out.paste(right, (_WIDTH + _GAP, 0))
    return out


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures().items():
        few = picture.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
