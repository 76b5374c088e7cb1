"""`vaultctl hold`: holds, which stop disposal, for the members of a compartment."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

import typer
from google.type.date_pb2 import Date

from recordsvault.retention.v1 import retention_pb2 as pb
from recordsvault_client import Profile
from vault.cli.vaultctl import options
from vault.cli.vaultctl.compartment_members import compartment_name
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.output import show_pages, tell_more
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="Holds in compartments: placed by one member, released by two.",
    no_args_is_help=True,
)

COLUMNS = ("name", "state", "customer", "authority", "reference", "first_day", "last_day")
_NAME: Final = re.compile(
    r"(?:(institutions/[a-z][a-z0-9-]{1,39})/)?(compartments/[0-9a-z]{26}/holds/[0-9a-z]{26})"
)

Compartment = Annotated[
    str, typer.Argument(metavar="COMPARTMENT", help="Resource name, or its 26 characters.")
]
Name = Annotated[
    str, typer.Argument(metavar="HOLD", help="Resource name: compartments/.../holds/...")
]


@app.command("place")
def place(
    context: typer.Context,
    compartment: Compartment,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Whose records.")],
    authority: Annotated[
        str, typer.Option("--authority", metavar="TEXT", help="Which authority ordered it.")
    ],
    reference: Annotated[str, typer.Option("--reference", metavar="TEXT", help="Its own.")] = "",
    account: Annotated[
        str, typer.Option("--account", metavar="NUMBER", help="An account that it is about.")
    ] = "",
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the bookings held."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the bookings held."),
    ] = None,
    transaction: Annotated[
        list[str] | None,
        typer.Option("--transaction", metavar="NAME", help="With its whole year. Repeatable."),
    ] = None,
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Hold a customer's records: nothing of what is held is disposed of."""
    client = session(context).client()
    profile = client.profile
    wish = pb.Hold(
        customer=options.resource_name(customer, "customers/*", profile),
        authority=authority.strip(),
        reference=reference.strip(),
        account=account.strip(),
        first_day=_day(first),
        last_day=_day(last),
        records=[
            options.resource_name(one, "customers/*/transactions/*", profile)
            for one in transaction or ()
        ],
    )
    made = client.holds.place(compartment_name(compartment, profile), wish, request_id=request_id)
    show_message(made, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    compartment: Compartment,
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List the holds of a compartment, oldest first."""
    client = session(context).client()
    pager = client.holds.list(
        compartment_name(compartment, client.profile),
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_pages(pager.pages(), key="holds", columns=COLUMNS, limit=limit, as_json=as_json)
    tell_more(listed, as_json=as_json)


@app.command("release")
def release(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    as_json: options.Json = False,
) -> None:
    """Propose that a hold be released; it stands until another member agrees."""
    client = session(context).client()
    made = client.holds.propose_release(_full(name, client.profile), reason=reason.strip())
    show_message(made, as_json=as_json)


@app.command("agree")
def agree(
    context: typer.Context,
    name: Name,
    etag: Annotated[
        str, typer.Option("--etag", metavar="ETAG", help="Of the hold that you have seen.")
    ],
    as_json: options.Json = False,
) -> None:
    """Agree to a release, as another member than who proposed it."""
    client = session(context).client()
    show_message(
        client.holds.agree_release(_full(name, client.profile), etag=etag), as_json=as_json
    )


def _full(given: str, profile: Profile) -> str:
    match = _NAME.fullmatch(given.strip().lower())
    if match is None:
        raise CommandError(
            "That is no hold: give compartments/.../holds/..., as `hold list` has it.",
            "冻结名称无效：请给出 compartments/.../holds/...，见 `hold list`。",
        )
    return f"{match[1] or profile.parent}/{match[2]}"


def _day(given: datetime | None) -> Date | None:
    return None if given is None else Date(year=given.year, month=given.month, day=given.day)
