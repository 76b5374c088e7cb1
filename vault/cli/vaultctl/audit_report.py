"""`vaultctl audit report`: who saw a customer's file, or what a principal looked at."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recordsvault.audit.v1 import audit_pb2
from vault.audit.checkpoint import CheckpointInvalid
from vault.audit.merkle import ProofInvalid, leaf_hash
from vault.audit.note import AlgorithmMissing
from vault.audit.proof_file import parse_proof, verify_proof
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import PinnedKeys, pinned
from vault.cli.vaultctl.failures import NOT_PROVED, UNEXPECTED, CommandError
from vault.cli.vaultctl.language import Language, language, say, speak
from vault.cli.vaultctl.output import clean, console
from vault.cli.vaultctl.report_lines import COLUMNS, Line, Proof, line_of, title
from vault.cli.vaultctl.report_page import page
from vault.cli.vaultctl.session import session


class Format(str, Enum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def report(
    context: typer.Context,
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="Who saw this customer's file.")
    ] = "",
    actor: Annotated[
        str, typer.Option("--actor", metavar="NAME", help="What this principal looked at.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Earliest time, inclusive.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Latest time, exclusive.")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", metavar="VKEY|FILE", help="Verify each line's proof with it. Repeatable."
        ),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TABLE,
    lang: Annotated[Language | None, typer.Option("--lang", help="Language of the report.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Instead of standard output.")
    ] = None,
) -> None:
    """Say who saw which fields, when and for what purpose; each line with its proof.

    With --key every proof is verified here; exit code 21 if one does not hold.
    """
    if bool(customer) == bool(actor):
        raise CommandError("Give --customer or --actor.", "请给出 --customer 或 --actor。")
    if lang is not None:
        speak(lang)
    if customer:
        customer = options.resource_name(customer, "customers/*", session(context).profile())
    keys = pinned(key) if key else None
    found = (
        session(context)
        .client()
        .audit.report(
            customer=customer,
            actor=actor,
            from_time=options.moment(since, "--since"),
            to_time=options.moment(until, "--until"),
        )
    )
    try:
        lines = [line_of(one, _proof(one, keys)) for one in found]
    except AlgorithmMissing as error:
        raise CommandError(f"{error}.", f"{error}。", UNEXPECTED) from None
    _write(_text(lines, format_, customer or actor, of_customer=bool(customer), out=out), out)
    if any(one.proof is Proof.WRONG for one in lines):
        raise CommandError(
            "A proof does not hold: the vault shows an entry that is not in its log.",
            "有证明不成立：保险库给出的条目不在其日志中。",
            NOT_PROVED,
        )


def _proof(line: audit_pb2.ReportLine, keys: PinnedKeys | None) -> Proof:
    """What the proof of a line is worth."""
    if not line.proof:
        return Proof.PENDING
    if keys is None:
        return Proof.GIVEN
    try:
        if parse_proof(line.proof).index != line.entry.position:
            return Proof.WRONG
        verify_proof(line.proof, leaf_hash(line.entry.leaf), keys.log, keys.origin)
    except (ProofInvalid, CheckpointInvalid):
        return Proof.WRONG
    return Proof.VERIFIED


def _text(
    lines: list[Line], format_: Format, subject: str, *, of_customer: bool, out: Path | None
) -> str:
    if format_ is Format.JSON:
        return "".join(json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in lines)
    if format_ is Format.CSV:
        return _csv(lines)
    if format_ is Format.HTML:
        return page(lines, subject, of_customer=of_customer, chinese=language() is Language.ZH)
    return _table(lines, subject, of_customer=of_customer, terminal=out is None)


def _csv(lines: Iterable[Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.key for column in COLUMNS] + ["proof_file"])
    for one in lines:
        values = [column.text(one) for column in COLUMNS]
        writer.writerow([_inert(value) for value in values] + [one.proof_file])
    return text.getvalue()


def _inert(value: str) -> str:
    # A spreadsheet takes such a cell for a formula.
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") and value != "-" else value


def _table(lines: list[Line], subject: str, *, of_customer: bool, terminal: bool) -> str:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        table.add_column(column.title(), overflow="fold")
    for one in lines:
        table.add_row(*(Text(clean(column.text(one)), style=one.style) for column in COLUMNS))
    text = io.StringIO()
    shown = console()
    colour = terminal and shown.is_terminal
    made = Console(file=text, width=shown.width, force_terminal=colour, highlight=False)
    made.print(Text(title(subject, of_customer=of_customer), style="bold"))
    made.print(table if lines else say("There are no entries.", "没有条目。"))
    return text.getvalue()


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise options.unreadable(out, error) from None
