"""An access report as one HTML file that needs nothing else: to read, to print, to hand over.

It has no script and loads nothing. All that came from the vault is escaped. The proofs stand in an
appendix: of each entry its bytes and its C2SP tlog-proof, with the words to check them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean
from vault.cli.vaultctl.report_lines import COLUMNS, Line, Proof, title

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
td.entry, td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.record { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; }
td.fields { min-width: 11rem; overflow-wrap: anywhere; }
td.record { overflow-wrap: anywhere; min-width: 9rem; }
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
  h2.proofs { break-before: page; }
}
"""


def page(lines: Sequence[Line], subject: str, *, of_customer: bool, chinese: bool) -> str:
    """The file's text."""
    return "".join(_parts(lines, title(subject, of_customer=of_customer), chinese=chinese))


def _parts(lines: Sequence[Line], heading: str, *, chinese: bool) -> Iterator[str]:
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f'<!doctype html>\n<html lang="{"zh-CN" if chinese else "en"}">\n<head>\n'
    yield '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield f"<title>{_safe(heading)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{_safe(heading)}</h1>\n"
    count = say(f"{len(lines)} entries", f"共 {len(lines)} 条")
    yield f'<p class="about">{_safe(count)} · {_safe(say("made", "生成于"))} {made}</p>\n'
    if lines:
        yield from _table(lines)
        yield from _proofs(lines)
    else:
        yield f"<p>{_safe(say('There are no entries.', '没有条目。'))}</p>\n"
    yield "</body>\n</html>\n"


def _table(lines: Sequence[Line]) -> Iterator[str]:
    yield "<table>\n<thead><tr>"
    for column in COLUMNS:
        yield f'<th scope="col">{_safe(column.title())}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for line in lines:
        kind = "wrong" if line.proof is Proof.WRONG else "" if line.allowed else "refused"
        yield f'<tr class="{kind}">' if kind else "<tr>"
        for column in COLUMNS:
            text = _safe(column.text(line))
            if column.key == "proof" and line.proof_file:
                text = f'<a href="#proof-{line.position}">{text}</a>'
            yield f'<td class="{column.key}">{text}</td>'
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def _proofs(lines: Sequence[Line]) -> Iterator[str]:
    yield f'<h2 class="proofs">{_safe(say("Proofs", "证明"))}</h2>\n<p class="about">'
    yield _safe(
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
        yield f'<h3 id="proof-{line.position}">{_safe(say("Entry", "条目"))} {line.position}</h3>\n'
        yield f'<pre class="leaf">{base64.b64encode(line.leaf).decode("ascii")}</pre>\n'
        if line.proof_file:
            # The proof as it is: a reader can copy it out of the page.
            yield f'<pre class="proof">{escape(line.proof_file)}</pre>\n'
        else:
            not_yet = say("No checkpoint covers it yet.", "尚无检查点涵盖该条。")
            yield f"<p>{_safe(not_yet)}</p>\n"


def _safe(text: str) -> str:
    return escape(clean(text))
