"""`vaultctl checkout`: the lending register (借阅登记), for who asks and who looks."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_client import InvalidArgument
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import lent_fields, options
from vault.cli.vaultctl.checkout_decide import approve, deny, revoke
from vault.cli.vaultctl.checkout_register import register
from vault.cli.vaultctl.checkout_show import done, line, tell
from vault.cli.vaultctl.checkout_show import inbox as waiting
from vault.cli.vaultctl.checkout_show import listed as shortly
from vault.cli.vaultctl.durations import span
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.output import as_dict, console, show_items, tell_more, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="The lending register: files asked for and lent.",
    no_args_is_help=True,
)
app.command("approve")(approve)
app.command("deny")(deny)
app.command("revoke")(revoke)
app.command("register")(register)

Mine = Annotated[
    bool, typer.Option("--mine-to-decide", help="Only what waits for your own decision.")
]


@app.command("request")
def request(
    context: typer.Context,
    subject: given.Subject,
    field: given.Field = None,
    whole: Annotated[
        bool,
        typer.Option("--whole-file", help="Every field, with scans and files: for an export."),
    ] = False,
    purpose: options.Purpose = "",
    duration: given.Duration = "",
    reason: given.Reason = "",
    case: options.Case = "",
    one_time: Annotated[
        bool, typer.Option("--one-time", help="Let it end with the first read.")
    ] = False,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Ask for a customer's file, or one record of it: named fields, for a time and a purpose."""
    client = session(context).client()
    name = given.subject_name(subject, client.profile)
    if bool(field) == whole:
        raise CommandError(
            "Name the fields that you need: --field phones --field natural_person.full_name; or "
            "give --whole-file, for an export.",
            "请指明所需字段：--field phones --field natural_person.full_name；"
            "如需导出，请用 --whole-file。",
        )
    fields = lent_fields.named(field, name) if field else lent_fields.everything(name)
    try:
        made = client.access.request_check_out(
            name,
            fields=fields,
            purpose=options.purpose(purpose),
            reason=given.words(reason, "--reason"),
            duration=span(duration, "--for"),
            case_reference=case,
            one_time=one_time,
            request_id=request_id,
        )
    except InvalidArgument as error:
        error.violations = lent_fields.by_path(error.violations, fields)
        raise
    _tell(made, as_json)


@app.command("renew")
def renew(
    context: typer.Context,
    name: given.Name,
    duration: given.Duration = "",
    reason: given.Reason = "",
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Ask for the same again; it has to be agreed to anew, and the one before stays as it is."""
    client = session(context).client()
    made = client.access.renew(
        options.check_out_name(name, client.profile),
        duration=span(duration, "--for"),
        reason=given.words(reason, "--reason"),
        request_id=request_id,
    )
    _tell(made, as_json)


@app.command("return")
def return_(context: typer.Context, name: given.Name, as_json: options.Json = False) -> None:
    """Give back what you have borrowed, or withdraw what you have asked for."""
    client = session(context).client()
    _tell(client.access.return_(options.check_out_name(name, client.profile)), as_json)


@app.command("show")
def show(context: typer.Context, name: given.Name, as_json: options.Json = False) -> None:
    """Show a check-out: your own, or one that you may decide on."""
    client = session(context).client()
    found = client.access.get(options.check_out_name(name, client.profile))
    if as_json:
        write_json(as_dict(found))
    else:
        tell(found, console())


@app.command("inbox")
def inbox(
    context: typer.Context,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List what waits for your decision."""
    client = session(context).client()
    pager = client.access.list(
        filter=given.wanted(client.profile, None, mine_to_decide=True),
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_items(
        pager.pages(),
        key="check_outs",
        table=waiting,
        plain=as_dict,
        limit=limit,
        as_json=as_json,
    )
    tell_more(listed, as_json=as_json)


@app.command("list")
def list_check_outs(
    context: typer.Context,
    state: given.States = None,
    requester: given.Requester = "",
    customer: given.Customer = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List your own check-outs and those that you may decide on, newest first."""
    client = session(context).client()
    pager = client.access.list(
        filter=given.wanted(client.profile, state, requester, customer),
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_items(
        pager.pages(),
        key="check_outs",
        table=shortly,
        plain=as_dict,
        limit=limit,
        as_json=as_json,
    )
    tell_more(listed, as_json=as_json)


@app.command("watch")
def watch(
    context: typer.Context,
    state: given.States = None,
    requester: given.Requester = "",
    customer: given.Customer = "",
    mine_to_decide: Mine = False,
    as_json: options.Json = False,
) -> None:
    """Show what `list` shows, and each again when it changes; a lost connection is taken up."""
    client = session(context).client()
    wanted = given.wanted(client.profile, state, requester, customer, mine_to_decide=mine_to_decide)
    with client.access.watch(
        filter=wanted, patience=None, on_interrupt=given.interrupted
    ) as changes:
        for one in changes:
            if as_json:
                write_json(as_dict(one))
            else:
                console().print(line(one))
                sys.stdout.flush()


def _tell(made: pb.CheckOut, as_json: bool) -> None:
    if as_json:
        write_json(as_dict(made))
    else:
        console().print(done(made))
