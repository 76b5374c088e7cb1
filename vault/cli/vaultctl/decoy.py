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
    str, typer.Argument(metavar="NAME", help="institutions/INSTITUTION/customers/CUSTOMER")
]


@app.command("add")
def add(context: typer.Context, name: Name) -> None:
    """Say that a customer is a decoy: whoever opens or looks at him raises an alert."""
    session(context).client().decoys.add(name)
    console().print(say("A decoy from now on.", "已设为诱饵客户。"))


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Say that a customer is no decoy any more."""
    session(context).client().decoys.remove(name)
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
