"""`vaultctl customers diff`: in which fields two versions of a customer differ."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vault.cli.vaultctl import options
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, write_json
from vault.cli.vaultctl.session import session


def diff(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="Resource name, or its 26 characters.")
    ],
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    earlier: Annotated[
        int, typer.Option("--from", min=0, help="Version; the one before --to if left out.")
    ] = 0,
    later: Annotated[
        int, typer.Option("--to", min=0, help="Version; the current one if left out.")
    ] = 0,
    as_json: options.Json = False,
) -> None:
    """Name the fields in which two versions of a customer differ, and no value of either."""
    client = session(context).client()
    customer = options.resource_name(name, "customers/*", client.profile)
    read = options.full_read(purpose, case, "", check_out, client.profile)
    found = client.files.diff(
        customer,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        from_version=earlier,
        to_version=later,
    )
    if as_json:
        write_json(as_dict(found))
        return
    one, other = found.from_version, found.to_version
    head = say(f"Version {one} to version {other}:", f"版本 {one} 至版本 {other}：")
    lines = [head, *found.fields] if found.fields else [head, say("no field", "无差异字段")]
    if found.correction:
        lines.append(say("a correction: ", "更正：") + found.correction)
    sys.stdout.write("".join(f"{clean(line)}\n" for line in lines))
    if found.withheld:
        sys.stderr.write(
            say(
                "Some fields are not opened to you: of those nothing is said.\n",
                "部分字段未对您打开，未作比较。\n",
            )
        )
