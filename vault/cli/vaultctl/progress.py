"""The bar of whatever takes long: on stderr, and only where a person is watching."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn


def bar(*more: ProgressColumn, enabled: bool | None = None, auto_refresh: bool = True) -> Progress:
    """What is done, how much of it, and `more` behind that. `enabled` is by default whether stderr
    is a terminal; without `auto_refresh` no thread of its own draws it."""
    watched = sys.stderr.isatty() if enabled is None else enabled
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        *more,
        console=Console(stderr=True),
        disable=not watched,
        auto_refresh=auto_refresh,
    )
