"""`vaultctl access explain|who-can|principals`: who may do what, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault_client import Profile, purposes
from vault.cli.vaultctl import checkout_show, options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, language, say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.proposal_show import entry_words, scope_words, table
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.steward import Steward

DENIED = 5
"""Exit code where the call would be refused: that of a call that was."""

Action = Annotated[
    str, typer.Option("--action", metavar="ACTION", help="Such as records.customers.get.")
]


def explain(
    context: typer.Context,
    who: Annotated[str, typer.Option("--as", metavar="NAME", help="Principal who would call.")],
    action: Action,
    resource: Annotated[
        str,
        typer.Option(
            "--resource", metavar="NAME", help="Record or institution; left out, the vault."
        ),
    ] = "",
    purpose: Annotated[
        str, typer.Option("--purpose", metavar="PURPOSE", help=f"{', '.join(purposes())}.")
    ] = "",
    case: Annotated[bool, typer.Option("--case", help="With a case reference.")] = False,
    check_out: Annotated[
        bool, typer.Option("--check-out", help="With a check-out that covers it.")
    ] = False,
    bearer: Annotated[
        str, typer.Option("--for", metavar="NAME", help="Person whose token he would carry.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Say whether a call would be allowed, which policies decide, and what is missing.

    Exit code 5 if it would be refused.
    """
    if purpose and purpose.upper() not in purposes():
        listed = ", ".join(purposes())
        raise CommandError(f"--purpose is one of {listed}.", f"--purpose 应为以下之一：{listed}。")
    answer = Steward(context).service.explain(
        who,
        action,
        resource=_resource(resource, session(context).profile()),
        purpose=purpose.upper(),
        case_reference=case,
        check_out=check_out,
        bearer=bearer,
    )
    if as_json:
        write_json(as_dict(answer))
    else:
        _tell(answer)
    if not answer.allowed:
        raise typer.Exit(DENIED)


def who_can(
    context: typer.Context,
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="Customer; left out, any.")
    ] = "",
    action: Action = "records.customers.get",
    as_json: options.Json = False,
) -> None:
    """List who may do something with a customer, on what condition, and by which policies.

    Below, by which check-outs his file is open now.
    """
    profile = session(context).profile()
    resource = (
        options.resource_name(customer, "customers/*", profile) if customer else profile.parent
    )
    answer = Steward(context).service.who_can(resource, action=action)
    if as_json:
        write_json(as_dict(answer))
        return
    made = table(
        ("principal", "主体"),
        ("person", "人员"),
        ("roles", "角色"),
        ("on what condition", "条件"),
        ("policies", "策略"),
    )
    for one in answer.able:
        cells = (
            one.principal,
            one.person or say("program", "程序"),
            ", ".join(one.roles),
            say("; ", "；").join(_conditions(one)),
            ", ".join(policy.id for policy in one.policies),
        )
        made.add_row(*(Text(clean(cell)) for cell in cells))
    out = console()
    out.print(made if answer.able else say("Nobody may.", "无人可执行。"))
    if answer.open_check_outs:
        out.print()
        out.print(Text(say("Open now, by check-outs:", "当前借出："), style="bold"))
        out.print(checkout_show.open_now(answer.open_check_outs))


def principals(context: typer.Context, as_json: options.Json = False) -> None:
    """List the institution's principals that are in force, from the file and from the store."""
    found = Steward(context).principals()
    if as_json:
        write_json([as_dict(one) for one in found])
        return
    made = table(("principal", "主体"), ("from", "来源"), ("now", "当前"), ("entry", "条目"))
    for one in found:
        stored = one.source == pb.PRINCIPAL_SOURCE_STORE
        now = ", ".join(one.active_roles) if one.active else say("not in time", "不在有效期")
        made.add_row(
            Text(clean(one.entry.name)),
            say("store", "数据库") if stored else say("file", "文件"),
            Text(clean(now), style="" if one.active else "yellow"),
            Text(clean(", ".join(entry_words(one.entry)))),
        )
    console().print(made)


def _resource(given: str, profile: Profile) -> str:
    """A whole name; one without its institution is the profile's."""
    text = given.strip()
    return f"{profile.parent}/{text}" if text and not text.startswith("institutions/") else text


def _tell(answer: pb.ExplainAccessResponse) -> None:
    out = console()
    zh = language() is Language.ZH
    word = say("allowed", "允许") if answer.allowed else say("refused", "拒绝")
    out.print(Text(word, style="bold green" if answer.allowed else "bold red"))
    for one in answer.explanations:
        roles = ", ".join(one.roles) or say("no role", "无角色")
        state = say("allowed", "允许") if one.allowed else one.reason
        out.print(Text(clean(f"{one.principal} ({roles}): {state}"), style="bold"))
        if not one.allowed:
            out.print(Text(clean(f"  {one.zh if zh else one.en}")))
        for words in scope_words(one.scope):
            line = say("  reaches only ", "  范围：") + words
            out.print(Text(clean(line), style="yellow"))
        for policy in one.policies:
            text = f"  {policy.effect} {policy.id}: {policy.zh if zh else policy.en}"
            out.print(Text(clean(text), style="green" if policy.effect == "permit" else "red"))
        for en, found_zh, values in (
            ("with one more role", "增加以下任一角色即可", one.roles_that_would),
            ("for the purpose", "以下用途即可", one.purposes_that_would),
        ):
            if values:
                line = f"  {say(en, found_zh)}: {', '.join(values)}"
                out.print(Text(clean(line), style="cyan"))


def _conditions(one: pb.Able) -> list[str]:
    found = []
    if one.purposes:
        found.append(say("for ", "用途 ") + ", ".join(one.purposes))
    if one.purposes_with_case:
        found.append(
            say("with a case reference for ", "有案件编号：") + ", ".join(one.purposes_with_case)
        )
    if one.with_check_out:
        found.append(say("what is checked out", "仅限已借阅内容"))
    if one.for_person:
        found.append(say("for a person, with his token", "凭自然人的令牌"))
    found += scope_words(one.scope)
    if one.close_file:
        found.append(say("NOT opened: own or a relative's file", "不得查阅：本人或亲属档案"))
    return found or [say("without condition", "无条件")]
