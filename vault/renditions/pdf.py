"""Pages of a PDF, drawn by PDFium. Runs where documents are decoded, never in the server.

Drawn is what a reader would see printed: no forms, no comments, no layer that is switched off, no
text as text. Scripts are not run; this build of PDFium has none.
"""

from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw
from PIL import Image

from vault.renditions.limits import Limits
from vault.renditions.marks import LOOK_EDGE
from vault.renditions.problems import DocumentRefused, Problem

# PDF 32000-1 annex C: a page is at most 14,400 units of 1/72 inch wide and high.
_LARGEST = 14_400.0


def pages_of_pdf(content: bytes, limits: Limits) -> tuple[int, Iterator[Image.Image]]:
    """As `pages_of_picture`."""
    try:
        document = pypdfium2.PdfDocument(content)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) in _PASSWORD:
            raise DocumentRefused(Problem.ENCRYPTED) from error
        raise DocumentRefused(Problem.BROKEN) from error
    if count < 1:
        raise DocumentRefused(Problem.BROKEN)
    if count > limits.pages:
        raise DocumentRefused(Problem.TOO_MANY_PAGES)
    return count, _pages(document, count)


def _pages(document: pypdfium2.PdfDocument, count: int) -> Iterator[Image.Image]:
    for number in range(count):
        try:
            page = document[number]
            width, height = page.get_size()
            if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
                raise DocumentRefused(Problem.BROKEN)
            drawn = page.render(
                scale=LOOK_EDGE / max(width, height), may_draw_forms=False, draw_annots=False
            )
            picture = drawn.to_pil().convert("RGB")
            drawn.close()
            page.close()
        except (pypdfium2.PdfiumError, ValueError, RuntimeError) as error:
            raise DocumentRefused(Problem.BROKEN) from error
        picture.thumbnail((LOOK_EDGE, LOOK_EDGE))
        yield picture


_PASSWORD = (pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY)
