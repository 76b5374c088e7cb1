"""The program: its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# gRPC's own lines on stderr are not JSON and repeat what the server logs. Read when gRPC is first
# imported, so it is set before everything that does.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import typer

from vault.cli.vaultd.check import check_config
from vault.cli.vaultd.dev import dev
from vault.cli.vaultd.dev_token import dev_token
from vault.cli.vaultd.failures import INTERRUPTED, report
from vault.cli.vaultd.keys import app as keys
from vault.cli.vaultd.migrate import migrate
from vault.cli.vaultd.serve import serve
from vault.cli.vaultd.witness import app as witness

app = typer.Typer(
    name="vaultd",
    help="Runs the records vault.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("dev")(dev)
app.command("dev-token")(dev_token)
app.command("migrate")(migrate)
app.command("check-config")(check_config)
app.add_typer(keys)
app.add_typer(witness)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    try:
        # Not standalone: a slip on the command line is told in one sentence like everything else.
        code = app(list(arguments), prog_name="vaultd", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        return report(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the program `vaultd`."""
    sys.exit(run(sys.argv[1:]))
