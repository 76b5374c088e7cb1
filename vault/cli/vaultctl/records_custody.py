"""`vaultctl records custodians`, `hand-over` and `changes`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from recordsvault.life.v1 import life_pb2 as pb
from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session


def custodians(
    context: typer.Context,
    files: Annotated[
        bool,
        typer.Option("--files", help="Also name files whose custodian has left or that have none."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Say who keeps how many files, and whose custodian has left."""
    counts: list[pb.CustodianCount] = []
    alone: list[str] = []
    for part in session(context).client().files.custodians(name_files=files):
        counts.extend(part.custodians)
        alone.extend(part.files)
    if as_json:
        write_json({"custodians": [as_dict(one) for one in counts], "files": alone})
        return
    made = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        say("custodian", "保管人"),
        say("files", "档案数"),
        say("by default", "其中默认"),
        say("stands", "状态"),
    ):
        made.add_column(title)
    for one in counts:
        if not one.custodian:
            state = say("nobody keeps them", "无保管人")
        else:
            state = say("has left", "已离任") if one.left else say("here", "在任")
        cells = (one.custodian, str(one.files), str(one.by_default), state)
        made.add_row(*(Text(clean(cell)) for cell in cells))
    out = console()
    out.print(made)
    for name in alone:
        out.print(Text(clean(name)), soft_wrap=True)


def hand_over(
    context: typer.Context,
    giver: Annotated[str, typer.Option("--from", metavar="NAME", help="Who hands over.")],
    taker: Annotated[str, typer.Option("--to", metavar="NAME", help="Who takes over.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    branch: Annotated[
        str, typer.Option("--branch", metavar="BRANCH", help="Files of this branch only.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Hand a custodian's files over to another. What breaks off is called again: it goes on."""
    files: list[str] = []
    for part in (
        session(context).client().files.hand_over(giver, taker, reason=reason, branch=branch)
    ):
        files.extend(part.files)
    if as_json:
        write_json({"handed_over": len(files), "files": files})
        return
    sys.stdout.write(
        say(
            f"{len(files)} files are handed over, each with an entry in the log.\n",
            f"已移交 {len(files)} 份档案，每份均有日志条目。\n",
        )
    )


def changes(
    context: typer.Context,
    position: Annotated[
        int, typer.Option("--from-position", min=0, help="Go on behind this position.")
    ] = 0,
    from_end: Annotated[
        bool, typer.Option("--from-end", help="Begin with what comes from now on.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes later.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show which records were stored and changed: names and versions, a line each.

    The position of a line is where to go on from behind it.
    """
    for part in (
        session(context)
        .client()
        .files.changes(from_position=position, from_end=from_end, follow=follow)
    ):
        for one in part.changes:
            if as_json:
                write_json(as_dict(one))
                continue
            kind = pb.Change.Kind.Name(one.kind).removeprefix("KIND_")
            when = one.time.ToDatetime().isoformat(timespec="seconds")
            sys.stdout.write(f"{one.position}\t{when}Z\t{kind}\t{clean(one.name)}@{one.version}\n")
        sys.stdout.flush()
