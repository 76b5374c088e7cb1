"""`vaultctl subject`: persons who ask about their own data."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from recordsvault.life.v1 import subjects_pb2 as pb
from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, show_items, tell_more
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.subject_close import answered, correct, erased, refuse, withdraw
from vault.cli.vaultctl.subject_options import (
    Etag,
    Request,
    Words,
    WordsFile,
    request_name,
    seen,
    show_request,
    words_of,
)
from vault.cli.vaultctl.subject_report import letter, report
from vault.cli.vaultctl.subject_words import KINDS, OUTCOMES, day, word

app = typer.Typer(
    add_completion=False,
    help="Persons who ask about their own data: what is held, correct this, erase me.",
    no_args_is_help=True,
)

for command in (answered, correct, refuse, erased, withdraw, report, letter):
    app.command(command.__name__)(command)


class Kind(StrEnum):
    """What is asked, as an option has it."""

    ACCESS = "access"
    CORRECTION = "correction"
    ERASURE = "erasure"


@app.command("request")
def request(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Who asks.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What he asks.")],
    received: Annotated[
        str,
        typer.Option("--received", metavar="YYYY-MM-DD", help="The day it came in; today else."),
    ] = "",
    text: Words = "",
    file: WordsFile = None,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Enter what a customer has asked, in his words. Says until when he is to be answered."""
    client = session(context).client()
    on = options.day(received, "--received") or datetime.now(UTC).date()
    made = client.subjects.file(
        options.resource_name(customer, "customers/*", client.profile),
        pb.SubjectRequestKind.Value(f"SUBJECT_REQUEST_KIND_{kind.name}"),
        received=on,
        text=words_of(text, file, needed=True),
        request_id=request_id,
    )
    show_request(made, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    customer: Annotated[
        str, typer.Option("--customer", metavar="NAME", help="Of this customer only.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List requests: open ones first, the one that is due first in front."""
    client = session(context).client()
    of = options.resource_name(customer, "customers/*", client.profile) if customer else ""
    pager = client.subjects.list(
        customer=of,
        show_closed=every,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_items(
        pager.pages(), key="requests", table=_table, plain=as_dict, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


@app.command("show")
def show(context: typer.Context, name: Request, as_json: options.Json = False) -> None:
    """Show a request with what was said; of one to erase, what the rules of retention say."""
    client = session(context).client()
    show_request(client.subjects.get(request_name(name, client.profile)), as_json=as_json)


@app.command("extend")
def extend(
    context: typer.Context,
    name: Request,
    text: Words = "",
    file: WordsFile = None,
    etag: Etag = "",
    as_json: options.Json = False,
) -> None:
    """Take the longer time that the law allows, and say why: once, before the first is over."""
    client = session(context).client()
    full, tag = seen(client, name, etag)
    made = client.subjects.extend(full, etag=tag, text=words_of(text, file, needed=True))
    show_request(made, as_json=as_json)


def _table(items: object) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        say("due", "期限"),
        say("state", "状态"),
        say("asks for", "事项"),
        say("received", "收到"),
        say("request", "请求"),
    ):
        table.add_column(title, overflow="fold")
    assert isinstance(items, tuple | list)  # noqa: S101  # a page's
    for one in items:
        state = word(OUTCOMES, one.outcome)
        style = "bold red" if one.overdue else ""
        table.add_row(
            day(one.due_date),
            say("overdue", "已逾期") if one.overdue else state,
            word(KINDS, one.kind),
            day(one.receive_date),
            clean(one.name.split("/", 2)[2]),
            style=style,
        )
    return table
