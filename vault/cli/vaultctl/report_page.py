"""An access report as one HTML file: the lines, and the proofs in an appendix.

Of each entry the appendix has its bytes and its C2SP tlog-proof, with the words to check them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.printable import document, rows, safe
from vault.cli.vaultctl.report_lines import COLUMNS, Line, Proof, title
from vault.cli.vaultctl.reports import Column

_STYLE = """
td.entry, td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.record { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em;
  overflow-wrap: anywhere; min-width: 9rem; }
td.fields { min-width: 11rem; overflow-wrap: anywhere; }
@media print { h2.proofs { break-before: page; } }
"""


def page(lines: Sequence[Line], subject: str, *, of_customer: bool) -> str:
    """The file's text."""
    heading = title(subject, of_customer=of_customer)
    count = say("1 entry" if len(lines) == 1 else f"{len(lines)} entries", f"共 {len(lines)} 条")
    return document(heading, [count], _body(lines), _STYLE)


def _body(lines: Sequence[Line]) -> Iterator[str]:
    yield from rows(COLUMNS, lines, _kind, _cell)
    if lines:
        yield from _proofs(lines)


def _kind(line: Line) -> str:
    return "wrong" if line.proof is Proof.WRONG else "" if line.allowed else "refused"


def _cell(column: Column[Line], line: Line) -> str:
    text = safe(column.text(line))
    if column.key == "proof" and line.proof_file:
        return f'<a href="#proof-{line.position}">{text}</a>'
    return text


def _proofs(lines: Sequence[Line]) -> Iterator[str]:
    yield f'<h2 class="proofs">{safe(say("Proofs", "证明"))}</h2>\n<p class="about">'
    yield safe(
        say(
            "For each entry: its bytes as the log holds them (base64), and a C2SP tlog-proof, "
            "which leads from the SHA-256 of a zero byte and these bytes to the checkpoint that "
            "the log has signed. Any implementation of the format verifies it with the log's "
            "public key.",
            "每条包括：日志中存储的原始字节（base64），以及 C2SP tlog-proof 证明："
            "由零字节加该字节串的 SHA-256 推至日志签名的检查点。"
            "任何实现该格式的程序均可用日志公钥验证。",
        )
    )
    yield "</p>\n"
    for line in lines:
        yield f'<h3 id="proof-{line.position}">{safe(say("Entry", "条目"))} {line.position}</h3>\n'
        yield f'<pre class="leaf">{base64.b64encode(line.leaf).decode("ascii")}</pre>\n'
        if line.proof_file:
            # The proof as it is: a reader can copy it out of the page.
            yield f'<pre class="proof">{escape(line.proof_file)}</pre>\n'
        else:
            not_yet = say("No checkpoint covers it yet.", "尚无检查点涵盖该条。")
            yield f"<p>{safe(not_yet)}</p>\n"
