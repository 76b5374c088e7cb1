"""`vaultctl access review`: rights that nobody uses, rights that end, people with too much."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault_client import VaultServices, event_filter
from vault.cli.vaultctl.access_findings import Finding, Kind, Uses, findings, roles_of_policies
from vault.cli.vaultctl.durations import local, span
from vault.cli.vaultctl.language import Language, say, speak
from vault.cli.vaultctl.output import as_dict
from vault.cli.vaultctl.printable import document, rows
from vault.cli.vaultctl.proposal_show import scope_words
from vault.cli.vaultctl.reports import Column, Format, grid, sheet, write_out
from vault.cli.vaultctl.session import session

_KINDS = {
    Kind.UNUSED: ("not used", "未使用"),
    Kind.ENDING: ("ends", "即将到期"),
    Kind.TOO_MUCH: ("too much", "权限过多"),
}
_STYLES = {Kind.UNUSED: "", Kind.ENDING: "yellow", Kind.TOO_MUCH: "red"}
_PROGRESS = 20_000

COLUMNS: tuple[Column[Finding], ...] = (
    Column("finding", "finding", "发现", lambda one: say(*_KINDS[one.kind])),
    Column("principal", "principal", "主体", lambda one: one.principal),
    Column("person", "person", "人员", lambda one: one.person or say("program", "程序")),
    Column("roles", "roles", "角色", lambda one: ", ".join(one.roles)),
    Column("scope", "reach", "范围", lambda one: _reach(one)),
    Column("why", "why", "说明", lambda one: _why(one)),
)


def review(
    context: typer.Context,
    unused: Annotated[
        str, typer.Option("--unused", metavar="TIME", help="Rights unused for so long: 90d.")
    ] = "90d",
    ending: Annotated[
        str, typer.Option("--ending", metavar="TIME", help="Rights that end within: 30d.")
    ] = "30d",
    format_: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TABLE,
    lang: Annotated[Language | None, typer.Option("--lang", help="Language of the review.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Instead of standard output.")
    ] = None,
) -> None:
    """Review who holds what: rights unused, rights that end soon, and people with too much.

    For security officers. Every allowed call of the period is read from the log, which may take a
    while. A right is used where a policy that names its role let a call through. People have too
    much whose roles, over all their accounts, should check each other, or are more than three.
    """
    if lang is not None:
        speak(lang)
    client = session(context).client()
    now = datetime.now(UTC)
    since = now - span(unused, "--unused")
    soon = span(ending, "--ending")
    uses = Uses(roles_of_policies(client.access_admin.policies().files))
    listed = list(client.access_admin.list_principals(page_size=200))
    begun = _read_log(client, uses, since)
    found = findings(listed, uses, now, soon)
    about = [
        client.profile.institution,
        say(f"{len(listed)} principals", f"{len(listed)} 个主体"),
        say(f"calls since {_day(begun or since)}", f"自 {_day(begun or since)} 起的调用"),
        say(f"{len(found)} findings", f"{len(found)} 项发现"),
    ]
    write_out(_text(found, format_, about, terminal=out is None), out)


def _read_log(client: VaultServices, uses: Uses, since: datetime) -> datetime | None:
    """Take in the allowed calls since then; the time of the first, where the log begins later."""
    wanted = event_filter(decisions=["ALLOWED"], from_time=since)
    first: datetime | None = None
    with client.audit.stream(follow=False, filter=wanted) as entries:
        for count, entry in enumerate(entries, 1):
            when = entry.append_time.ToDatetime(UTC)
            first = first or when
            uses.add(entry.event, when)
            if count % _PROGRESS == 0 and sys.stderr.isatty():
                sys.stderr.write(say(f"\r{count:,} calls read", f"\r已读取 {count:,} 次调用"))
    if first is not None and first - since > timedelta(days=1):
        return first
    return None


def _text(
    found: Sequence[Finding], format_: Format, about: Sequence[str], *, terminal: bool
) -> str:
    if format_ is Format.JSON:
        return "".join(json.dumps(_plain(one), ensure_ascii=False) + "\n" for one in found)
    if format_ is Format.CSV:
        return sheet(COLUMNS, found)
    heading = say("Access review", "权限复核")
    if format_ is Format.HTML:
        return document(heading, about, rows(COLUMNS, found, _kind))
    line = " · ".join([heading, *about])
    return grid(line, COLUMNS, found, lambda one: _STYLES[one.kind], terminal=terminal)


def _kind(one: Finding) -> str:
    return "refused" if one.kind is Kind.TOO_MUCH else ""


def _plain(one: Finding) -> dict[str, Any]:
    return {
        "finding": one.kind.value,
        "principal": one.principal,
        "person": one.person,
        "roles": one.roles,
        "time": None if one.day is None else one.day.isoformat(),
        "principals": one.principals,
        "scopes": {name: as_dict(scope) for name, scope in one.scopes},
    }


def _reach(one: Finding) -> str:
    if not one.scopes:
        return say("all files", "全部档案")
    several = len(one.principals) > 1
    parts = [
        (f"{name}: " if several else "") + say("; ", "；").join(scope_words(scope))
        for name, scope in one.scopes
    ]
    if several and len(one.scopes) < len(one.principals):
        parts.append(say("the others: all files", "其余账号：全部档案"))
    return " / ".join(parts)


def _why(one: Finding) -> str:
    if one.kind is Kind.ENDING:
        return say(f"ends {_day(one.day)}", f"{_day(one.day)} 到期")
    if one.kind is Kind.UNUSED:
        if one.day is None:
            return say("no call at all", "没有任何调用")
        return say(f"last call of any kind {_day(one.day)}", f"最近一次任何调用：{_day(one.day)}")
    if len(one.principals) > 1:
        accounts = ", ".join(one.principals)
        return say(f"one person, as {accounts}", f"同一人，账号 {accounts}")
    return say("one person holds them together", "由同一人同时持有")


def _day(moment: datetime | None) -> str:
    if moment is None:
        return "-"
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return local(stamp)[:10]
