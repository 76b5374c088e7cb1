"""From a document's bytes to what a masked view may show of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable

from vault.records.content import ContentType
from vault.records.enums import DocumentKind
from vault.renditions.drawing import placeholder
from vault.renditions.frames import Answer, Job
from vault.renditions.limits import Limits
from vault.renditions.png import Pixels, encode
from vault.renditions.problems import DocumentRefused, Problem
from vault.renditions.process import Decoder, DecoderMissing
from vault.renditions.rendition import Rendition, RenditionPage, Withheld
from vault.renditions.sniffing import END_SIZE, START_SIZE, check_end, check_start


class Renderer:
    """Renders documents, `at_once` of them at the same time, each in a process of its own that has
    been started beforehand. Of one event loop. Its memory does not grow with a document's size.
    """

    def __init__(
        self, limits: Limits | None = None, at_once: int = 2, waiting_seconds: float = 20.0
    ) -> None:
        self.limits = limits or Limits()
        self._at_once = at_once
        self._waiting_seconds = waiting_seconds
        self._turns = asyncio.Semaphore(at_once)
        self._idle: deque[Decoder] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the processes. Raises DecoderMissing, if they cannot be."""
        while len(self._idle) < self._at_once:
            self._idle.append(await Decoder.start(self.limits))

    async def close(self) -> None:
        """End the processes; what is being rendered is given up with them."""
        self._closed = True
        # Those that are starting end by themselves; a start broken off would leave a process.
        await asyncio.gather(*self._starting, return_exceptions=True)
        while self._idle:
            await self._idle.popleft().end()

    async def render(
        self, kind: DocumentKind, content_type: ContentType, pieces: AsyncIterable[bytes]
    ) -> Rendition:
        """Render a document of a kind, declared as a type, whose bytes come in pieces of any size.

        Raises DocumentRefused with every problem there is, and DecoderMissing.
        """
        try:
            async with asyncio.timeout(self._waiting_seconds):
                await self._turns.acquire()
        except TimeoutError as error:
            raise DocumentRefused(Problem.BUSY) from error
        try:
            decoder = await self._decoder(Job(kind, content_type, self.limits))
            try:
                return await self._render(decoder, kind, content_type, pieces)
            finally:
                await asyncio.shield(decoder.end())
                self._replace()
        finally:
            self._turns.release()

    def without_picture(
        self, kind: DocumentKind, content_type: ContentType, size: int
    ) -> Rendition:
        """The rendition of a document that is larger than what is decoded: a placeholder."""
        why = Withheld.TOO_LARGE
        png = placeholder(kind, content_type, "Pages not counted", size, why)
        return Rendition(content_type, size, 0, (RenditionPage(png, "", why),))

    async def _render(
        self,
        decoder: Decoder,
        kind: DocumentKind,
        content_type: ContentType,
        pieces: AsyncIterable[bytes],
    ) -> Rendition:
        size, end, start = 0, b"", b""
        async for piece in pieces:
            size += len(piece)
            end = (end + piece)[-END_SIZE:]
            if len(start) < START_SIZE:
                # Held back until there is enough of it to be refused for what it is.
                start += piece
                if len(start) < START_SIZE:
                    continue
                check_start(content_type, start[:START_SIZE])
                piece = start
            if size <= self.limits.size:
                await decoder.feed(piece)
        if len(start) < START_SIZE:
            check_start(content_type, start)
            await decoder.feed(start)
        check_end(content_type, end)
        if size > self.limits.size:
            return self.without_picture(kind, content_type, size)
        answer, pixels = await decoder.answer()
        # Drawing takes some milliseconds a page, which the event loop has not to spare.
        pages = await asyncio.to_thread(_pages, kind, content_type, size, answer, pixels)
        return Rendition(content_type, size, answer.page_count, pages)

    async def _decoder(self, job: Job) -> Decoder:
        """A process that has taken the job. One that ended while it waited is passed over."""
        while self._idle:
            decoder = self._idle.popleft()
            try:
                await decoder.give(job)
            except DecoderMissing:
                await decoder.end()
            else:
                return decoder
        decoder = await Decoder.start(self.limits)
        try:
            await decoder.give(job)
        except BaseException:
            await decoder.end()
            raise
        return decoder

    def _replace(self) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._start_another())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start_another(self) -> None:
        try:
            decoder = await Decoder.start(self.limits)
        except DecoderMissing:
            # Whoever is next starts one himself, and is told if that fails.
            return
        if self._closed or len(self._idle) >= self._at_once:
            await decoder.end()
        else:
            self._idle.append(decoder)


def _pages(
    kind: DocumentKind, content_type: ContentType, size: int, answer: Answer, pixels: list[Pixels]
) -> tuple[RenditionPage, ...]:
    count = answer.page_count

    def without(pages: str, why: Withheld) -> RenditionPage:
        return RenditionPage(placeholder(kind, content_type, pages, size, why), "", why)

    if not answer.pages:
        return (without(_counted(count), Withheld.NO_LAYOUT),)
    pictures = iter(pixels)
    pages = [
        RenditionPage(encode(next(pictures)), page.layout)
        if page.layout
        else without(f"Page {number} of {count}", Withheld.NOT_RECOGNISED)
        for number, page in enumerate(answer.pages, 1)
    ]
    if count > len(pages):
        pages.append(
            without(f"Pages {len(pages) + 1} to {count} of {count}", Withheld.FURTHER_PAGES)
        )
    return tuple(pages)


def _counted(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
