"""The readable page of a bundle: one HTML file, self-contained, to be read and printed.

No script, no picture, no address of another machine: what a court's computer opens asks nobody for
anything. Every value is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from html import escape
from typing import Any

from vault.bundles.iso20022 import decimal
from vault.bundles.page_words import LABELS, WORDS, Word
from vault.records import Money


class Language(StrEnum):
    """Language of a page."""

    EN = "en"
    ZH_CN = "zh-CN"


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """A heading, a sentence below it, and rows of a name and a value."""

    heading: str
    note: str = ""
    rows: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """A heading, a sentence below it, and a table; the first row is of the columns' names."""

    heading: str
    note: str
    rows: Sequence[Sequence[str]]


_SHORT = 28
_STYLE = """
@page{size:A4;margin:18mm}
body{font:11pt/1.45 "Noto Sans","Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei",
sans-serif;
color:#111;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;border-bottom:2px solid #111;padding-bottom:.3rem}
h2{font-size:1.1rem;margin:1.6rem 0 .3rem;break-after:avoid}
p{margin:.3rem 0;color:#333}
table{border-collapse:collapse;width:100%;margin:.4rem 0;font-size:.92em}
th,td{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
th{background:#f2f2f2;font-weight:600}
tbody th{width:16rem}
.s{white-space:nowrap}
tr{break-inside:avoid}
thead{display:table-header-group}
footer{margin-top:2rem;border-top:1px solid #bbb;font-size:.85em;color:#333}
@media print{body{margin:0;max-width:none;padding:0}}
"""


def page(
    language: Language, title: str, parts: Sequence[Section | Table], footer: Sequence[str]
) -> bytes:
    """The page."""
    body = [f"<h1>{escape(title)}</h1>"]
    for part in parts:
        body.append(f"<h2>{escape(part.heading)}</h2>")
        if part.note:
            body.append(f"<p>{escape(part.note)}</p>")
        if part.rows:
            body.append(_table(part) if isinstance(part, Table) else _pairs(part.rows))
    body.append("<footer>" + "".join(f"<p>{escape(line)}</p>" for line in footer) + "</footer>")
    return (
        f'<!DOCTYPE html>\n<html lang="{language.value}"><head><meta charset="utf-8">'
        # Nothing may be fetched, though nothing asks for it.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    ).encode()


def word(language: Language, key: Word) -> str:
    """A word or sentence of the pages."""
    return WORDS[key][language is Language.ZH_CN]


def rows_of(language: Language, record: Any, prefix: str = "") -> list[tuple[str, str]]:
    """The fields of a record that are not empty, by their names in the language, in order."""
    found: list[tuple[str, str]] = []
    for field in fields(record):
        value = getattr(record, field.name)
        label = _label(language, field.name)
        name = f"{prefix} · {label}" if prefix else label
        for place, one in enumerate(value if isinstance(value, tuple) else (value,), 1):
            own = f"{name} {place}" if isinstance(value, tuple) and len(value) > 1 else name
            if is_dataclass(one) and not isinstance(one, Money):
                found += rows_of(language, one, own)
            elif text := text_of(one):
                found.append((own, text))
    return found


def text_of(value: Any) -> str:
    """A value as a person reads it; "" for none."""
    if value is None or value == "" or (isinstance(value, Enum) and value.name == "UNSPECIFIED"):
        return ""
    if isinstance(value, Money):
        return f"{decimal(value)} {value.currency}"
    if isinstance(value, bool):
        return "✓" if value else ""
    if isinstance(value, int):
        return str(value) if value else ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
    return value.isoformat() if isinstance(value, date) else str(value)


def _label(language: Language, name: str) -> str:
    if language is Language.ZH_CN and name in LABELS:
        return LABELS[name]
    return name.replace("_", " ").capitalize()


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tbody>{lines}</tbody></table>"


def _table(table: Table) -> str:
    head, *rest = table.rows
    names = "".join(f'<th scope="col">{escape(one)}</th>' for one in head)
    lines = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rest)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(text: str) -> str:
    # A number or a time is not broken; a long name is, wherever it has to be.
    short = ' class="s"' if len(text) <= _SHORT else ""
    return f"<td{short}>{escape(text)}</td>"
