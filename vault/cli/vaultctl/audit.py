"""`vaultctl audit`: the log of every call, followed live or asked for."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Annotated

import typer

from recordsvault.audit.v1 import audit_pb2
from recordsvault.audit.v1.event_pb2 import LogEntry
from recordsvault_client import AuditClient, VaultError, decisions, event_filter
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_archive import archive
from vault.cli.vaultctl.audit_export import export
from vault.cli.vaultctl.audit_forward import forward
from vault.cli.vaultctl.audit_keys import pinned
from vault.cli.vaultctl.audit_line import line
from vault.cli.vaultctl.audit_receipts import check_receipts
from vault.cli.vaultctl.audit_report import report
from vault.cli.vaultctl.audit_verify import verify
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.state_file import StateFile
from vault.cli.vaultctl.verified_tail import KIND, VerifiedTail, load_check

app = typer.Typer(add_completion=False, help="The log of every call.", no_args_is_help=True)
app.command("export")(export)
app.command("forward")(forward)
app.command("archive")(archive)
app.command("verify")(verify)
app.command("check-receipts")(check_receipts)
app.command("report")(report)

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
Nobodys = Annotated[
    bool,
    typer.Option(
        "--without-institution",
        help="Entries of no institution instead of yours: unknown callers, the vault's nodes.",
    ),
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
    without_institution: Nobodys = False,
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
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Prove what is shown against the log's signed checkpoints."),
    ] = False,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="VKEY|FILE", help="With --verify: the log's public key."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="With --verify: keep what was verified here."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show the last entries, and go on with new ones; a lost connection is taken up again.

    With --verify the whole log is checked from its first entry, or from where the state file
    stands, and the command ends with 21 at the first thing that is not as it was signed.
    """
    wanted = _filter(context, actor, customer, action, decision, without_institution)
    client = session(context).client().audit
    start = from_position
    if bool(key) != verify or (state is not None and not verify):
        raise CommandError(
            "--verify needs --key, and --key and --state go with --verify.",
            "--verify 需要 --key；--key 和 --state 只用于 --verify。",
        )
    if verify:
        keys = pinned(key or ()).log
        with StateFile(state, KIND) as file:
            check = load_check(file, keys)
            if start is None and not check.position:
                last = _last(client, wanted, max(lines, 1))
                start = (last[-lines].position if lines <= len(last) else 0) if lines else None
                if start is None:
                    start = last[-1].position + 1 if last else 0
            VerifiedTail(client, check, file, lambda entry: _show(entry, as_json)).run(
                wanted=wanted, show_from=start or 0, follow=follow, on_interrupt=_interrupted
            )
        return
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
    without_institution: Nobodys = False,
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
    wanted = _filter(context, actor, customer, action, decision, without_institution, since, until)
    # One more than is shown tells whether there are more.
    size = min(limit + 1, 500) if limit else 500
    client = session(context).client().audit
    for shown, entry in enumerate(
        client.query(filter=wanted, newest_first=newest_first, page_size=size)
    ):
        if limit and shown == limit:
            _tell_more(shown)
            return
        _show(entry, as_json)


def _filter(
    context: typer.Context,
    actor: str,
    customer: str,
    actions: list[str] | None,
    wanted: list[str] | None,
    without_institution: bool,
    since: str = "",
    until: str = "",
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
        without_institution=without_institution,
    )


def _last(client: AuditClient, wanted: audit_pb2.EventFilter, count: int) -> list[LogEntry]:
    newest = client.query(filter=wanted, newest_first=True, page_size=min(count, 500))
    return list(itertools.islice(newest, count))[::-1]


def _tell_more(shown: int) -> None:
    sys.stderr.write(
        say(
            f"There are more entries than these {shown}: --limit 0 shows all, "
            "--since and --until a part of them.\n",
            f"以上 {shown} 条之外还有更多：--limit 0 显示全部，--since 与 --until 限定时段。\n",
        )
    )


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
