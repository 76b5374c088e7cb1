"""`vaultctl audit archive`: old entries out of the database, into the object store."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.progress import TimeRemainingColumn

from recordsvault.audit.v1 import audit_pb2
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

_AGE = re.compile(r"(\d{1,6})(d|h|m)")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def archive(
    context: typer.Context,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Entries older than this: 90d, 12h, 30m."),
    ] = "90d",
    as_json: options.Json = False,
) -> None:
    """Move old entries to the object store; they stay provable, and reports find them.

    Whole bundles of 256 that a checkpoint covers are moved, each read back before it is let go.
    Interrupted, it goes on where it was. The database does not shrink: new entries take the room.
    """
    before = datetime.now(UTC) - _age(older_than)
    client = session(context).client().audit
    last = audit_pb2.ArchiveEventsResponse()
    with bar(TimeRemainingColumn()) as progress:
        task = progress.add_task(say("archiving", "正在归档"), total=None)
        for last in client.archive_events(before):
            progress.update(task, completed=last.moved, total=last.total or None)
    if as_json:
        write_json({"moved": last.moved, "archived": last.archived, "bytes": last.bytes})
        return
    if not last.moved:
        sys.stdout.write(
            say(
                f"Nothing to move: no whole bundle is older than {older_than}; {last.archived} "
                "entries are in the archive.\n",
                f"无可归档：没有早于 {older_than} 的完整数据包；归档中共有 {last.archived} 条。\n",
            )
        )
        return
    each = last.bytes / last.moved
    sys.stdout.write(
        say(
            f"{last.moved} entries moved, {each:.0f} bytes each; {last.archived} are in the "
            "archive.\n",
            f"已归档 {last.moved} 条，每条 {each:.0f} 字节；归档中共有 {last.archived} 条。\n",
        )
    )


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise CommandError(
            "--older-than: write a number and d, h or m, as in 90d.",
            "--older-than：请写数字加 d、h 或 m，例如 90d。",
            INPUT,
        )
    return int(found[1]) * _UNITS[found[2]]
