"""`vaultctl retention`: the rules of how long records are kept, and other ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from recordsvault.retention.v1 import retention_pb2 as pb
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.fields import enum_name
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.proposal_show import table
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.steward import Steward

app = typer.Typer(
    add_completion=False,
    help="How long records are kept: rule sets, their effect, and conflicts.",
    no_args_is_help=True,
)

RuleFile = Annotated[Path, typer.Argument(metavar="FILE", help="The rule set, as TOML.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]


@app.command("rules")
def rules(context: typer.Context, as_json: options.Json = False) -> None:
    """Show the rule sets, past, present and future, with their sources, and what was ruled."""
    found = session(context).client().retention.rule_sets()
    if as_json:
        write_json(as_dict(found))
        return
    made = table(
        ("rule set", "规则集"),
        ("in force", "现行"),
        ("from", "起"),
        ("until", "止"),
        ("where", "地区"),
        ("rule", "规则"),
        ("clock", "起算"),
        ("years", "年限"),
        ("source", "依据"),
    )
    for one in found.rule_sets:
        for rule in one.rules:
            most = f"-{rule.maximum_years}" if rule.HasField("maximum_years") else "+"
            where = ", ".join(one.jurisdictions)
            made.add_row(
                f"{one.name}/{one.version}",
                say("yes", "是") if one.in_force else "",
                _day(one, "effective_from"),
                _day(one, "effective_until"),
                Text(clean(where if len(where) < 24 else f"{where[:20]} ...")),
                Text(clean(rule.name)),
                enum_name(pb.ClockStart.DESCRIPTOR, rule.clock).lower(),
                f"{rule.minimum_years}{most}",
                Text(clean(f"{rule.source}, {rule.article}")),
            )
    console().print(made)
    for ruling in found.rulings:
        whom = ruling.customer or say("all", "全部客户")
        console().print(
            Text(clean(say(
                f"{ruling.prevails} prevails over {ruling.yields}: {whom}",
                f"{ruling.prevails} 优先于 {ruling.yields}：{whom}",
            )))
        )  # fmt: skip


@app.command("preview")
def preview(context: typer.Context, file: RuleFile, as_json: options.Json = False) -> None:
    """Show what a rule set would do: what would fall due earlier or later."""
    show_message(session(context).client().retention.preview(_read(file)), as_json=as_json)


@app.command("propose")
def propose(
    context: typer.Context,
    file: RuleFile,
    reason: Reason,
    shortens: Annotated[
        bool, typer.Option("--shortens", help="By it records may go earlier, and are meant to.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Propose one more rule set; another person approves it."""
    client = session(context).client()
    made = client.retention.propose(_read(file), reason=_words(reason), shortens=shortens)
    show_message(made, as_json=as_json)
    _tell(made.proposal, as_json)


@app.command("rule")
def rule(
    context: typer.Context,
    prevails: Annotated[str, typer.Argument(metavar="SET/RULE", help="The rule that prevails.")],
    yields: Annotated[str, typer.Argument(metavar="SET/RULE", help="The rule that yields.")],
    reason: Reason,
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="For him alone; else for all.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Propose which rule prevails where one forbids to keep what another asks for."""
    client = session(context).client()
    whom = options.resource_name(customer, "customers/*", client.profile) if customer else ""
    made = client.retention.propose_ruling(prevails, yields, reason=_words(reason), customer=whom)
    show_message(made, as_json=as_json)
    _tell(made, as_json)


@app.command("approve")
def approve(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="PROPOSAL", help="Resource name, or its 26 characters.")
    ],
    etag: Annotated[
        str, typer.Option("--etag", metavar="ETAG", help="Of the proposal that you have seen.")
    ],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What you say.")] = "",
    as_json: options.Json = False,
) -> None:
    """Agree to a rule set or a ruling, as another person than who proposed it."""
    client = session(context).client()
    full, _ = Steward.either(context, name)
    show_message(
        client.retention.approve_rules(full, etag=etag, comment=comment.strip()), as_json=as_json
    )


def _tell(made: pb.RulesProposal, as_json: bool) -> None:
    if not as_json:
        identifier = made.name.rpartition("/")[2]
        command = f"vaultctl retention approve {identifier} --etag {made.etag}"
        console().print(
            say(f"Another person, of compliance: {command}", f"由合规部门的另一人执行：{command}")
        )


def _day(one: pb.RuleSet, field: str) -> str:
    if not one.HasField(field):  # type: ignore[arg-type]  # one of two names
        return ""
    day = getattr(one, field)
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def _words(given: str) -> str:
    if not given.strip():
        raise CommandError("Say why with --reason.", "请用 --reason 说明理由。")
    return given.strip()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise options.unreadable(path, error) from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8.", f"{path} 不是 UTF-8 编码。") from None
