"""`vaultd dev-token`: a token of a person of a development vault, for a program to call with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vault.server.dev import TOKEN_SECONDS
from vault.server.dev import dev_token as make


def dev_token(
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="The folder of `vaultd dev`.")
    ],
    person: Annotated[str, typer.Option("--person", metavar="NAME", help="Whose, as in `teller`.")],
    program: Annotated[
        str,
        typer.Option("--for", metavar="NAME", help="Whose certificate it goes with, as in `crm`."),
    ],
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, max=3600, metavar="N", help="How long it lasts.")
    ] = TOKEN_SECONDS,
) -> None:
    """Print a token of a person of a development vault, bound to a program's certificate.

    It stands for the bank's identity provider: `vaultctl --token FILE` calls for the person then.
    """
    typer.echo(make(directory, person, program, seconds))
