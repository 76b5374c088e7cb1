"""`vaultctl audit`: the log of every call, followed live or asked for."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from recordsvault.audit.v1 import audit_pb2
from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, LogEntry, Phase
from recordsvault_client import AuditClient, VaultError, decisions, event_filter
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.fields import moment
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(help="The log of every call.", no_args_is_help=True)

_STYLES: dict[int, str] = {
    Decision.DECISION_ALLOWED: "green",
    Decision.DECISION_DENIED: "bold red",
    Decision.DECISION_UNAUTHENTICATED: "bold magenta",
    Decision.DECISION_NOT_EVALUATED: "yellow",
}
_SHOWN_FIELDS = 4
_PHASES: dict[int, str] = {
    Phase.PHASE_OPENED: "opened",
    Phase.PHASE_MESSAGE: "message",
    Phase.PHASE_CLOSED: "closed",
}

Actor = Annotated[str, typer.Option("--actor", metavar="NAME", help="Principal that called.")]
Customer = Annotated[str, typer.Option("--customer", metavar="NAME", help="Customer concerned.")]
Actions = Annotated[
    list[str] | None,
    typer.Option("--action", metavar="ACTION", help="Action; may end in *. Repeatable."),
]
Decisions = Annotated[
    list[str] | None,
    typer.Option("--decision", metavar="DECISION", help=f"{', '.join(decisions())}. Repeatable."),
]
Since = Annotated[str, typer.Option("--since", metavar="TIME", help="Earliest time, inclusive.")]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="Latest time, exclusive.")]


@app.command()
def tail(
    context: typer.Context,
    actor: Actor = "",
    customer: Customer = "",
    action: Actions = None,
    decision: Decisions = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Entries to show of those that are there.")
    ] = 10,
    from_position: Annotated[
        int | None,
        typer.Option("--from-position", min=0, help="Start at a position of the log instead."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on with new entries as they come.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Show the last entries, and go on with new ones; a lost connection is taken up again."""
    wanted = _filter(context, actor, customer, action, decision, "", "")
    client = session(context).client().audit
    start = from_position
    if start is None:
        last = _last(client, wanted, max(lines, 1))
        for entry in last[-lines:] if lines else []:
            _show(entry, as_json)
        # From a position, never from "the end": what is appended meanwhile is not lost.
        start = last[-1].position + 1 if last else 0
        if not follow:
            return
    stream = client.stream(
        from_position=start,
        follow=follow,
        filter=wanted,
        patience=None,
        on_interrupt=_interrupted,
    )
    with stream:
        for entry in stream:
            _show(entry, as_json)


@app.command()
def query(
    context: typer.Context,
    actor: Actor = "",
    customer: Customer = "",
    action: Actions = None,
    decision: Decisions = None,
    since: Since = "",
    until: Until = "",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Most entries to show; 0: all.")
    ] = 50,
    newest_first: Annotated[
        bool, typer.Option("--newest-first/--oldest-first", help="Order.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show the entries that fit, oldest first."""
    wanted = _filter(context, actor, customer, action, decision, since, until)
    pager = (
        session(context)
        .client()
        .audit.query(filter=wanted, newest_first=newest_first, page_size=min(limit, 500) or 500)
    )
    for entry in itertools.islice(pager, limit or None):
        _show(entry, as_json)


def _filter(
    context: typer.Context,
    actor: str,
    customer: str,
    actions: list[str] | None,
    wanted: list[str] | None,
    since: str,
    until: str,
) -> audit_pb2.EventFilter:
    names = [name.upper() for name in wanted or ()]
    if not set(names) <= set(decisions()):
        listed = ", ".join(decisions())
        raise CommandError(
            f"--decision is one of {listed}.", f"--decision 应为以下之一：{listed}。"
        )
    if customer:
        profile = session(context).profile()
        customer = options.resource_name(customer, "customers/*", profile)
    return event_filter(
        actor=actor,
        customer=customer,
        actions=actions or (),
        decisions=names,
        from_time=options.moment(since, "--since"),
        to_time=options.moment(until, "--until"),
    )


def _last(client: AuditClient, wanted: audit_pb2.EventFilter, count: int) -> list[LogEntry]:
    newest = client.query(filter=wanted, newest_first=True, page_size=min(count, 500))
    return list(itertools.islice(newest, count))[::-1]


def _interrupted(error: VaultError, pause: float) -> None:
    sys.stderr.write(
        say(
            f"vaultctl: connection lost, trying again in {pause:.1f} s: ",
            f"vaultctl：连接中断，{pause:.1f} 秒后重试：",
        )
        + clean(error.text(language().value))
        + "\n"
    )


def _show(entry: LogEntry, as_json: bool) -> None:
    if as_json:
        write_json(as_dict(entry))
    else:
        console().print(line(entry))
        sys.stdout.flush()


def line(entry: LogEntry) -> Text:
    """An entry in one line, coloured by its decision."""
    event = entry.event
    style = _STYLES.get(event.decision, "")
    decision = Decision.Name(event.decision).removeprefix("DECISION_")
    text = Text()
    text.append(f"{moment(entry.append_time)} ", style="dim")
    text.append(f"#{entry.position} ", style="dim")
    text.append(f"{decision:<15} ", style=style)
    text.append(clean(event.actor or event.workload or "-"), style="bold")
    text.append(f" {clean(event.action)}")
    if phase := _PHASES.get(event.phase):
        text.append(f"/{phase}")
    if event.resource or event.customer:
        text.append(f" {clean(event.resource or event.customer)}", style="cyan")
    text.append(f" {clean(event.outcome)}", style="" if event.outcome == "OK" else style or "red")
    for label, value in _details(event):
        text.append(f" {label}=", style="dim")
        text.append(clean(value))
    return text


def _short(fields: Sequence[str]) -> str:
    """The first few names, and how many more there are; --json has them all."""
    more = len(fields) - _SHOWN_FIELDS
    return ",".join(fields[:_SHOWN_FIELDS]) + (f",+{more}" if more > 0 else "")


def _details(event: AuditEvent) -> list[tuple[str, str]]:
    found = [
        ("reason", event.reason),
        ("purpose", event.purpose),
        ("on_behalf_of", event.on_behalf_of),
        ("count", str(event.count) if event.count else ""),
        ("rows", str(len(event.rows)) if event.rows else ""),
        ("fields", _short(event.fields)),
        ("policies", ",".join(event.policies)),
        ("tier", event.tier),
        ("peer", event.peer),
        ("part", f"{event.part}/{event.parts}" if event.parts else ""),
    ]
    return [(label, value) for label, value in found if value]
