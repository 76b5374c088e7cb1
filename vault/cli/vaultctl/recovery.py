"""`vaultctl recovery`: a log that was set back, and the two persons who let it go on."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from recordsvault.admin.v1 import admin_pb2
from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False, name="recovery", help="A log that was set back.", no_args_is_help=True
)
Incident = Annotated[
    str, typer.Argument(metavar="INCIDENT", help="What to acknowledge, as `recovery show` has it.")
]
WAITING = 1
"""Exit code while calls are refused."""


@app.command("show")
def show(context: typer.Context, as_json: options.Json = False) -> None:
    """Whether the log was set back, and who has acknowledged it; exit code 1 while calls fail."""
    made = session(context)
    _tell(made.client().get_recovery(timeout=made.timeout), as_json)


@app.command("acknowledge")
def acknowledge(context: typer.Context, incident: Incident, as_json: options.Json = False) -> None:
    """Let the log go on from where it is; exit code 1 while the other person's word is wanted.

    An operator and a security officer must each do so, with their own certificates. What the log
    has lost stays lost: first look whether the right database can still be restored.
    """
    made = session(context)
    _tell(made.client().acknowledge_recovery(incident, timeout=made.timeout), as_json)


def _tell(recovery: admin_pb2.Recovery, as_json: bool) -> None:
    waiting = recovery.state != admin_pb2.RECOVERY_STATE_NONE
    if as_json:
        write_json(as_dict(recovery))
    else:
        _print(recovery, waiting)
    raise typer.Exit(WAITING if waiting else 0)


def _print(recovery: admin_pb2.Recovery, waiting: bool) -> None:
    out = console()
    if not waiting:
        out.print(Text(say("The log goes on.", "日志正常延续。"), style="green"))
        return
    out.print(Text(clean(recovery.detail), style="bold red"))
    out.print(Text(clean(recovery.remedy)))
    if recovery.state != admin_pb2.RECOVERY_STATE_REFUSED:
        return
    rows = (
        (say("incident", "事项"), recovery.incident),
        (say("kept", "已保存"), f"{recovery.kept_size} {recovery.kept_root.hex()}"),
        (say("signed", "已签署"), f"{recovery.signed_size} {recovery.signed_root.hex()}"),
        (say("entries", "条目"), str(recovery.log_size)),
        *(
            (
                say("acknowledged", "已确认"),
                f"{word.principal} ({', '.join(word.roles)}) {word.time.ToJsonString()}",
            )
            for word in recovery.acknowledgements
        ),
    )
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        out.print(Text(f"{name:<{width}}  {clean(value)}"))
