"""`vaultd serve`: one tier, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from typing import Annotated

import typer

from vault.cli.vaultd.logs import LogFormat, configure
from vault.cli.vaultd.options import Config, Tier
from vault.server import run
from vault.server.migrating import require_migrated
from vault.server.settings import TierName, load


def serve(
    config: Config,
    tier: Tier = TierName.FULL,
    log_format: Annotated[LogFormat, typer.Option("--log-format")] = LogFormat.AUTO,
    stop_with_stdin: Annotated[
        bool, typer.Option("--stop-with-stdin", help="Stop when standard input ends, too.")
    ] = False,
) -> None:
    """Serve one tier until SIGTERM or Ctrl-C; calls in flight are finished first.

    When it takes calls it writes one line to standard output: ready TIER ADDRESS.
    """
    configure(log_format)
    settings = load(config, tier)
    require_migrated(settings, config)
    if stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()

    def tell() -> None:
        typer.echo(f"ready {tier.value} {settings.table.listen}")
        sys.stdout.flush()

    def ready() -> None:
        # In the loop's next turn: by then the server heeds the signals that stop it.
        asyncio.get_running_loop().call_soon(tell)

    asyncio.run(run.serve(settings, ready=ready))


def _stop_with_stdin() -> None:
    # Not through sys.stdin: its lock would be held at exit, and the interpreter complains of that.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
