"""How requests of persons about their own data end: `vaultctl subject answered`, `correct`,
`refuse`, `erased` and `withdraw`."""

from __future__ import annotations

from typing import Annotated

import typer

from recordsvault.life.v1 import subjects_pb2 as pb
from vault.cli.vaultctl import options
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.subject_options import (
    Etag,
    Request,
    Words,
    WordsFile,
    seen,
    show_request,
    words_of,
)


def answered(
    context: typer.Context,
    name: Request,
    text: Words = "",
    file: WordsFile = None,
    etag: Etag = "",
    as_json: options.Json = False,
) -> None:
    """Close a request for access: the person was given what he asked for."""
    end = pb.SUBJECT_REQUEST_OUTCOME_ANSWERED
    _close(context, name, end, words_of(text, file), etag, as_json=as_json)


def correct(
    context: typer.Context,
    name: Request,
    version: Annotated[
        int,
        typer.Option(
            "--version",
            min=2,
            help="Version of the customer that corrects it, and names the document that shows it.",
        ),
    ],
    text: Words = "",
    file: WordsFile = None,
    etag: Etag = "",
    as_json: options.Json = False,
) -> None:
    """Close a request for correction by the version that met it."""
    end = pb.SUBJECT_REQUEST_OUTCOME_CORRECTED
    _close(context, name, end, words_of(text, file), etag, version=version, as_json=as_json)


def refuse(
    context: typer.Context,
    name: Request,
    text: Words = "",
    file: WordsFile = None,
    etag: Etag = "",
    as_json: options.Json = False,
) -> None:
    """Refuse a request. Of one to erase the vault works out the law; of others, say why."""
    end = pb.SUBJECT_REQUEST_OUTCOME_REFUSED
    _close(context, name, end, words_of(text, file), etag, as_json=as_json)


def erased(
    context: typer.Context, name: Request, etag: Etag = "", as_json: options.Json = False
) -> None:
    """Close a request whose data were disposed of."""
    _close(context, name, pb.SUBJECT_REQUEST_OUTCOME_ERASED, "", etag, as_json=as_json)


def withdraw(
    context: typer.Context,
    name: Request,
    text: Words = "",
    etag: Etag = "",
    as_json: options.Json = False,
) -> None:
    """Close a request that the person has taken back."""
    _close(context, name, pb.SUBJECT_REQUEST_OUTCOME_WITHDRAWN, text, etag, as_json=as_json)


def _close(
    context: typer.Context,
    name: str,
    end: pb.SubjectRequestOutcome.ValueType,
    text: str,
    etag: str,
    *,
    version: int = 0,
    as_json: bool,
) -> None:
    client = session(context).client()
    full, tag = seen(client, name, etag)
    made = client.subjects.close(full, end, etag=tag, text=text, version=version)
    show_request(made, as_json=as_json)
