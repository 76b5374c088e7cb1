"""Keeps texts from being formulas where a table is opened by a spreadsheet."""

from __future__ import annotations

from typing import Final

# OWASP, "CSV Injection".
_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would reckon with it."""
    return f"'{text}" if text.startswith(_BEGINNINGS) else text
