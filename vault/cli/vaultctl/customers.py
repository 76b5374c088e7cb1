"""`vaultctl customers`: store, open, list and find customers."""

from __future__ import annotations

from typing import Annotated

import typer

from recordsvault.records.v1.customer_pb2 import Customer
from vault.cli.vaultctl import options
from vault.cli.vaultctl.customers_diff import diff
from vault.cli.vaultctl.customers_export import export
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.output import show, show_opened, show_opened_pages, show_pages, tell_more
from vault.cli.vaultctl.session import session

app = typer.Typer(add_completion=False, help="Customers.", no_args_is_help=True)
app.command("export")(export)
app.command("diff")(diff)

PATTERN = "customers/*"
MASKED_COLUMNS = (
    "name",
    "kind",
    "full_name",
    "identity_number",
    "phones[0]",
    "customer_number",
)
FULL_COLUMNS = ("name", "customer_number", "risk_class", "version", "update_time")
VERSION_COLUMNS = ("version", "update_time", "change_reason", "etag")

Name = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="Resource name, or its 26 characters.")
]


@app.command()
def create(
    context: typer.Context,
    file: options.Source,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Store a customer from a JSON file."""
    customer = options.read_record(file, Customer)
    made = session(context).client().customers.create(customer, request_id=request_id)
    show(made, as_json=as_json)


@app.command()
def get(
    context: typer.Context,
    name: Name,
    full: options.Full = False,
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    fields: options.Fields = "",
    version: Annotated[int, typer.Option(min=0, help="With --full: an earlier version.")] = 0,
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    as_json: options.Json = False,
) -> None:
    """Show a customer: the masked view, or with --full the record."""
    client = session(context).client()
    customer = options.resource_name(name, PATTERN, client.profile)
    if not full:
        options.no_full_options(purpose, case, fields, version, check_out, as_of, known_at)
        show(client.masked.get_customer(customer), as_json=as_json)
        return
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    record = client.customers.open(
        customer,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        fields=read.fields,
        version=version,
        as_of=options.day(as_of, "--as-of"),
        known_at=options.moment(known_at, "--known-at"),
    )
    show_opened(record, as_json=as_json)


@app.command("list")
def list_customers(
    context: typer.Context,
    full: options.Full = False,
    purpose: options.Purpose = "",
    case: options.Case = "",
    fields: options.Fields = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    as_json: options.Json = False,
) -> None:
    """List the institution's customers."""
    client = session(context).client()
    size = options.page_size(page_size, limit)
    if not full:
        options.no_full_options(purpose, case, fields, as_of, known_at)
        masked = client.masked.list_customers(page_size=size, page_token=page_token)
        listed = show_pages(
            masked.pages(), key="customers", columns=MASKED_COLUMNS, limit=limit, as_json=as_json
        )
    else:
        read = options.full_read(purpose, case, fields, "", client.profile)
        pager = client.customers.open_list(
            purpose=read.purpose,
            case_reference=read.case_reference,
            fields=read.fields,
            page_size=size,
            page_token=page_token,
            as_of=options.day(as_of, "--as-of"),
            known_at=options.moment(known_at, "--known-at"),
        )
        columns = options.columns(FULL_COLUMNS, read.fields)
        listed = show_opened_pages(
            pager.pages(), key="customers", columns=columns, limit=limit, as_json=as_json
        )
    tell_more(listed, as_json=as_json)


@app.command()
def history(
    context: typer.Context,
    name: Name,
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    fields: options.Fields = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    as_json: options.Json = False,
) -> None:
    """List the versions of a customer, newest first: full records, for a purpose."""
    client = session(context).client()
    customer = options.resource_name(name, PATTERN, client.profile)
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    pager = client.customers.open_versions(
        customer,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        fields=read.fields,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
        as_of=options.day(as_of, "--as-of"),
        known_at=options.moment(known_at, "--known-at"),
    )
    columns = options.columns(VERSION_COLUMNS, read.fields)
    listed = show_opened_pages(
        pager.pages(), key="customers", columns=columns, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


@app.command()
def search(
    context: typer.Context,
    identity_number: Annotated[
        str | None, typer.Option("--identity-number", metavar="VALUE|-", help="Or - for stdin.")
    ] = None,
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="VALUE|-", help="E.164, or - for stdin.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="VALUE|-", help="Or - for stdin.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="VALUE|-", help="Exact, or - for stdin.")
    ] = None,
    customer_number: Annotated[
        str | None, typer.Option("--customer-number", metavar="VALUE|-", help="Or - for stdin.")
    ] = None,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """Find customers by one exact value; the answer is masked.

    With - the value is read from standard input, so that it stays out of the shell's history and
    of the list of processes.
    """
    terms = {
        "--identity-number": identity_number,
        "--phone": phone,
        "--account": account,
        "--name": name,
        "--customer-number": customer_number,
    }
    if sum(value is not None for value in terms.values()) != 1:
        known = ", ".join(terms)
        raise CommandError(
            f"Search by exactly one of {known}.", f"请指定且仅指定一个查询条件：{known}。"
        )
    values = {option: options.secret(value, option) for option, value in terms.items()}
    pager = (
        session(context)
        .client()
        .masked.search_customers(
            identity_number=values["--identity-number"],
            phone=values["--phone"],
            account_number=values["--account"],
            full_name=values["--name"],
            customer_number=values["--customer-number"],
            page_size=options.page_size(page_size, limit),
            page_token=page_token,
        )
    )
    listed = show_pages(
        pager.pages(), key="customers", columns=MASKED_COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)
