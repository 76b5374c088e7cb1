"""Which of a customer's transactions are read, and in which order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Period:
    """Bounds of a page of transactions, as identifiers: low <= id < high."""

    low: str = ""
    high: str = "~"
    newest_first: bool = False
