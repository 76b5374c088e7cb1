"""A renderer with its processes, kept for the tests of one file."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

import pytest

from vault.records import ContentType, DocumentKind
from vault.renditions import Limits, Renderer, Rendition


class Rendering:
    """A renderer on an event loop of its own."""

    def __init__(self, limits: Limits | None = None, at_once: int = 2) -> None:
        self.runner = asyncio.Runner()
        self.renderer = Renderer(limits, at_once)
        self.runner.run(self.renderer.start())

    def __call__(
        self, kind: DocumentKind, content_type: ContentType, content: bytes | Iterable[bytes]
    ) -> Rendition:
        pieces = [content] if isinstance(content, bytes) else content
        return self.runner.run(self.renderer.render(kind, content_type, given(pieces)))

    async def started(self) -> None:
        """Wait until processes that were used have been replaced."""
        await asyncio.gather(*self.renderer._starting)

    def close(self) -> None:
        self.runner.run(self.renderer.close())
        self.runner.close()


async def given(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.fixture(scope="module")
def render() -> Iterator[Rendering]:
    rendering = Rendering()
    yield rendering
    rendering.close()
