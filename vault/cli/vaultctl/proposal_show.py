"""Proposals, and what is found of policies, as people see them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recordsvault.admin.v1 import access_admin_pb2 as pb
from vault.cli.vaultctl.durations import local
from vault.cli.vaultctl.fields import enum_name
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean

_STATES = {
    pb.PROPOSAL_STATE_PROPOSED: "待审批",
    pb.PROPOSAL_STATE_APPROVED: "已批准",
    pb.PROPOSAL_STATE_REJECTED: "已驳回",
    pb.PROPOSAL_STATE_WITHDRAWN: "已撤回",
    pb.PROPOSAL_STATE_LAPSED: "已失效",
}
_STYLES = {
    pb.PROPOSAL_STATE_PROPOSED: "yellow",
    pb.PROPOSAL_STATE_APPROVED: "green",
    pb.PROPOSAL_STATE_REJECTED: "red",
}
_VERBS = {
    "ROTATE": ("rotate", "轮换"),
    "REWRAP": ("rewrap all that hangs under", "重新封装其下内容："),
    "RETIRE": ("destroy a version of", "销毁版本："),
    "RESEAL": ("seal anew with the institution's suite:", "以本机构套件重新密封："),
}
_LINES = {"+": "green", "-": "red", "@": "cyan"}


def table(*heads: tuple[str, str]) -> Table:
    """An empty table with its heads in the language in use."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for en, zh in heads:
        made.add_column(say(en, zh), overflow="fold")
    return made


def state(one: pb.Proposal) -> str:
    """The state, in words."""
    name = enum_name(pb.ProposalState.DESCRIPTOR, one.state)
    return say(name.lower(), _STATES.get(one.state, name))


def print_list(found: Iterable[pb.Proposal], out: Console) -> None:
    """A line each."""
    made = table(
        ("no.", "序号"),
        ("proposal", "提案"),
        ("state", "状态"),
        ("proposed", "提出时间"),
        ("by", "提案人"),
        ("decided by", "审批人"),
        ("why", "原因"),
    )
    for one in found:
        made.add_row(
            str(one.applied or ""),
            one.name.rpartition("/")[2],
            Text(state(one), style=_STYLES.get(one.state, "")),
            _when(one.propose_time),
            Text(clean(one.proposer)),
            Text(clean(one.decided_by)),
            Text(clean(one.reason)),
        )
    out.print(made if made.row_count else say("There are none.", "没有提案。"))


def print_proposal(
    one: pb.Proposal,
    out: Console,
    *,
    before: Mapping[str, str] | None = None,
    entries: Mapping[str, pb.PrincipalEntry] | None = None,
    report: pb.PolicyReport | None = None,
) -> None:
    """All of it; `before` are the texts in force, with which policies are compared, and `entries`
    those of principals in force by name, with which a change of them is."""
    facts = [
        (say("proposal", "提案"), one.name),
        (say("state", "状态"), state(one)),
        (say("why", "原因"), one.reason),
        (say("proposed", "提出"), f"{one.proposer}, {_when(one.propose_time)}"),
        (say("etag", "etag"), one.etag),
    ]
    if one.decided_by:
        facts.append((say("decided", "审批"), f"{one.decided_by}, {_when(one.decide_time)}"))
    else:
        facts.append((say("lapses", "失效时间"), _when(one.lapse_time)))
    if one.comment:
        facts.append((say("comment", "意见"), one.comment))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(clean(value)))
    out.print(grid)
    if one.HasField("directory_change"):
        for line in change_lines(one.directory_change, entries or {}):
            out.print(Text(clean(line), style=_LINES.get(line[:1], "")))
    if one.HasField("key_step"):
        out.print(Text(clean(step_words(one.key_step)), style="bold"))
    if one.files and before is not None:
        print_diff(before, {file.name: file.text for file in one.files}, out)
    if report is not None:
        print_report(report, out)


def step_words(step: pb.KeyStep) -> str:
    """A step with a key, in one line."""
    key = enum_name(pb.Key.DESCRIPTOR, step.key).lower().replace("_", "-")
    verb = enum_name(pb.KeyVerb.DESCRIPTOR, step.verb)
    en, zh = _VERBS.get(verb, (verb.lower(), verb))
    said = say(f"{en} {key}", f"{zh} {key}")
    if step.version:
        said += say(f", version {step.version}", f"，版本 {step.version}")
    if step.provider:
        said += say(f", to the provider {step.provider}", f"，移至提供方 {step.provider}")
    if step.rate:
        said += say(f", {step.rate} keys a second", f"，每秒 {step.rate} 个密钥")
    return said


def change_lines(
    change: pb.DirectoryChange, in_force: Mapping[str, pb.PrincipalEntry]
) -> Iterator[str]:
    """A change of principals: each entry whole, behind the one in force whose place it takes. An
    entry takes away what it leaves out, and only the two together show that."""
    for entry in change.upsert:
        was = in_force.get(entry.name)
        if was is not None and was != entry:
            yield _entry_line("-", was)
        yield _entry_line("=" if was == entry else "+", entry)
    for name in change.remove:
        was = in_force.get(name)
        yield f"- {name}" if was is None else _entry_line("-", was)
    if change.leaves_files:
        yield say(
            "! Files that they keep are left behind, and fall due.",
            "! 其名下档案将无保管人，并列为待办。",
        )


def _entry_line(sign: str, entry: pb.PrincipalEntry) -> str:
    return f"{sign} {entry.name}: {', '.join(entry_words(entry))}"


def entry_words(entry: pb.PrincipalEntry) -> Iterator[str]:
    """What an entry says, without its name."""
    for binding in entry.roles:
        until = ""
        if binding.HasField("not_after"):
            until = say(" until ", " 至 ") + _when(binding.not_after)
        yield binding.role + until
    yield say("person ", "人员 ") + entry.person if entry.person else say("a program", "程序")
    if entry.uri:
        yield entry.uri
    for account in entry.accounts:
        yield say("account ", "账号 ") + account
    for en, zh, values in (
        ("certificates", "证书", entry.certificates),
        ("own files", "本人档案", entry.own_files),
        ("relatives' files", "亲属档案", entry.related_files),
    ):
        if values:
            yield f"{say(en, zh)} {' '.join(values)}"
    yield from scope_words(entry.scope)
    if entry.home_branch:
        yield say("works at ", "所属网点 ") + entry.home_branch
    if entry.not_after:
        yield say("last day ", "最后一日 ") + entry.not_after


def scope_words(scope: pb.Scope) -> Iterator[str]:
    """How far roles reach; nothing where they are not limited."""
    for key, en, zh in (
        ("branches", "customers of branches ", "限网点 "),
        ("classes", "files of classes ", "限档案类别 "),
    ):
        if scope.HasField(key):  # type: ignore[arg-type]  # one of its fields
            names = " ".join(getattr(scope, key).names)
            yield say(en, zh) + (names or say("NONE AT ALL", "无（不得查阅任何档案）"))


def print_diff(before: Mapping[str, str], after: Mapping[str, str], out: Console) -> bool:
    """What differs between texts by file name; whether anything does."""
    differs = False
    for name in sorted(before.keys() | after.keys()):
        lines = difflib.unified_diff(
            before.get(name, "").splitlines(),
            after.get(name, "").splitlines(),
            f"a/{name}" if name in before else "/dev/null",
            f"b/{name}" if name in after else "/dev/null",
            lineterm="",
        )
        for line in lines:
            differs = True
            out.print(Text(clean(line), style=_LINES.get(line[:1], "")))
    return differs


def print_report(report: pb.PolicyReport, out: Console) -> None:
    """What was found of policies."""
    if report.problem:
        out.print(Text(clean(report.problem), style="bold red"))
        return
    print_tests(report.tests, out, only_failed=True)
    if report.changes:
        made = table(
            ("role", "角色"),
            ("action", "操作"),
            ("where", "范围"),
            ("now", "现在"),
            ("then", "变更后"),
        )
        for one in report.changes:
            cells = (one.role, one.action, one.where, one.before, one.after)
            made.add_row(*(Text(clean(cell)) for cell in cells))
        out.print(made)
    else:
        out.print(say("No decision of a role alone would differ.", "各角色的决定均无变化。"))


def print_tests(
    tests: Sequence[pb.PolicyTestOutcome], out: Console, *, only_failed: bool = False
) -> int:
    """The tests, or those that failed, and how many did."""
    failed = [one for one in tests if not one.passed]
    shown = failed if only_failed else tests
    if shown:
        made = table(("test", "测试"), ("result", "结果"), ("decision", "决定"), ("file", "文件"))
        for one in shown:
            word = say("passed", "通过") if one.passed else say("FAILED", "未通过")
            style = "green" if one.passed else "bold red"
            made.add_row(
                Text(clean(one.name)),
                Text(word, style=style),
                Text(clean(one.detail)),
                Text(clean(one.file)),
            )
        out.print(made)
    count = len(tests)
    out.print(
        say(f"{count} tests, {len(failed)} failed", f"{count} 项测试，{len(failed)} 项未通过")
    )
    return len(failed)


def _when(moment: Timestamp) -> str:
    return local(moment)
