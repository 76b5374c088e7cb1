"""`vaultctl checkout register`: the lending register (借阅登记簿), to look over, keep and print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_client import LendingRegister
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl.durations import local_moment, span_text
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, say, speak
from vault.cli.vaultctl.lending_words import (
    STYLES,
    agreed,
    outcome,
    purpose,
    short,
    subject,
    verdict,
    when,
)
from vault.cli.vaultctl.output import as_dict
from vault.cli.vaultctl.printable import document, rows, safe
from vault.cli.vaultctl.reports import Column, Format, grid, sheet, write_out
from vault.cli.vaultctl.session import session

COLUMNS: tuple[Column[pb.CheckOut], ...] = (
    Column("name", "number", "编号", lambda one: one.name.rpartition("/")[2]),
    Column("requested", "asked at", "申请时间", lambda one: when(one.request_time)),
    Column("requester", "borrower", "借阅人", lambda one: one.requester),
    Column("subject", "file", "借阅档案", subject),
    Column("fields", "fields", "借阅字段", lambda one: ", ".join(one.fields)),
    Column("purpose", "purpose", "用途", purpose),
    Column("class", "class", "类别", lambda one: one.check_out_class),
    Column("approvals", "agreed", "审批", lambda one: say("; ", "；").join(agreed(one)) or "-"),
    Column("start", "lent", "借出时间", lambda one: when(one.start_time)),
    Column("end", "end", "归还或终止时间", lambda one: _end(one)),
    Column("outcome", "how it ended", "归还情况", lambda one: _outcome(one)),
)
_STYLE = """
td.name { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em;
  overflow-wrap: anywhere; min-width: 7.5rem; }
td.subject { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em;
  overflow-wrap: anywhere; min-width: 8.5rem; }
td.fields { min-width: 9rem; overflow-wrap: anywhere; }
td.requested, td.start, td.end { min-width: 5.6rem; font-variant-numeric: tabular-nums; }
td.requester { min-width: 5rem; }
td.approvals, td.outcome { min-width: 8rem; }
td.approvals span { display: block; }
td.approvals span + span { margin-top: .25rem; }
tr.glass td { background: #fff8e1; }
@media print {
  table { table-layout: fixed; }
  th, td, td.name, td.subject, td.fields, td.requested, td.start, td.end, td.requester,
  td.approvals, td.outcome { min-width: 0; padding: .25rem .3rem; white-space: normal;
    overflow-wrap: anywhere; }
  th:nth-child(1) { width: 9%; } th:nth-child(2) { width: 8%; } th:nth-child(3) { width: 7.5%; }
  th:nth-child(4) { width: 11%; } th:nth-child(5) { width: 13%; } th:nth-child(6) { width: 9%; }
  th:nth-child(7) { width: 7.5%; } th:nth-child(8) { width: 11%; } th:nth-child(9) { width: 7%; }
  th:nth-child(10) { width: 7%; } th:nth-child(11) { width: 10%; }
}
"""


def register(
    context: typer.Context,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Asked from then on; local time.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Asked before then; local time.")
    ] = "",
    customer: given.Customer = "",
    requester: given.Requester = "",
    state: given.States = None,
    format_: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TABLE,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="Language of the register.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Instead of standard output.")
    ] = None,
) -> None:
    """Write the lending register of a period: who borrowed what, who agreed, and how it ended.

    It holds what `list` would show you, oldest first, without reasons and case references. Times
    are of this machine's zone.
    """
    if lang is not None:
        speak(lang)
    client = session(context).client()
    wanted = given.wanted(client.profile, state, requester, customer)
    start, end = local_moment(since, "--since"), local_moment(until, "--until")
    if start is not None and end is not None and end <= start:
        raise CommandError(
            "--until is not later than --since: nothing lies between them.",
            "--until 不晚于 --since：其间没有时间段。",
        )
    found = list(_within(client.access, wanted, start, end))[::-1]
    about = [
        client.profile.institution,
        _period(start, end),
        *([short(wanted.customer)] if customer else []),
        *([requester] if requester else []),
        say("1 entry" if len(found) == 1 else f"{len(found)} entries", f"共 {len(found)} 条"),
    ]
    write_out(_text(found, format_, about, terminal=out is None), out)


def _within(
    access: LendingRegister,
    wanted: pb.CheckOutFilter,
    start: datetime | None,
    end: datetime | None,
) -> Iterator[pb.CheckOut]:
    """Those asked for in a period, newest first, which is how they are listed."""
    for one in access.list(filter=wanted, page_size=200):
        asked = one.request_time.ToDatetime(UTC)
        if start is not None and asked < start:
            return
        if end is None or asked < end:
            yield one


def _text(
    found: Sequence[pb.CheckOut], format_: Format, about: Sequence[str], *, terminal: bool
) -> str:
    if format_ is Format.JSON:
        return "".join(json.dumps(as_dict(one), ensure_ascii=False) + "\n" for one in found)
    if format_ is Format.CSV:
        return sheet(COLUMNS, found)
    heading = say("Lending register", "借阅登记簿")
    if format_ is Format.HTML:
        return document(heading, about, rows(COLUMNS, found, _kind, _cell), _STYLE)
    line = " · ".join([heading, *about])
    return grid(line, COLUMNS, found, lambda one: STYLES.get(one.state, ""), terminal=terminal)


def _kind(one: pb.CheckOut) -> str:
    if one.break_glass:
        return "glass"
    refused = (pb.CHECK_OUT_STATE_DENIED, pb.CHECK_OUT_STATE_REVOKED)
    return "refused" if one.state in refused else ""


def _cell(column: Column[pb.CheckOut], one: pb.CheckOut) -> str:
    if column.key == "approvals" and one.approvals:
        return "".join(f"<span>{safe(text)}</span>" for text in agreed(one))
    return safe(column.text(one))


def _end(one: pb.CheckOut) -> str:
    if one.state == pb.CHECK_OUT_STATE_REQUESTED:
        return "-"
    if one.state == pb.CHECK_OUT_STATE_LAPSED:
        return when(one.decide_by)
    return when(one.end_time)


def _outcome(one: pb.CheckOut) -> str:
    seen = verdict(one)
    asked = say(f"asked for {span_text(one.duration)}", f"时长 {span_text(one.duration)}")
    parts = [outcome(one) if one.state == pb.CHECK_OUT_STATE_REQUESTED else _ended(one)]
    if one.state == pb.CHECK_OUT_STATE_REQUESTED:
        parts.append(asked)
    if seen:
        parts.append(say(f"broken glass: {seen}", f"紧急调阅：{seen}"))
    return say("; ", "；").join(parts)


def _ended(one: pb.CheckOut) -> str:
    # The time stands in the column before.
    text = outcome(one).removesuffix(_end(one)).rstrip()
    return say("open", "借出中") if one.state == pb.CHECK_OUT_STATE_ACTIVE else text


def _period(start: datetime | None, end: datetime | None) -> str:
    if start is None and end is None:
        return say("whole register", "全部")
    first, last = (f"{one:%Y-%m-%d %H:%M}" if one else "" for one in (start, end))
    return f"{first} – {last}".strip()
