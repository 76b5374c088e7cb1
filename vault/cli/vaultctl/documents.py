"""`vaultctl documents`: store, open and list identity documents of customers, and their scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recordsvault.records.v1.document_pb2 import IdentityDocument
from vault.cli.vaultctl import customers, documents_contents, documents_view, options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.output import show, show_opened, show_opened_pages, show_pages, tell_more
from vault.cli.vaultctl.session import session

app = typer.Typer(add_completion=False, help="Identity documents.", no_args_is_help=True)

PATTERN = "customers/*/documents/*"
MASKED_COLUMNS = ("name", "kind", "number", "issuing_country", "expiry_date", "version")
FULL_COLUMNS = ("name", "kind", "number", "issuing_country", "expiry_date", "version")
VERSION_COLUMNS = ("version", "update_time", "change_reason", "etag")

Name = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="Resource name, or customers/.../documents/...")
]


@app.command()
def create(
    context: typer.Context,
    customer: customers.Name,
    file: options.Source,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Store an identity document of a customer from a JSON file."""
    client = session(context).client()
    owner = options.resource_name(customer, customers.PATTERN, client.profile)
    document = options.read_record(file, IdentityDocument)
    made = client.documents.create(owner, document, request_id=request_id)
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
    version: Annotated[
        int, typer.Option(min=0, help="With --full or --output: an earlier version.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write its scan to a new file."),
    ] = None,
    as_of: options.AsOf = "",
    known_at: options.KnownAt = "",
    page: documents_contents.Page = 1,
    span: Annotated[
        str,
        typer.Option(
            "--range", metavar="FIRST-LAST", help="With --output: only these bytes, from 0."
        ),
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Show an identity document: the masked view, or with --full the record.

    With --output write the scan or file of a page of it, or of a transaction's voucher, to a file
    that is not there yet.
    """
    client = session(context).client()
    if output is None and span:
        raise CommandError("--range goes with --output.", "--range 须与 --output 同用。")
    if output is not None:
        if fields:
            raise CommandError(
                "--fields is for records: a scan has none.", "--fields 用于记录：影像没有字段。"
            )
        read = options.full_read(purpose, case, fields, check_out, client.profile)
        documents_contents.fetch(
            context,
            name,
            output,
            read,
            page=page,
            version=version,
            span=span,
            as_json=as_json,
        )
        return
    document = options.resource_name(name, PATTERN, client.profile)
    if not full:
        options.no_full_options(purpose, case, fields, version, check_out, as_of, known_at)
        show(client.masked.get_document(document), as_json=as_json)
        return
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    record = client.documents.open(
        document,
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
def list_documents(
    context: typer.Context,
    customer: customers.Name,
    full: options.Full = False,
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
    """List a customer's identity documents."""
    client = session(context).client()
    owner = options.resource_name(customer, customers.PATTERN, client.profile)
    size = options.page_size(page_size, limit)
    if not full:
        options.no_full_options(purpose, case, fields, check_out, as_of, known_at)
        masked = client.masked.list_documents(owner, page_size=size, page_token=page_token)
        listed = show_pages(
            masked.pages(), key="documents", columns=MASKED_COLUMNS, limit=limit, as_json=as_json
        )
    else:
        read = options.full_read(purpose, case, fields, check_out, client.profile)
        pager = client.documents.open_list(
            owner,
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
            pager.pages(), key="identity_documents", columns=columns, limit=limit, as_json=as_json
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
    """List the versions of an identity document, newest first: full records, for a purpose."""
    client = session(context).client()
    document = options.resource_name(name, PATTERN, client.profile)
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    pager = client.documents.open_versions(
        document,
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
        pager.pages(), key="identity_documents", columns=columns, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


app.command("put")(documents_contents.put)
app.command("contents")(documents_contents.contents)
app.command("view")(documents_view.view)
