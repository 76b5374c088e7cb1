"""`vaultctl disposal`: what is due is planned by one person, agreed to by another, and let go."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from google.type.date_pb2 import Date
from rich.text import Text

from recordsvault.retention.v1 import retention_pb2 as pb
from recordsvault_client import Profile
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, show_pages, tell_more, write_json
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="Let records go when the rules say so: plan, approve, execute, certificate.",
    no_args_is_help=True,
)

COLUMNS = ("name", "state", "day", "due", "blocked", "gone", "passed", "planned_by", "approved_by")
ITEM_COLUMNS = (
    "number", "customer", "scope", "record", "state", "cause", "rule_set", "rule", "clock", "start",
    "kept_through", "gone_after", "came_back",
)  # fmt: skip
_NAME: Final = re.compile(r"(?:(?:institutions/([a-z][a-z0-9-]{1,39})/)?disposals/)?([0-9a-z]{26})")
_STATES: Final = tuple(name.removeprefix("ITEM_STATE_") for name in pb.ItemState.keys()[1:])
_EVERY_SECONDS: Final = 0.5

Name = Annotated[
    str, typer.Argument(metavar="DISPOSAL", help="Resource name, or its 26 characters.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]


@app.command("plan")
def plan(
    context: typer.Context,
    reason: Reason,
    transaction: Annotated[
        list[str] | None,
        typer.Option(
            "--transaction",
            metavar="NAME",
            help="A single transaction, before the rest of its year. Repeatable.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Plan what is due; another person approves exactly this plan, by its hash."""
    client = session(context).client()
    only = [
        options.resource_name(one, "customers/*/transactions/*", client.profile)
        for one in transaction or ()
    ]
    _tell(client.retention.plan(reason=_words(reason), transactions=only), as_json)


@app.command("list")
def list_(
    context: typer.Context,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List disposals, newest first."""
    pager = (
        session(context)
        .client()
        .retention.list(page_size=options.page_size(page_size, limit), page_token=page_token)
    )
    listed = show_pages(
        pager.pages(), key="disposals", columns=COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    name: Name,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help=f"Items of: {', '.join(_STATES)}.")
    ] = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """Show a plan: what is due and why, and what is blocked and by what kind of cause."""
    client = session(context).client()
    full = _full(name, client.profile)
    if state and state.upper() not in _STATES:
        listed = ", ".join(_STATES)
        raise CommandError(f"--state is one of {listed}.", f"--state 须为其一：{listed}。")
    wanted = pb.ItemState.Value(f"ITEM_STATE_{state.upper()}") if state else None
    found = client.retention.get(full)
    if not as_json:
        show_message(found, as_json=False)
    pager = client.retention.items(
        full,
        state=wanted or pb.ITEM_STATE_UNSPECIFIED,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    shown = show_pages(
        pager.pages(), key="items", columns=ITEM_COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(shown, as_json=as_json)


@app.command("approve")
def approve(
    context: typer.Context,
    name: Name,
    plan_sha256: Annotated[
        str,
        typer.Option("--plan", metavar="SHA256", help="The hash of the plan that you have seen."),
    ],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="What you say.")] = "",
    as_json: options.Json = False,
) -> None:
    """Agree to exactly the plan that has this hash, as another person than who planned it."""
    client = session(context).client()
    given = plan_sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", given):
        raise CommandError(
            "--plan is the plan's hash: 64 hexadecimal digits, as `disposal show` has it.",
            "--plan 为计划的哈希：64 位十六进制，见 `disposal show`。",
        )
    full = _full(name, client.profile)
    _tell(client.retention.approve(full, plan_sha256=given, comment=comment.strip()), as_json)


@app.command("execute")
def execute(
    context: typer.Context,
    name: Name,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done.")] = False,
    as_json: options.Json = False,
) -> None:
    """Have an approved plan carried out; the vault does it in the background."""
    client = session(context).client()
    full = _full(name, client.profile)
    made = client.retention.execute(full)
    while wait and made.state == pb.DISPOSAL_STATE_EXECUTING:
        time.sleep(_EVERY_SECONDS)
        made = client.retention.get(full)
    _tell(made, as_json)


@app.command("certificate")
def certificate(
    context: typer.Context,
    name: Name,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Write certificate.note, leaf.json and leaf.tlog-proof there.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show the certificate of a disposal that is done, and when it becomes final."""
    client = session(context).client()
    made = client.retention.certificate(_full(name, client.profile))
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / "certificate.note").write_bytes(made.certificate)
            (out / "leaf.json").write_bytes(made.leaf)
            (out / "leaf.tlog-proof").write_text(made.proof, encoding="utf-8")
        except OSError as error:
            raise CommandError(
                f"{out} cannot be written: {error.strerror}.", f"{out} 无法写入：{error.strerror}。"
            ) from None
    if as_json:
        write_json(as_dict(made))
        return
    screen = console()
    screen.print(Text(clean_lines(made.certificate.decode("utf-8", "replace"))))
    keys, rows = _iso(made.keys_final), _iso(made.rows_final)
    screen.print(
        say(
            f"Final against backups of the key store from {keys} on; single transactions that were "
            f"removed, against backups of the data from {rows} on.",
            f"自 {keys} 起，密钥库备份中亦无其密钥；单笔移除的交易自 {rows} 起不再存于数据备份。",
        )
    )


def clean_lines(text: str) -> str:
    """Lines without characters that act on a terminal."""
    return "\n".join(clean(line) for line in text.split("\n"))


def _tell(made: pb.Disposal, as_json: bool) -> None:
    show_message(made, as_json=as_json)
    if as_json:
        return
    identifier = made.name.rpartition("/")[2]
    if made.state == pb.DISPOSAL_STATE_PLANNED:
        command = f"vaultctl disposal approve {identifier} --plan {made.plan_sha256}"
        console().print(
            say(f"Another person, of compliance: {command}", f"由合规部门的另一人执行：{command}")
        )
    elif made.state == pb.DISPOSAL_STATE_APPROVED:
        command = f"vaultctl disposal execute {identifier} --wait"
        console().print(say(f"Then: {command}", f"随后：{command}"))


def _full(given: str, profile: Profile) -> str:
    match = _NAME.fullmatch(given.strip().lower())
    if match is None:
        raise CommandError(
            "That is no disposal: give its 26 characters, or its whole name.",
            "销毁名称无效：请给出其 26 个字符或完整名称。",
        )
    institution = f"institutions/{match[1]}" if match[1] else profile.parent
    return f"{institution}/disposals/{match[2]}"


def _words(given: str) -> str:
    if not given.strip():
        raise CommandError("Say why with --reason.", "请用 --reason 说明理由。")
    return given.strip()


def _iso(day: Date) -> str:
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"
