"""`vaultctl merge`: files that are of one customer."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer
from rich.text import Text

from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="Files that are of one customer: proposed by one person, agreed to by another.",
    no_args_is_help=True,
)
_PROPOSAL: Final = re.compile(
    r"(?:(institutions/[a-z][a-z0-9-]{1,39})/)?(?:proposals/)?([0-9a-z]{26})"
)

Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="The file that points, or no longer points.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]


@app.command("propose")
def propose(
    context: typer.Context,
    customer: Customer,
    into: Annotated[str, typer.Option("--into", metavar="CUSTOMER", help="The surviving file.")],
    reason: Reason,
    as_json: options.Json = False,
) -> None:
    """Propose that a customer's file point to another's. Nothing is moved."""
    client = session(context).client()
    made = client.files.propose_merge(
        options.resource_name(customer, "customers/*", client.profile),
        options.resource_name(into, "customers/*", client.profile),
        reason=reason,
    )
    show_message(made, as_json=as_json)


@app.command("apart")
def apart(
    context: typer.Context, customer: Customer, reason: Reason, as_json: options.Json = False
) -> None:
    """Propose that a file that was merged stand for itself again."""
    client = session(context).client()
    name = options.resource_name(customer, "customers/*", client.profile)
    show_message(client.files.propose_unmerge(name, reason=reason), as_json=as_json)


@app.command("approve")
def approve(
    context: typer.Context,
    proposal: Annotated[
        str, typer.Argument(metavar="PROPOSAL", help="Resource name, or its 26 characters.")
    ],
    etag: Annotated[str, typer.Option("--etag", metavar="ETAG", help="As `list` shows it.")],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="For the log.")] = "",
    as_json: options.Json = False,
) -> None:
    """Agree to it, as another person than the one who proposed it."""
    client = session(context).client()
    found = _PROPOSAL.fullmatch(proposal)
    if found is None:
        raise CommandError(
            "That is no proposal: institutions/.../proposals/..., or its 26 characters, is wanted.",
            "这不是提案名称：应为 institutions/.../proposals/... 或其 26 位字符。",
        )
    name = f"{found[1] or client.profile.parent}/proposals/{found[2]}"
    show_message(client.files.approve_merge(name, etag=etag, comment=comment), as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """List files that point to another, and what waits for a second person."""
    files, token = session(context).client().files, ""
    out = console()
    while True:
        page = files.merges(page_size=200, page_token=token)
        if as_json:
            write_json(as_dict(page))
        else:
            for one in page.waiting:
                what = (
                    say("to be taken apart from", "待撤销合并")
                    if one.apart
                    else say("to be merged into", "待合并至")
                )
                out.print(
                    Text(clean(f"{one.customer} {what} {one.into}  {one.name} etag {one.etag}")),
                    soft_wrap=True,
                )
            for merge in page.merges:
                who = f"{merge.proposed_by}, {merge.approved_by}"
                what = say("merged into", "已合并至")
                out.print(
                    Text(clean(f"{merge.customer} {what} {merge.survivor}  ({who})")),
                    soft_wrap=True,
                )
        token = page.next_page_token
        if not token:
            return
