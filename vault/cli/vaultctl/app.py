"""The program: its options, its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

# gRPC's own lines on stderr would stand beside the one sentence that a person needs. Read when
# gRPC is first imported, so it is set before everything that does.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import typer
from typer.core import TyperGroup

from vault.cli.vaultctl.failures import report
from vault.cli.vaultctl.health import health
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.session import Session

# The commands of a family are in a module of their own, which is loaded when one is called: what
# verifies logs, draws tables or reads policies need not be there to ask for a customer.
_FAMILIES: Final = {
    "access": "access",
    "accounts": "accounts",
    "audit": "audit",
    "blobs": "blobs",
    "break-glass": "break_glass",
    "bundle": "bundle",
    "checkout": "checkout",
    "compartment": "compartments",
    "customers": "customers",
    "decoy": "decoy",
    "disposal": "disposal",
    "documents": "documents",
    "export": "export",
    "hold": "hold",
    "import": "importing",
    "keys": "keys",
    "kms": "kms",
    "merge": "merge",
    "policy": "policy",
    "records": "records",
    "recovery": "recovery",
    "retention": "retention",
    "subject": "subject",
    "transactions": "transactions",
    "transfer": "transfer",
}


class _Families(TyperGroup):
    """The families, beside the commands that stand alone."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer's own
        return [*super().list_commands(ctx), *_FAMILIES]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # as above
        module = _FAMILIES.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        family = typer.main.get_command(import_module(f"vault.cli.vaultctl.{module}").app)
        family.name = cmd_name
        return family


app = typer.Typer(
    name="vaultctl",
    cls=_Families,
    help="The records vault at the terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("health")(health)


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile", "-p", metavar="FILE", envvar="VAULTCTL_PROFILE", help="Whom to call as."
        ),
    ] = None,
    lang: Annotated[
        Language, typer.Option("--lang", envvar="VAULTCTL_LANG", help="Language of messages.")
    ] = Language.EN,
    token: Annotated[
        Path | None,
        typer.Option(
            "--token",
            metavar="FILE",
            envvar="VAULTCTL_TOKEN_FILE",
            help="For which person: file of his token, beside the profile's certificate.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Deadline of a call.")
    ] = 10.0,
) -> None:
    """The records vault at the terminal."""
    speak(lang)
    made = Session(profile, timeout, token)
    context.obj = made
    context.call_on_close(made.close)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Nothing but the sentence of an error is written."""
    try:
        app(list(arguments), prog_name="vaultctl")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BrokenPipeError:
        # Who read the output has enough of it: no news, but the interpreter may not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return report(error)
    return 0


def main() -> None:
    """Entry point of the program `vaultctl`."""
    sys.exit(run(sys.argv[1:]))
