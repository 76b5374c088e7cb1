"""`vaultctl audit report`: who saw a customer's file, or what a principal looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from recordsvault.audit.v1 import audit_pb2
from vault.audit.checkpoint import CheckpointInvalid
from vault.audit.merkle import ProofInvalid, leaf_hash
from vault.audit.note import AlgorithmMissing
from vault.audit.proof_file import parse_proof, verify_proof
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import PinnedKeys, pinned
from vault.cli.vaultctl.failures import NOT_PROVED, UNEXPECTED, CommandError
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.report_lines import COLUMNS, Line, Proof, line_of, title
from vault.cli.vaultctl.report_page import page
from vault.cli.vaultctl.reports import Format, grid, sheet, write_out
from vault.cli.vaultctl.session import session


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
    write_out(_text(lines, format_, customer or actor, of_customer=bool(customer), out=out), out)
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
        return sheet(COLUMNS, lines, proof_file=lambda one: one.proof_file)
    if format_ is Format.HTML:
        return page(lines, subject, of_customer=of_customer)
    heading = title(subject, of_customer=of_customer)
    return grid(heading, COLUMNS, lines, lambda one: one.style, terminal=out is None)
