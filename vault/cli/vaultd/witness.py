"""`vaultd witness`: a witness of logs, for another department than the vault's to run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vault.audit.note import NoteInvalid
from vault.audit.witness import StateFolder, WitnessKey
from vault.cli.vaultd.logs import LogFormat, configure
from vault.server.witness import serve_witness
from vault.server.witness_settings import load_witness

app = typer.Typer(name="witness", invoke_without_command=True)
_Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The witness.toml.")
]


@app.callback()
def witness(
    context: typer.Context,
    config: _Config = None,
    log_format: Annotated[LogFormat, typer.Option("--log-format")] = LogFormat.AUTO,
) -> None:
    """Cosign the checkpoints of logs until SIGTERM or Ctrl-C, and never two histories of one.

    When it takes requests it writes one line to standard output: ready witness ADDRESS.
    """
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise typer.BadParameter("name the configuration: vaultd witness --config witness.toml")
    configure(log_format)
    settings = load_witness(config)

    def ready() -> None:
        typer.echo(f"ready witness {settings.host}:{settings.port}")
        sys.stdout.flush()

    serve_witness(settings, ready)


@app.command("keygen")
def keygen(
    name: Annotated[
        str, typer.Option("--name", help="The witness's name, like an address without a scheme.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The key file to make.")],
) -> None:
    """Make a witness's key, and show the public one, which goes into the vaults' vault.toml."""
    try:
        key = WitnessKey.create(out, name)
    except NoteInvalid as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(key.verifier.vkey)


@app.command("show")
def show(
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The witness's key file.")],
) -> None:
    """Show the public key of a witness."""
    typer.echo(WitnessKey.read(key).verifier.vkey)


@app.command("forget")
def forget(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE")],
    origin: Annotated[str, typer.Option("--origin", help="The log.")],
) -> None:
    """Begin anew with a log that was set back with everybody's knowledge. Stop the witness first.

    What it has cosigned last is put aside, not deleted: it is evidence.
    """
    settings = load_witness(config)
    state = StateFolder(settings.state)
    try:
        aside = state.forget(origin)
    finally:
        state.close()
    typer.echo(f"put aside: {aside}" if aside else "there was nothing to forget")
