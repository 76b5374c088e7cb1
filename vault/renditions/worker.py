"""The process that decodes one document, and ends: `python -I -m vault.renditions.worker`.

It gives up what it does not need, reads a job and a document from its standard input, and writes
pixels to its standard output. It holds no key, and its document and its life are one: nothing of a
customer's document is in memory when another's is read.
"""

import os
import signal
import sys
from collections.abc import Iterator

from PIL import Image

from vault.records.content import ContentType
from vault.renditions.confinement import confine
from vault.renditions.covering import cover
from vault.renditions.frames import (
    LENGTH,
    MOST_JSON,
    READY,
    Answer,
    Job,
    PageAnswer,
    read_job,
    write_json,
)
from vault.renditions.layouts import LAYOUTS, Layout
from vault.renditions.marks import Page, lies_as
from vault.renditions.pdf import pages_of_pdf
from vault.renditions.pictures import pages_of_picture
from vault.renditions.png import Pixels
from vault.renditions.problems import DocumentRefused, Problem
from vault.renditions.sniffing import END_SIZE, check_end, check_start, check_whole
from vault.renditions.structure import check_structure


def main() -> None:
    """Read one job, answer it. The limits are the two arguments: bytes of memory, seconds."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    # The server decides when we end; an interrupt at its terminal is its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load_decoders()
    confine(memory, seconds)
    _write(READY)
    job = read_job(_exactly(_length(MOST_JSON)))
    _write(READY)
    try:
        answer, pixels = decode(job, _document(job.limits.size))
    except DocumentRefused as refused:
        answer, pixels = Answer(refused.problem), []
    except MemoryError:
        answer, pixels = Answer(Problem.TOO_MUCH_MEMORY), []
    _write(write_json(answer))
    for picture in pixels:
        _write(picture.palette)
        _write(picture.indices)
    # Not by way of the interpreter: its cleaning up would run decoders' code once more.
    os._exit(0)


def decode(job: Job, content: bytes) -> tuple[Answer, list[Pixels]]:
    """Check a document, count its pages, and picture those that have a layout. Raises
    DocumentRefused, MemoryError."""
    limits = job.limits
    check_start(job.content_type, content)
    check_end(job.content_type, content[-END_SIZE:])
    check_whole(job.content_type, content)
    check_structure(job.content_type, content, limits.pages)
    if job.content_type is ContentType.PDF:
        count, pages = pages_of_pdf(content, limits)
    else:
        count, pages = pages_of_picture(job.content_type, content, limits)
    layouts = [layout for layout in LAYOUTS if job.kind in layout.kinds]
    # A document without layout has its first page read all the same: it might be broken.
    wanted = min(count, limits.pictured_pages) if layouts else 1
    answers: list[PageAnswer] = []
    pixels: list[Pixels] = []
    for page in _first(pages, wanted):
        layout = _layout_of(page, layouts)
        if layout is None:
            answers.append(PageAnswer())
            continue
        picture = cover(page, layout, limits.long_edge)
        colours = len(picture.palette) // 3
        answers.append(PageAnswer(layout.name, picture.width, picture.height, colours))
        pixels.append(picture)
    return Answer(None, count, tuple(answers if layouts else ())), pixels


def _layout_of(page: Image.Image, layouts: list[Layout]) -> Layout | None:
    if not layouts:
        return None
    measured = Page(page)
    found = [layout for layout in layouts if lies_as(measured, layout)]
    # Two that fit are one doubt.
    return found[0] if len(found) == 1 else None


def _first(pages: Iterator[Image.Image], wanted: int) -> Iterator[Image.Image]:
    for _, page in zip(range(wanted), pages, strict=False):
        yield page


def _load_decoders() -> None:
    """Have everything loaded that Pillow would otherwise load when it is first needed."""
    Image.init()
    Image.new("RGB", (8, 8)).quantize(4, dither=Image.Dither.NONE)


def _document(most: int) -> bytes:
    content = bytearray()
    while size := _length(most - len(content)):
        content += _exactly(size)
    return bytes(content)


def _length(most: int) -> int:
    (size,) = LENGTH.unpack(_exactly(LENGTH.size))
    if size > most:
        raise SystemExit("more than announced")
    return int(size)


def _exactly(size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(0, min(size - len(parts), 1 << 20))
        if not part:
            # The server has gone, or has thought better of it.
            os._exit(0)
        parts += part
    return bytes(parts)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
