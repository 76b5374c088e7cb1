"""Lists of the vault as iterators: pages are fetched as they are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page: its items and the token of the next, empty after the last."""

    items: Sequence[T]
    next_page_token: str


class Pager(Generic[T]):
    """Iterates over every item from a page token on; `pages()` gives page by page."""

    def __init__(self, fetch: Callable[[str], Page[T]], page_token: str = "") -> None:
        """`fetch` gets the page of a token, with deadline and retries of its own."""
        self._fetch = fetch
        self._token = page_token

    def map(self, change: Callable[[T], U]) -> Pager[U]:
        """The same list, with `change` made to each item."""

        def fetch(token: str) -> Page[U]:
            page = self._fetch(token)
            return Page([change(item) for item in page.items], page.next_page_token)

        return Pager(fetch, self._token)

    def pages(self) -> Iterator[Page[T]]:
        """Page by page. Raises VaultError."""
        token = self._token
        while True:
            page = self._fetch(token)
            yield page
            token = page.next_page_token
            if not token:
                return

    def __iter__(self) -> Iterator[T]:
        """Item by item. Raises VaultError."""
        for page in self.pages():
            yield from page.items


class AsyncPager(Generic[T]):
    """As Pager, for `async for`."""

    def __init__(self, fetch: Callable[[str], Awaitable[Page[T]]], page_token: str = "") -> None:
        """`fetch` gets the page of a token, with deadline and retries of its own."""
        self._fetch = fetch
        self._token = page_token

    def map(self, change: Callable[[T], U]) -> AsyncPager[U]:
        """The same list, with `change` made to each item."""

        async def fetch(token: str) -> Page[U]:
            page = await self._fetch(token)
            return Page([change(item) for item in page.items], page.next_page_token)

        return AsyncPager(fetch, self._token)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page. Raises VaultError."""
        token = self._token
        while True:
            page = await self._fetch(token)
            yield page
            token = page.next_page_token
            if not token:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        """Item by item. Raises VaultError."""
        async for page in self.pages():
            for item in page.items:
                yield item
