"""Plots as inline SVG below their titles: no script, nothing loaded, readable without colour and by
a screen reader."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vault.cli.vaultctl.printable import safe

COLOURS: Final = ("#0969da", "#bf8700", "#57606a", "#cf222e", "#1a7f37", "#8250df")
_BAR, _GAP, _WIDTH, _LABEL, _VALUE = 22, 8, 760, 190, 120
_HEIGHT, _FOOT = 180, 34
# A column, and what a label below it needs.
_WIDEST, _ROOM = 60, 46


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled bar of parts, each a number."""

    label: str
    parts: tuple[int, ...]


def bars(title: str, legend: Sequence[str], lines: Sequence[Bar]) -> str:
    """Bars from left to right, one a line, their parts one behind the other in `legend`'s order."""
    most = max((sum(line.parts) for line in lines), default=0) or 1
    room = _WIDTH - _LABEL - _VALUE
    height = len(lines) * (_BAR + _GAP) + _FOOT
    out = [_open(title, height)]
    for place, line in enumerate(lines):
        y = place * (_BAR + _GAP)
        out.append(_text(0, y + 16, line.label))
        x = float(_LABEL)
        for index, part in enumerate(line.parts):
            width = part / most * room
            if part:
                out.append(_rect(x, y, max(width, 1), _BAR, index))
            x += width
        out.append(_text(x + 6, y + 16, " / ".join(f"{part:,}" for part in line.parts)))
    out.append(_legend(legend, height))
    return "".join(out) + "</svg>\n"


def columns(title: str, legend: Sequence[str], lines: Sequence[Bar]) -> str:
    """Columns beside each other, such as days; every label that there is room for."""
    most = max((sum(line.parts) for line in lines), default=0) or 1
    step = min(_WIDTH / max(len(lines), 1), _WIDEST)
    every = math.ceil(_ROOM / step)
    height = _HEIGHT + 22 + _FOOT
    out = [_open(title, height), _text(0, 12, f"{most:,}")]
    for place, line in enumerate(lines):
        x, y = place * step + step * 0.1, float(_HEIGHT)
        for index, part in enumerate(line.parts):
            if part:
                tall = max(part / most * (_HEIGHT - 20), 1)
                y -= tall
                out.append(_rect(x, y, step * 0.8, tall, index))
        if place % every == 0:
            out.append(_text(x, _HEIGHT + 15, line.label))
    out.append(f'<path d="M0 {_HEIGHT}H{_WIDTH}" stroke="#57606a"/>')
    out.append(_legend(legend, height))
    return "".join(out) + "</svg>\n"


def _open(title: str, height: int) -> str:
    return (
        f"<h3>{safe(title)}</h3>\n"
        f'<svg role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">'
        f"<title>{safe(title)}</title>"
    )


def _rect(x: float, y: float, width: float, height: float, index: int) -> str:
    # Shades differ in lightness too, and later parts have an edge: for prints without colour.
    edge = ' stroke="#1b1f24" stroke-width=".8"' if index else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{COLOURS[index % len(COLOURS)]}"{edge}/>'
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{safe(text)}</text>'


def _legend(names: Sequence[str], height: int) -> str:
    out, x = [], 0.0
    for index, name in enumerate(names):
        out.append(_rect(x, height - 16, 12, 12, index))
        out.append(_text(x + 18, height - 6, name))
        # Chinese letters are about twice as wide.
        x += 40 + sum(14 if ord(letter) > 0x2E7F else 8 for letter in name)
    return "".join(out)
