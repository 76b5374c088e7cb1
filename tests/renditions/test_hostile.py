"""Whatever a document does to the process that reads it, the server gets an error of ours."""

import asyncio
import io
import random
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import psutil
import pytest
from PIL import Image

from tests.renditions.conftest import Rendering, given
from tests.support.specimen_files import FORMATS, as_file, as_pdf, encrypted_pdf, pdf_of, png_bomb
from tests.support.specimens import DRAWN, letter
from vault.records import ContentType, DocumentKind
from vault.renditions import (
    DecoderMissing,
    DocumentRefused,
    Limits,
    Problem,
    Renderer,
    Withheld,
)

MIB = 1024 * 1024
PASSPORT = DRAWN["passport-td3"]().image
LETTER = letter().image.reduce(2)
GOOD = as_file(ContentType.JPEG, PASSPORT)


def refused(rendering: Rendering, content_type: ContentType, content: object) -> Problem:
    with pytest.raises(DocumentRefused) as raised:
        rendering(DocumentKind.PASSPORT, content_type, content)  # type: ignore[arg-type]
    return raised.value.problem


@pytest.fixture(autouse=True)
def _a_good_document_is_read_afterwards(render: Rendering) -> Iterator[None]:
    yield
    assert render(DocumentKind.PASSPORT, ContentType.JPEG, GOOD).pages[0].layout == "passport-td3"


def test_nothing_at_all_is_refused(render: Rendering) -> None:
    assert refused(render, ContentType.JPEG, b"") is Problem.EMPTY
    assert refused(render, ContentType.PDF, []) is Problem.EMPTY


def test_a_lying_type_is_refused_before_more_than_its_start_is_taken(render: Rendering) -> None:
    taken = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            taken.append(1)
            yield GOOD[:4096]

    assert refused(render, ContentType.PDF, pieces()) is Problem.TYPE_DIFFERS
    assert len(taken) == 1


def test_a_picture_of_gigabytes_in_kilobytes_is_refused(render: Rendering) -> None:
    bomb = png_bomb()
    assert len(bomb) < 10_000
    assert refused(render, ContentType.PNG, bomb) is Problem.TOO_MANY_PIXELS


def test_a_tiff_that_says_it_is_huge_is_refused(render: Rendering) -> None:
    image = bytearray(as_file(ContentType.TIFF, LETTER))
    # TIFF 6.0 section 2: width and height are the first two fields, of twelve bytes each.
    at = int.from_bytes(image[4:8], "little") + 2
    assert image[at : at + 2] == b"\x00\x01"
    for field in (at, at + 12):
        image[field + 2 : field + 12] = b"\x04\x00\x01\x00\x00\x00" + (200_000).to_bytes(
            4, "little"
        )
    assert refused(render, ContentType.TIFF, bytes(image)) is Problem.TOO_MANY_PIXELS


def test_a_pdf_of_a_hundred_thousand_pages_is_refused(render: Rendering) -> None:
    file = as_pdf(LETTER, count=100_000)
    assert refused(render, ContentType.PDF, file) is Problem.TOO_MANY_PAGES


def test_an_encrypted_pdf_is_refused_as_that(render: Rendering) -> None:
    assert refused(render, ContentType.PDF, encrypted_pdf(LETTER)) is Problem.ENCRYPTED


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n%%EOF\n",
        b"%PDF-1.7\n" + bytes(range(256)) * 40 + b"\n%%EOF\n",
        pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 0/Kids[]>>"], b""),
        pdf_of([b"<</Type/Catalog>>"], b""),
        pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R]>>"], b""),
    ],
    ids=["nothing", "noise", "no pages", "no tree", "a tree into itself"],
)
def test_a_broken_pdf_is_refused(render: Rendering, content: bytes) -> None:
    assert refused(render, ContentType.PDF, content) is Problem.BROKEN


def pdf_drawing(content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 360 253]/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (len(packed), packed),
        ],
        b"",
    )


def test_a_pdf_that_never_gets_done_is_given_up() -> None:
    file = pdf_drawing(b"0 0 m 360 253 l 9 9 m 1 2 3 4 5 6 c S\n" * 3_000_000)
    assert len(file) < 1 * MIB
    rendering = Rendering(Limits(processor_seconds=1))
    try:
        assert refused(rendering, ContentType.PDF, file) is Problem.TIMED_OUT
    finally:
        rendering.close()


def test_a_process_that_does_not_answer_in_time_is_given_up() -> None:
    rendering = Rendering(Limits(seconds=0.001))
    try:
        assert refused(rendering, ContentType.JPEG, GOOD) is Problem.TIMED_OUT
    finally:
        rendering.close()


def test_a_picture_that_takes_too_much_memory_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (9_000, 9_000)).save(file, "PNG")
    rendering = Rendering(Limits(memory=300 * MIB))
    try:
        problem = refused(rendering, ContentType.PNG, file.getvalue())
        assert problem in (Problem.TOO_MUCH_MEMORY, Problem.CRASHED)
    finally:
        rendering.close()


@pytest.mark.parametrize("program", ["/bin/false", "/bin/there-is-no-such-program"])
def test_a_process_that_cannot_even_start_is_no_fault_of_the_document(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)

    async def one() -> None:
        await Renderer().render(DocumentKind.PASSPORT, ContentType.JPEG, given([GOOD]))

    with pytest.raises(DecoderMissing):
        asyncio.run(one())


def test_a_process_that_dies_over_a_document_is_told_of(render: Rendering) -> None:
    def pieces() -> Iterator[bytes]:
        yield GOOD[: len(GOOD) // 2]
        for child in psutil.Process().children():
            # Not what else the tests of this process have started.
            with suppress(psutil.NoSuchProcess):
                if "vault.renditions.worker" in child.cmdline():
                    child.kill()
        yield GOOD[len(GOOD) // 2 :]

    assert refused(render, ContentType.JPEG, pieces()) is Problem.CRASHED


def test_each_document_has_a_process_of_its_own(render: Rendering) -> None:
    render(DocumentKind.PASSPORT, ContentType.JPEG, GOOD)
    render.runner.run(render.started())
    (first, *_) = render.renderer._idle
    render(DocumentKind.PASSPORT, ContentType.JPEG, GOOD)
    assert first._process.returncode is not None
    assert first not in render.renderer._idle


@pytest.mark.parametrize("size", [1, 64], ids=["beyond the limit", "within it"])
def test_a_large_document_takes_no_memory_of_the_server(size: int) -> None:
    rendering = Rendering(Limits(size=size * MIB), at_once=1)
    process = psutil.Process()
    start = as_file(ContentType.TIFF, LETTER)
    pieces_of_zeros = 240

    def pieces() -> Iterator[bytes]:
        yield start
        for _ in range(pieces_of_zeros):
            yield bytes(256 * 1024)

    try:
        before = process.memory_info().rss
        rendition = rendering(DocumentKind.PASSPORT, ContentType.TIFF, pieces())
        assert process.memory_info().rss - before < 20 * MIB
    finally:
        rendering.close()
    assert rendition.size == len(start) + pieces_of_zeros * 256 * 1024
    (page,) = rendition.pages
    if size == 1:
        assert (page.withheld, rendition.page_count) == (Withheld.TOO_LARGE, 0)
    else:
        assert (page.withheld, rendition.page_count) == (Withheld.NOT_RECOGNISED, 1)


def test_whoever_finds_all_processes_taken_is_told_so(render: Rendering) -> None:
    waiting = Rendering(at_once=1)
    waiting.renderer._waiting_seconds = 0.05
    try:

        def pieces() -> Iterator[bytes]:
            yield GOOD
            assert waiting.renderer._turns.locked()

        waiting(DocumentKind.PASSPORT, ContentType.JPEG, pieces())
        waiting.runner.run(waiting.renderer._turns.acquire())
        assert refused(waiting, ContentType.JPEG, GOOD) is Problem.BUSY
    finally:
        waiting.close()


def test_whoever_goes_away_leaves_no_process_and_no_turn_taken() -> None:
    rendering = Rendering(at_once=1)

    async def broken_off() -> None:
        begun = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield GOOD[: len(GOOD) // 2]
            begun.set()
            await asyncio.Event().wait()

        rendered = rendering.renderer.render(DocumentKind.PASSPORT, ContentType.JPEG, pieces())
        task = asyncio.create_task(rendered)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    try:
        used = rendering.renderer._idle[0]._process.pid
        rendering.runner.run(broken_off())
        assert not psutil.pid_exists(used)
        # The one turn that there is can be taken again.
        assert rendering(DocumentKind.PASSPORT, ContentType.JPEG, GOOD).page_count == 1
    finally:
        rendering.close()


@pytest.mark.parametrize("content_type", FORMATS, ids=lambda one: one.name.lower())
def test_no_damage_to_a_document_is_more_than_a_refusal(
    render: Rendering, content_type: ContentType
) -> None:
    dice = random.Random(content_type.value)
    whole = as_file(content_type, PASSPORT.reduce(2))
    for _ in range(10):
        content = bytearray(whole)
        for _ in range(dice.choice((1, 3, 40))):
            at = dice.randrange(40, len(content) - 40)
            content[at : at + dice.choice((1, 1, 9))] = dice.randbytes(dice.choice((1, 4, 9)))
        try:
            rendition = render(DocumentKind.PASSPORT, content_type, bytes(content))
        except DocumentRefused:
            continue
        assert rendition.page_count >= 1


PROBES = {
    "open a file": "open('/etc/hostname')",
    "open what it knows": "os.open('/dev/null', 0)",
    "write a file": "open('/tmp/written-by-a-decoder', 'w')",
    "reach the network": "socket.socket()",
    "start a program": "os.posix_spawn('/bin/true', ['true'], {})",
    "become a program": "os.execv('/bin/true', ['true'])",
    "become two": "os.fork()",
    "signal its server": "os.kill(os.getppid(), 0)",
    "signal a thread of its server": "tgkill(os.getppid())",
    "take memory": "bytearray(2 << 30)",
    "read another process": "os.listdir('/proc/1')",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))",
}


@pytest.mark.parametrize("what", PROBES)
def test_a_process_that_decodes_can_no_longer(what: str) -> None:
    code = (
        "import ctypes, os, resource, socket\n"
        "from vault.renditions.confinement import confine\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def tgkill(pid):\n"
        "    if libc.syscall(234 if os.uname().machine == 'x86_64' else 131, pid, pid, 0):\n"
        "        raise OSError(ctypes.get_errno())\n"
        "confine(512 << 20, 5)\n"
        f"try:\n    exec({PROBES[what]!r})\n"
        "except (OSError, MemoryError, ValueError):\n    os._exit(3)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], check=False, capture_output=True)
    assert done.returncode == 3, done.stderr


def test_a_process_that_decodes_may_have_threads_of_its_own() -> None:
    code = (
        "import os, threading\n"
        "from vault.renditions.confinement import confine\n"
        "confine(512 << 20, 5)\n"
        "done = []\n"
        "thread = threading.Thread(target=done.append, args=(1,))\n"
        "thread.start()\nthread.join()\n"
        "os._exit(0 if done else 1)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
