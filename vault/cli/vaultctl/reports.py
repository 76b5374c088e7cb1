"""Reports for people and for spreadsheets: the columns of a line, and how lines are written."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console

T = TypeVar("T")


class Format(str, Enum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column of a report."""

    key: str
    en: str
    zh: str
    text: Callable[[T], str]

    def title(self) -> str:
        """Its head in the language in use."""
        return say(self.en, self.zh)


def sheet(columns: Sequence[Column[T]], lines: Iterable[T], **more: Callable[[T], str]) -> str:
    """CSV with the columns' keys as its head; `more` are columns that only a machine reads."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.key for column in columns] + list(more))
    for one in lines:
        cells = [_inert(column.text(one)) for column in columns]
        writer.writerow(cells + [value(one) for value in more.values()])
    return text.getvalue()


def _inert(value: str) -> str:
    # A spreadsheet takes such a cell for a formula.
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") and value != "-" else value


def grid(
    heading: str,
    columns: Sequence[Column[T]],
    lines: Sequence[T],
    style: Callable[[T], str],
    *,
    terminal: bool,
) -> str:
    """A table as text; coloured if it goes to a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.title(), overflow="fold")
    for one in lines:
        table.add_row(*(Text(clean(column.text(one)), style=style(one)) for column in columns))
    text = io.StringIO()
    shown = console()
    colour = terminal and shown.is_terminal
    made = Console(file=text, width=shown.width, force_terminal=colour, highlight=False)
    made.print(Text(heading, style="bold"))
    made.print(table if lines else say("There are no entries.", "没有条目。"))
    return text.getvalue()


def write_out(text: str, out: Path | None) -> None:
    """To a file, or to standard output if there is none. Raises CommandError."""
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise options.unreadable(out, error) from None
