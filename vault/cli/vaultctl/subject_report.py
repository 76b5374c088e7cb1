"""What a person is given who has asked about his own data: `vaultctl subject report` and
`letter`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault_client import Recipient
from vault.cli.vaultctl import options, subject_pages
from vault.cli.vaultctl.bundle_files import recipient, require_new, write_whole
from vault.cli.vaultctl.export_merged import tell_merged
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, write_json
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.subject_options import Request, request_name


def report(
    context: typer.Context,
    name: Request,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="New folder.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--recipient",
            metavar="FILE",
            help="Public key (PEM) of who is to open the data: the whole file is put beside it.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Write what a person is given who has asked for access: who has used his data, as a page and
    as JSON, and with --recipient all that is held of him, sealed to that key."""
    client = session(context).client()
    found = client.subjects.get(request_name(name, client.profile))
    key = recipient(to) if to is not None else None
    categories: list[pb.RecipientCategory] = []
    lines: list[pb.UseLine] = []
    for answer in client.subjects.report_use(found.name):
        categories += answer.categories
        lines += answer.lines
    try:
        out.mkdir(mode=0o700)
    except OSError as error:
        raise options.unreadable(out, error) from None
    write_whole(out / "who-used-it.html", [subject_pages.used(found, categories, lines)])
    uses = pb.ReportUseResponse(categories=categories, lines=lines)
    write_whole(out / "who-used-it.json", [_json(uses)])
    merged: list[str] = []
    if key is not None:
        pieces = client.exports.produce(
            found.name.rpartition("/subjectRequests/")[0],
            Recipient(key.x25519, key.ml_kem),
            purpose="DATA_SUBJECT_REQUEST",
            merged=merged.extend,
        )
        write_whole(out / "data.sealed", pieces)
        tell_merged(merged)
    if as_json:
        write_json({"folder": str(out), "uses": len(lines), "sealed": key is not None})
        return
    sys.stdout.write(
        say(
            f"{out} has who used the data ({len(lines):,} uses)"
            + (", and the data, sealed.\n" if key is not None else ".\n"),
            f"{out} 中有使用情况（{len(lines):,} 次）"
            + ("及已密封的数据。\n" if key is not None else "。\n"),
        )
    )


def letter(
    context: typer.Context,
    name: Request,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file (HTML).")],
) -> None:
    """Write what the person is told as a page: the outcome, and of a refusal its law."""
    client = session(context).client()
    found = client.subjects.get(request_name(name, client.profile))
    require_new(out)
    write_whole(out, [subject_pages.letter(found)])


def _json(message: pb.ReportUseResponse) -> bytes:
    return (json.dumps(as_dict(message), ensure_ascii=False, indent=1) + "\n").encode()
