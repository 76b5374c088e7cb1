"""`vaultd check-config`: looks a configuration over without serving it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from vault.cli.vaultd.failures import UNUSABLE
from vault.cli.vaultd.options import Config
from vault.server.checking import Finding, examine, tiers
from vault.server.settings import TierName, load


def check_config(
    config: Config,
    tier: Annotated[
        TierName | None, typer.Option("--tier", help="Look at this tier alone; by default at all.")
    ] = None,
) -> None:
    """Look over a configuration, and the files and databases that it names; change nothing.

    Exit code 0 if it can be served, 2 if not.
    """
    chosen = [tier] if tier else tiers(config)
    findings = [found for name in chosen for found in examine(load(config, name), config)]
    _show(findings)
    if any(found.problem for found in findings):
        raise typer.Exit(UNUSABLE)


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for found in findings:
        how = ("ok      ", "green")
        if found.problem:
            how = ("problem ", "bold red")
        elif found.warning:
            how = ("warning ", "yellow")
        line = Text.assemble(
            f"{found.tier.value:<8}{found.subject:<14}",
            how,
            found.problem or found.warning or found.detail,
        )
        # A path is not broken over two lines: it is to be copied, and found by grep.
        console.print(line, soft_wrap=True)
