"""`vaultctl transactions`: store, open and list transactions; none is ever changed."""

from __future__ import annotations

from typing import Annotated

import typer

from recordsvault.records.v1.transaction_pb2 import Transaction
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.output import show, show_opened, show_opened_pages, show_pages, tell_more
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.transactions_evidence import reconstruct, search

app = typer.Typer(add_completion=False, help="Transactions.", no_args_is_help=True)

PATTERN = "customers/*/transactions/*"
MASKED_COLUMNS = ("name", "booking_time", "direction", "amount", "counterparty_name", "status")
FULL_COLUMNS = ("name", "booking_time", "direction", "amount", "counterparty.name", "status")

Name = Annotated[
    str,
    typer.Argument(metavar="TRANSACTION", help="Resource name, or customers/.../transactions/..."),
]


@app.command()
def create(
    context: typer.Context,
    customer: customers.Name,
    file: options.Source,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Store a transaction of a customer from a JSON file."""
    client = session(context).client()
    owner = options.resource_name(customer, customers.PATTERN, client.profile)
    transaction = options.read_record(file, Transaction)
    made = client.transactions.create(owner, transaction, request_id=request_id)
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
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    as_json: options.Json = False,
) -> None:
    """Show a transaction: the masked view, or with --full the record."""
    client = session(context).client()
    transaction = options.resource_name(name, PATTERN, client.profile)
    if not full:
        options.no_full_options(purpose, case, fields, check_out, as_of, known_at)
        show(client.masked.get_transaction(transaction), as_json=as_json)
        return
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    record = client.transactions.open(
        transaction,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        fields=read.fields,
        as_of=options.day(as_of, "--as-of"),
        known_at=options.moment(known_at, "--known-at"),
    )
    show_opened(record, as_json=as_json)


@app.command("list")
def list_transactions(
    context: typer.Context,
    customer: customers.Name,
    full: options.Full = False,
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    fields: options.Fields = "",
    booked_from: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Earliest booking time, inclusive.")
    ] = "",
    booked_to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Latest booking time, exclusive.")
    ] = "",
    newest_first: Annotated[
        bool, typer.Option("--newest-first/--oldest-first", help="Order.")
    ] = False,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    as_json: options.Json = False,
) -> None:
    """List a customer's transactions in booking order."""
    client = session(context).client()
    owner = options.resource_name(customer, customers.PATTERN, client.profile)
    start = options.moment(booked_from, "--from")
    end = options.moment(booked_to, "--to")
    size = options.page_size(page_size, limit)
    if not full:
        options.no_full_options(purpose, case, fields, check_out, as_of, known_at)
        masked = client.masked.list_transactions(
            owner,
            booked_from=start,
            booked_to=end,
            newest_first=newest_first,
            page_size=size,
            page_token=page_token,
        )
        listed = show_pages(
            masked.pages(), key="transactions", columns=MASKED_COLUMNS, limit=limit, as_json=as_json
        )
    else:
        read = options.full_read(purpose, case, fields, check_out, client.profile)
        pager = client.transactions.open_list(
            owner,
            booked_from=start,
            booked_to=end,
            newest_first=newest_first,
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=read.check_out,
            fields=read.fields,
            page_size=size,
            page_token=page_token,
            as_of=options.day(as_of, "--as-of"),
            known_at=options.moment(known_at, "--known-at"),
        )
        columns = options.columns(FULL_COLUMNS, read.fields)
        listed = show_opened_pages(
            pager.pages(), key="transactions", columns=columns, limit=limit, as_json=as_json
        )
    tell_more(listed, as_json=as_json)


app.command()(search)
app.command()(reconstruct)
