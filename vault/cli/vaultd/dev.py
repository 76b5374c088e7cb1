"""`vaultd dev`: a whole vault in a folder, both tiers running until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from vault.cli.vaultd.guide import guide
from vault.cli.vaultd.logs import configure
from vault.server.dev import Supervised, held, prepare, require_free
from vault.server.migrating import migrate
from vault.server.settings import TierName, load

_COLOURS = {TierName.FULL: "blue", TierName.MASKED: "magenta"}


def dev(
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="The vault's folder; made where absent.")
    ],
    port_full: Annotated[
        int | None,
        typer.Option("--port-full", min=1, max=65535, metavar="PORT", help="By default 7443."),
    ] = None,
    port_masked: Annotated[
        int | None,
        typer.Option("--port-masked", min=1, max=65535, metavar="PORT", help="By default 7444."),
    ] = None,
    log_origin: Annotated[
        str | None,
        typer.Option(
            "--log-origin",
            metavar="NAME",
            help="The name of a new vault's log, by default demo.bank/log. Vaults that hand "
            "files to each other need different ones.",
        ),
    ] = None,
    once_ready_file: Annotated[
        Path | None,
        typer.Option("--once-ready-file", metavar="FILE", help="Write it when both tiers serve."),
    ] = None,
) -> None:
    """Make a vault in a folder, or take up the one there, and run both tiers until Ctrl-C.

    What is in the folder is never overwritten: changes, keys and records stay. Certificates that
    end within 30 days are renewed. It is for development: every key lies in the folder.
    """
    configure()
    if once_ready_file:
        once_ready_file.unlink(missing_ok=True)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    with held(directory):
        vault = prepare(directory, full_port=port_full, masked_port=port_masked, origin=log_origin)
        require_free(vault.ports)
        migrate(load(vault.config, TierName.FULL))

        def show(tier: TierName, line: str) -> None:
            prefix = (f"{tier.value:<6} | ", _COLOURS[tier])
            err.print(Text.assemble(prefix, Text.from_ansi(line)), soft_wrap=True)

        def ready() -> None:
            guide(vault, out)
            if once_ready_file:
                once_ready_file.write_text("ready\n", encoding="utf-8")

        readable = "console" if sys.stderr.isatty() else "json"
        try:
            asyncio.run(Supervised(vault.config, log_format=readable).run(show, ready))
        finally:
            if once_ready_file:
                once_ready_file.unlink(missing_ok=True)
    out.print("Both tiers have stopped.")
