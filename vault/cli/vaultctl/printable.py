"""A report as one HTML file that needs nothing else: to read, to print, to hand over.

It has no script and loads nothing. All that came from the vault is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TypeVar

from vault.cli.vaultctl.language import Language, language, say
from vault.cli.vaultctl.output import clean
from vault.cli.vaultctl.reports import Column

T = TypeVar("T")

_STYLE = """
:root { color-scheme: light; }
body { font: 10.5pt/1.45 "Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei",
  system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1.5rem; color: #1b1f24; }
h1 { font-size: 1.35rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.about { color: #57606a; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .86em; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem;
  border-bottom: 1px solid #d0d7de; overflow-wrap: break-word; }
th { border-bottom: 2px solid #57606a; white-space: nowrap; }
tr.refused td { background: #fff1f0; }
tr.wrong td { background: #ffd7d5; font-weight: 600; }
pre { font: .72em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; background: #f6f8fa; border: 1px solid #d0d7de; padding: .5rem; margin:
  .2rem 0 1rem; }
h3 { font-size: .95rem; margin: 1rem 0 .2rem; }
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  body { margin: 0; padding: 0; max-width: none; font-size: 8.5pt; }
  thead { display: table-header-group; }
  tr, h3 { break-inside: avoid; break-after: auto; }
}
"""


def document(heading: str, about: Sequence[str], body: Iterable[str], style: str = "") -> str:
    """The file's text. `about` stands under the heading, with when it was made behind it.

    `body` is HTML that has been made safe; `style` is added to that of all reports.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lang = "zh-CN" if language() is Language.ZH else "en"
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    facts = " · ".join([*(safe(one) for one in about), f"{safe(say('made', '生成于'))} {made}"])
    return "".join(
        [
            f'<!doctype html>\n<html lang="{lang}">\n<head>\n',
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            f"<title>{safe(heading)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n",
            f'<h1>{safe(heading)}</h1>\n<p class="about">{facts}</p>\n',
            *body,
            "</body>\n</html>\n",
        ]
    )


def rows(
    columns: Sequence[Column[T]],
    lines: Sequence[T],
    kind: Callable[[T], str],
    cell: Callable[[Column[T], T], str] | None = None,
) -> Iterator[str]:
    """The lines as a table; `kind` is the class of a row, `cell` the safe HTML of a cell."""
    if not lines:
        yield f"<p>{safe(say('There are no entries.', '没有条目。'))}</p>\n"
        return
    yield "<table>\n<thead><tr>"
    for column in columns:
        yield f'<th scope="col">{safe(column.title())}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for line in lines:
        yield f'<tr class="{kind(line)}">' if kind(line) else "<tr>"
        for column in columns:
            text = cell(column, line) if cell else safe(column.text(line))
            yield f'<td class="{column.key}">{text}</td>'
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def safe(text: str) -> str:
    """Text that acts neither on a terminal nor on a browser."""
    return escape(clean(text))
