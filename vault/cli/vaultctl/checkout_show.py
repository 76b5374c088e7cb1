"""A check-out as people see it: all of one, a line of many, and what one is about to agree to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_client import waiting_roles
from vault.cli.vaultctl.durations import span_text
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.lending_words import (
    STYLES,
    agreed,
    outcome,
    purpose,
    roles,
    short,
    state,
    subject,
    verdict,
    when,
    whole,
)
from vault.cli.vaultctl.output import clean

Line = tuple[str, str]
"""A line of an entry in a list, and its style."""


def inbox(page: Sequence[pb.CheckOut]) -> Table:
    """What waits for somebody, with what he has to know first."""
    return _entries(
        page, lambda one: [*_asked(one), *_why(one), *_agreed(one), (outcome(one), _style(one))]
    )


def listed(page: Sequence[pb.CheckOut]) -> Table:
    """A page of a list, with how each stands."""
    return _entries(page, lambda one: [*_asked(one), (outcome(one), _style(one))])


def open_now(page: Sequence[pb.CheckOut]) -> Table:
    """What is open, with who agreed to it."""
    return _entries(page, lambda one: [*_asked(one), *_agreed(one), (outcome(one), _style(one))])


def _entries(page: Sequence[pb.CheckOut], lines: Callable[[pb.CheckOut], Iterable[Line]]) -> Table:
    """A few lines for each: names stay whole on a narrow terminal, to be marked and pasted."""
    made = Table.grid()
    made.add_column(overflow="fold")
    for one in page:
        made.add_row(Text(clean(short(one.name)), style="bold"))
        for text, style in lines(one):
            made.add_row(Padding(Text(clean(text), style=style), (0, 0, 0, 2), expand=False))
    return made


def _asked(one: pb.CheckOut) -> Iterator[Line]:
    once = [say("once", "一次性")] if one.one_time else []
    asked = [one.requester, purpose(one), span_text(one.duration), *once, one.check_out_class]
    yield " · ".join(asked), ""
    yield subject(one), "bold red" if whole(one) else ""
    yield ", ".join(one.fields), ""


def _why(one: pb.CheckOut) -> Iterator[Line]:
    if one.reason:
        case = say(f" (case {one.case_reference})", f"（案件 {one.case_reference}）")
        yield f"“{one.reason}”" + (case if one.case_reference else ""), "cyan"


def _agreed(one: pb.CheckOut) -> Iterator[Line]:
    who = say("; ", "；").join(agreed(one))
    if one.break_glass:
        yield f"{say('broken glass', '紧急调阅')}: {verdict(one)}", "bold red"
    elif who:
        yield say("agreed: ", "已同意：") + who, ""
    elif not one.needed_roles:
        yield say("agreed: nobody need", "无须审批"), ""


def _style(one: pb.CheckOut) -> str:
    return STYLES.get(one.state, "")


def line(one: pb.CheckOut) -> Text:
    """A change of one, in a line."""
    text = Text(no_wrap=True)
    text.append(clean(short(one.name)), style="dim")
    text.append(f" {clean(one.requester)}", style="bold")
    text.append(f" {clean(subject(one))} {clean(purpose(one))}: ")
    text.append(clean(outcome(one)), style=STYLES.get(one.state, ""))
    return text


def tell(one: pb.CheckOut, out: Console) -> None:
    """All of it, a fact a line."""
    _print(_facts(one), out)


def tell_decision(
    one: pb.CheckOut, fields: Sequence[str], duration: timedelta | None, out: Console
) -> None:
    """All of it as it would be agreed to: what is left out, and what is shortened, is marked."""
    agreed_to = one.duration
    if duration is not None:
        agreed_to = Duration()
        agreed_to.FromTimedelta(duration)
    _print(_facts(one, _narrowed(one, fields) if fields else None, agreed_to), out)


Fact = tuple[str, str, str]


def _narrowed(one: pb.CheckOut, fields: Sequence[str]) -> list[tuple[str, str]]:
    """The fields, and those that would be left out, each with its style."""
    marked = [(field, "bold green") for field in fields]
    for field in one.fields:
        if field in fields:
            continue
        partly = any(inner.startswith(f"{field}.") for inner in fields)
        rest = say("(the rest left out)", "（其余不含）")
        none = say("(left out)", "（不含）")
        marked.append((f"{field} {rest if partly else none}", "dim"))
    return marked


def _facts(
    one: pb.CheckOut,
    fields: Sequence[tuple[str, str]] | None = None,
    agreed_to: Duration | None = None,
) -> Iterator[Fact]:
    yield say("check-out", "借阅编号"), short(one.name), "bold"
    yield say("state", "状态"), outcome(one), STYLES.get(one.state, "")
    yield say("asked by", "申请人"), f"{one.requester}  {when(one.request_time)}", "bold"
    yield say("file", "档案"), subject(one), "bold red" if whole(one) else ""
    name = say("fields", "字段")
    for field, style in [(field, "") for field in one.fields] if fields is None else fields:
        yield name, field, style
        name = ""
    yield say("purpose", "用途"), purpose(one), ""
    if one.case_reference:
        yield say("case", "案件编号"), one.case_reference, ""
    if one.reason:
        yield say("reason", "原因"), one.reason, ""
    asked = span_text(one.duration)
    if agreed_to is None or agreed_to == one.duration:
        yield say("for", "时长"), asked, ""
    else:
        shorter = span_text(agreed_to)
        told = say(f"{shorter} (asked: {asked})", f"{shorter}（申请：{asked}）")
        yield say("for", "时长"), told, "bold green"
    if one.one_time:
        yield say("one-time", "一次性"), say("ends with the first read", "首次读取后即结束"), ""
    yield say("class", "类别"), one.check_out_class, ""
    yield from _decisions(one)
    if one.HasField("start_time"):
        yield say("from", "开始"), when(one.start_time), ""
        yield say("until", "结束"), when(one.end_time), ""
    if one.break_glass:
        yield say("broken glass", "紧急调阅"), verdict(one), "bold red"
    if one.renews:
        yield say("renews", "续借自"), short(one.renews), ""
    yield "etag", one.etag, "dim"


def _decisions(one: pb.CheckOut) -> Iterator[Fact]:
    name = say("agreed", "已同意")
    for text in agreed(one):
        yield name, text, ""
        name = ""
    if not one.needed_roles and not one.break_glass:
        yield say("agreed", "已同意"), say("nobody need agree", "无须审批"), ""


def _print(facts: Iterator[Fact] | Sequence[Fact], out: Console) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value, style in facts:
        grid.add_row(Text(name, style="cyan"), Text(clean(value), style=style))
    out.print(grid)


def done(one: pb.CheckOut) -> str:
    """What a command has made of it, in a sentence for people."""
    name = short(one.name)
    if one.state == pb.CHECK_OUT_STATE_REQUESTED:
        return say(f"{name} waits for {roles(waiting_roles(one))}.", f"{name}：{outcome(one)}。")
    if one.state == pb.CHECK_OUT_STATE_ACTIVE:
        return say(f"{name} is open until {when(one.end_time)}.", f"{name}：{outcome(one)}。")
    return say(f"{name} is {state(one)}.", f"{name}：{state(one)}。")
