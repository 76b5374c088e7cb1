"""`vaultctl decoy`: customers who are none, so that nobody has a reason to look at them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(add_completion=False, help="Customers who are none.", no_args_is_help=True)
Name = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="Resource name, or its 26 characters.")
]


@app.command("add")
def add(context: typer.Context, name: Name) -> None:
    """Say that a customer is a decoy: whoever opens or looks at him raises an alert."""
    client = session(context).client()
    client.decoys.add(options.resource_name(name, "customers/*", client.profile))
    console().print(say("A decoy from now on.", "已设为诱饵客户。"))


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Say that a customer is no decoy any more."""
    client = session(context).client()
    client.decoys.remove(options.resource_name(name, "customers/*", client.profile))
    console().print(say("No decoy any more.", "已取消诱饵客户。"))


@app.command("list")
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """The decoys of the profile's institution."""
    decoys = session(context).client().decoys.list()
    if as_json:
        write_json({"decoys": decoys})
        return
    out = console()
    for name in decoys:
        out.print(Text(clean(name)), soft_wrap=True)
    if not decoys:
        out.print(say("There is no decoy.", "没有诱饵客户。"))
