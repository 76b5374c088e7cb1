"""`vaultctl compartment`: investigations, holds and suspicious-activity material, for members."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recordsvault_client import Profile, compartment_kinds
from vault.cli.vaultctl import options
from vault.cli.vaultctl.compartment_members import app as member
from vault.cli.vaultctl.compartment_members import compartment_name
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.output import show_pages, tell_more
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="Compartments: seen by named members alone.",
    no_args_is_help=True,
)
app.add_typer(member, name="member")

COLUMNS = ("name", "kind", "title", "closed", "create_time")
ITEM_COLUMNS = ("create_time", "customer", "author", "text", "json")

Name = Annotated[
    str, typer.Argument(metavar="COMPARTMENT", help="Resource name, or its 26 characters.")
]


@app.command("open")
def open_(
    context: typer.Context,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help=f"{', '.join(compartment_kinds())}.")
    ],
    title: Annotated[
        str,
        typer.Option("--title", metavar="TEXT|-", help="What its members call it; - for stdin."),
    ],
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Open a compartment; you are its first member."""
    client = session(context).client()
    if kind.upper() not in compartment_kinds():
        listed = ", ".join(compartment_kinds())
        raise CommandError(f"--kind is one of {listed}.", f"--kind 须为其一：{listed}。")
    words = sys.stdin.readline().strip() if title == "-" else title
    show_message(client.compartments.open(kind, words, request_id=request_id), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List the compartments that you are a member of."""
    pager = (
        session(context)
        .client()
        .compartments.list(page_size=options.page_size(page_size, limit), page_token=page_token)
    )
    listed = show_pages(
        pager.pages(), key="compartments", columns=COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


@app.command("show")
def show(context: typer.Context, name: Name, as_json: options.Json = False) -> None:
    """Show a compartment and its members."""
    client = session(context).client()
    found = client.compartments.get(compartment_name(name, client.profile))
    show_message(found, as_json=as_json)


@app.command("close")
def close(context: typer.Context, name: Name, as_json: options.Json = False) -> None:
    """Close a compartment: nothing is added to it any more."""
    client = session(context).client()
    made = client.compartments.close(compartment_name(name, client.profile))
    show_message(made, as_json=as_json)


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Whom it is about.")],
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT|-", help="What is noted; - for standard input.")
    ] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json-file", metavar="FILE", help="A JSON document instead.")
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option("--record", metavar="NAME", help="Document or transaction. Repeatable."),
    ] = None,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Note something about a customer."""
    client = session(context).client()
    if bool(text) == (json_file is not None):
        raise CommandError(
            "Give what is noted: --text TEXT, --text - or --json-file FILE.",
            "请给出内容：--text 文本、--text - 或 --json-file 文件。",
        )
    made = client.compartments.add_item(
        compartment_name(name, client.profile),
        options.resource_name(customer, "customers/*", client.profile),
        text=sys.stdin.read().rstrip("\n") if text == "-" else text,
        json=_read(json_file) if json_file is not None else "",
        records=[_record(one, client.profile) for one in record or ()],
        request_id=request_id,
    )
    show_message(made, as_json=as_json)


@app.command("items")
def items(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[COMPARTMENT]", help="Left out: all of yours, with --customer."),
    ] = "",
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="Only what is about him.")
    ] = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List what is noted in a compartment, or about a customer in all of yours."""
    client = session(context).client()
    if not name and not customer:
        raise CommandError(
            "Name a compartment, or a customer with --customer.",
            "请指定保密案卷，或用 --customer 指定客户。",
        )
    about = options.resource_name(customer, "customers/*", client.profile) if customer else ""
    pager = client.compartments.list_items(
        compartment_name(name, client.profile) if name else "",
        customer=about,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_pages(
        pager.pages(), key="items", columns=ITEM_COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


def _record(given: str, profile: Profile) -> str:
    kind = "transactions" if "/transactions/" in given else "documents"
    return options.resource_name(given, f"customers/*/{kind}/*", profile)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise options.unreadable(path, error) from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8.", f"{path} 不是 UTF-8 编码。", INPUT) from None
