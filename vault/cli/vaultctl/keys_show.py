"""`vaultctl keys list|status|show`: versions of keys, and how far the work on them is."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from recordsvault_client import KeysClient, NotFound
from vault.cli.vaultctl import options, proposal_decide
from vault.cli.vaultctl.durations import local
from vault.cli.vaultctl.fields import enum_name
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.proposal_show import print_proposal, step_words, table
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.steward import Steward

FAILED = 1
"""Exit code of `keys status --wait` where a step failed."""

_OPEN = {
    pb.KEY_WORK_STATE_WAITING,
    pb.KEY_WORK_STATE_RUNNING,
    pb.KEY_WORK_STATE_CHECKING,
}
_STATES = {
    pb.KEY_WORK_STATE_WAITING: ("waiting", "等待执行", "yellow"),
    pb.KEY_WORK_STATE_RUNNING: ("running", "执行中", "yellow"),
    pb.KEY_WORK_STATE_CHECKING: ("checking", "核验中", "yellow"),
    pb.KEY_WORK_STATE_DONE: ("done", "已完成", "green"),
    pb.KEY_WORK_STATE_FAILED: ("failed", "失败", "bold red"),
}
_EVERY_SECONDS = 0.5
_VAULT = ""


def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """List the versions of the institution's keys and of the KEKs, and what hangs under each."""
    keys = session(context).client().keys
    own, of_vault = keys.versions(), keys.versions(parent=_VAULT)
    if as_json:
        found = [as_dict(one) for one in (*of_vault.versions, *own.versions)]
        write_json({"versions": found, "providers": list(of_vault.providers)})
        return
    made = table(
        ("key", "密钥"),
        ("version", "版本"),
        ("hanging", "其下数量"),
        ("wrapped by", "封装密钥"),
        ("made", "生成时间"),
        ("", ""),
    )
    for one in (*of_vault.versions, *own.versions):
        made.add_row(
            _key(one.key),
            Text(clean(one.version)),
            str(one.hanging),
            Text(clean(one.kek_version)),
            local(one.create_time) if one.HasField("create_time") else "",
            Text(_remark(one), style="green"),
        )
    console().print(made)
    if of_vault.providers:
        names = ", ".join(of_vault.providers)
        console().print(Text(clean(say(f"other providers: {names}", f"其他提供方：{names}"))))


def status(
    context: typer.Context,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all is done; exit code 1 if a step failed.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show what waits for another person, what is being done with keys, and what was done."""
    keys = session(context).client().keys
    failed = _wait(keys) if wait else False
    own, of_vault = keys.steps(), keys.steps(parent=_VAULT)
    work = [*of_vault.work, *own.work]
    waiting = [*of_vault.waiting, *own.waiting]
    if as_json:
        write_json({"work": [as_dict(w) for w in work], "waiting": [as_dict(w) for w in waiting]})
    else:
        _print(work, waiting, console())
    if failed:
        raise typer.Exit(FAILED)


def show(context: typer.Context, name: proposal_decide.Name, as_json: options.Json = False) -> None:
    """Show what was proposed for a key, and how far it is."""
    keys = session(context).client().keys
    mine, of_vault = Steward.either(context, name)
    try:
        found = keys.get(mine)
    except NotFound:
        found = keys.get(of_vault)
    if as_json:
        write_json(as_dict(found))
        return
    print_proposal(found.proposal, console())
    if found.HasField("work"):
        _print([found.work], [], console())


def _wait(keys: KeysClient) -> bool:
    """Until nothing is being done any more; whether something failed meanwhile."""
    pending: set[str] = set()
    with bar() as progress:
        tasks: dict[str, object] = {}
        while True:
            found = [*keys.steps(parent=_VAULT).work, *keys.steps().work]
            going = [one for one in found if one.state in _OPEN]
            pending.update(one.name for one in going)
            for one in found:
                if one.name not in pending:
                    continue
                if one.name not in tasks:
                    tasks[one.name] = progress.add_task(step_words(one.step), total=None)
                total, done = _amount(one)
                progress.update(tasks[one.name], total=total, completed=done)  # type: ignore[arg-type]  # a TaskID
            if not going:
                return any(
                    one.name in pending and one.state == pb.KEY_WORK_STATE_FAILED for one in found
                )
            time.sleep(_EVERY_SECONDS)


def _amount(one: pb.KeyWork) -> tuple[int, int]:
    """How much there is to do, moving and checking, and how much is done."""
    if one.step.verb not in (ap.KEY_VERB_REWRAP, ap.KEY_VERB_RESEAL):
        return 1, int(one.state not in _OPEN)
    if one.state not in _OPEN:
        return 1, 1
    if one.step.verb == ap.KEY_VERB_RESEAL:
        return max(one.total, one.done, 1), one.done
    return max(2 * one.total, one.done + one.checked, 1), one.done + one.checked


def _print(work: list[pb.KeyWork], waiting: list[ap.Proposal], out: Console) -> None:
    if waiting:
        made = table(("proposal", "提案"), ("step", "操作"), ("by", "提案人"), ("why", "原因"))
        for proposal in waiting:
            made.add_row(
                proposal.name.rpartition("/")[2],
                Text(clean(step_words(proposal.key_step))),
                Text(clean(proposal.proposer)),
                Text(clean(proposal.reason)),
            )
        out.print(Text(say("waiting for another person", "等待另一人审批"), style="bold"))
        out.print(made)
    made = table(
        ("proposal", "提案"),
        ("step", "操作"),
        ("state", "状态"),
        ("to", "目标版本"),
        ("done", "已处理"),
        ("checked", "已核验"),
        ("last", "更新时间"),
        ("", ""),
    )
    for one in work:
        en, zh, style = _STATES.get(one.state, ("?", "?", ""))
        made.add_row(
            one.name.rpartition("/")[2],
            Text(clean(step_words(one.step))),
            Text(say(en, zh), style=style),
            Text(clean(one.target)),
            f"{one.done}/{one.total}",
            str(one.checked),
            local(one.update_time),
            Text(clean(one.detail)),
        )
    if work:
        out.print(made)
    elif not waiting:
        out.print(say("Nothing is being done with keys.", "没有正在进行的密钥操作。"))


def _key(number: ap.Key.ValueType) -> str:
    return enum_name(ap.Key.DESCRIPTOR, number).lower().replace("_", "-")


def _remark(one: pb.KeyVersion) -> str:
    words = []
    if one.newest:
        words.append(say("newest", "最新"))
    if one.searched:
        words.append(say("searched by", "检索使用"))
    return ", ".join(words)
