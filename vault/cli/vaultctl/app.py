"""The program: its options, its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

# gRPC's own lines on stderr would stand beside the one sentence that a person needs. Read when
# gRPC is first imported, so it is set before everything that does.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import typer

from vault.cli.vaultctl.access import app as access
from vault.cli.vaultctl.audit import app as audit
from vault.cli.vaultctl.break_glass import app as break_glass
from vault.cli.vaultctl.checkout import app as checkout
from vault.cli.vaultctl.compartments import app as compartment
from vault.cli.vaultctl.customers import app as customers
from vault.cli.vaultctl.decoy import app as decoy
from vault.cli.vaultctl.documents import app as documents
from vault.cli.vaultctl.failures import report
from vault.cli.vaultctl.health import health
from vault.cli.vaultctl.importing import import_files
from vault.cli.vaultctl.language import Language, speak
from vault.cli.vaultctl.policy import app as policy
from vault.cli.vaultctl.recovery import app as recovery
from vault.cli.vaultctl.session import Session
from vault.cli.vaultctl.transactions import app as transactions

app = typer.Typer(
    name="vaultctl",
    help="The records vault at the terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("health")(health)
app.command("import")(import_files)
app.add_typer(access, name="access")
app.add_typer(audit, name="audit")
app.add_typer(break_glass, name="break-glass")
app.add_typer(checkout, name="checkout")
app.add_typer(compartment, name="compartment")
app.add_typer(customers, name="customers")
app.add_typer(decoy, name="decoy")
app.add_typer(documents, name="documents")
app.add_typer(policy, name="policy")
app.add_typer(recovery, name="recovery")
app.add_typer(transactions, name="transactions")


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
