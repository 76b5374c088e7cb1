"""`with`, for whatever has a `close()`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Closed at the end of a `with`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is held; once or more."""

    def __enter__(self) -> Self:
        """The thing itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """As `close()`."""
        self.close()


class AsyncClosing(ABC):
    """Closed at the end of an `async with`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what is held; once or more."""

    async def __aenter__(self) -> Self:
        """The thing itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """As `close()`."""
        await self.close()
