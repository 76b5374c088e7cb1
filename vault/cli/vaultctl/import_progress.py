"""The bar of an import: how much is done, how fast, how long it still takes."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import TaskID, TextColumn

from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.progress import bar


class ImportProgress:
    """A bar on stderr, or nothing where stderr is no terminal."""

    def __init__(self, *, enabled: bool) -> None:
        """`enabled` if a person is watching."""
        self._progress = bar(TextColumn("{task.fields[pace]}"), enabled=enabled)
        self._task: TaskID | None = None
        self._rows = 0
        self._bytes = 0
        self._total = 0
        self._at = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self._progress.stop()

    def checking(self, name: str) -> None:
        """The file is being read for its digest."""
        description = say(f"{name}: checking", f"{name}：校验")
        self._task = self._progress.add_task(description, total=None, pace="")

    def importing(self, name: str, size: int) -> None:
        """Rows of a file of `size` bytes begin to be sent."""
        self._rows = self._bytes = self._at = 0
        self._total = size
        self._started = time.monotonic()
        if self._task is not None:
            self._progress.update(self._task, description=name, total=size, completed=0, pace="")

    def advance(self, rows: int, end: int) -> None:
        """`rows` more are done (0: were done before); the file is done up to `end` bytes."""
        if rows:
            self._bytes += max(end - self._at, 0)
        self._rows += rows
        # Answers may come out of order: the bar does not go back.
        self._at = max(self._at, end)
        if self._task is not None:
            self._progress.update(self._task, completed=self._at, pace=self.pace())

    def pace(self) -> str:
        """Rows so far, rows a second, and the time left by what this run has done."""
        seconds = time.monotonic() - self._started
        if not self._rows or seconds <= 0:
            return ""
        rate = self._rows / seconds
        left = (self._total - self._at) * seconds / self._bytes if self._bytes else 0.0
        clock = time.strftime("%H:%M:%S", time.gmtime(min(left, 359_999)))
        return say(
            f"{self._rows:,} rows, {rate:,.0f}/s, {clock} left",
            f"{self._rows:,} 行，{rate:,.0f} 行/秒，剩余 {clock}",
        )
