"""`vaultctl decoy`: customers who are none, so that nobody has a reason to look at them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from recordsvault.admin.v1 import watch_pb2 as pb
from recordsvault.admin.v1 import watch_pb2_grpc as stubs
from recordsvault_client import Tier
from recordsvault_masked.calls import Caller
from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(help="Customers who are none.", no_args_is_help=True)
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="institutions/INSTITUTION/customers/CUSTOMER")
]


@app.command("add")
def add(context: typer.Context, name: Name) -> None:
    """Say that a customer is a decoy: whoever opens or looks at him raises an alert."""
    _set(context, name, decoy=True)


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Say that a customer is no decoy any more."""
    _set(context, name, decoy=False)


@app.command("list")
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """The decoys of the profile's institution."""
    made = session(context)
    client = made.client()
    stub = stubs.WatchStub(client.channel(Tier.FULL))
    request = pb.ListDecoysRequest(parent=client.profile.parent)
    answer = Caller(made.timeout)(stub.ListDecoys, request)
    if as_json:
        write_json(as_dict(answer))
        return
    out = console()
    for name in answer.decoys:
        out.print(Text(clean(name)), soft_wrap=True)
    if not answer.decoys:
        out.print(say("There is no decoy.", "没有诱饵客户。"))


def _set(context: typer.Context, name: str, *, decoy: bool) -> None:
    made = session(context)
    stub = stubs.WatchStub(made.client().channel(Tier.FULL))
    # To say it once more changes nothing, so that it may be tried again.
    Caller(made.timeout)(stub.SetDecoy, pb.SetDecoyRequest(name=name, decoy=decoy))
    told = (
        say("A decoy from now on.", "已设为诱饵客户。")
        if decoy
        else say("No decoy any more.", "已取消诱饵客户。")
    )
    console().print(told)
