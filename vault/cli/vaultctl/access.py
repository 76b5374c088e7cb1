"""`vaultctl access`: who may do what."""

from __future__ import annotations

import typer

from vault.cli.vaultctl.access_review import review

app = typer.Typer(help="Who may do what.", no_args_is_help=True)


@app.callback()
def access() -> None:
    """Who may do what."""


app.command("review")(review)
