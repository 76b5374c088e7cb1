"""`vaultctl transactions reconstruct` and `search`: evidence, for a purpose."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from google.type.money_pb2 import Money
from rich.progress import DownloadColumn, TransferSpeedColumn

from recordsvault_client import Recipient, Wanted
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.bundle_files import recipient, whole_file
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import Language, language, say
from vault.cli.vaultctl.output import show_pages, tell_more, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

_PATTERN: Final = "customers/*/transactions/*"
_COLUMNS: Final = ("name", "booking_time", "direction", "amount", "counterparty.name", "status")
_AMOUNT: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))? ?([A-Z]{3})")


def reconstruct(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="TRANSACTION", help="Resource name, or customers/.../transactions/..."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for the bundle.")],
    to: Annotated[
        Path,
        typer.Option(
            "--recipient", metavar="FILE", help="Public key (PEM) of who is to open it, alone."
        ),
    ],
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    as_json: options.Json = False,
) -> None:
    """Reconstruct a transaction as a sealed bundle: the record, what corrects and reverses it, its
    vouchers, the customer as known that day, the account before and after, who has opened it, and
    the proofs. `vaultctl bundle verify` verifies it; without the vault, clients/verifier does.

    The page for people in it is in the language of the command.
    """
    client = session(context).client()
    read = options.full_read(purpose, case, "", check_out, client.profile)
    transaction = options.resource_name(name, _PATTERN, client.profile)
    key = recipient(to)
    size = 0
    with whole_file(out) as file, bar(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(say("reconstructing", "正在重现"), total=None)
        for piece in client.evidence.reconstruct(
            transaction,
            Recipient(key.x25519, key.ml_kem),
            purpose=read.purpose,
            case_reference=read.case_reference,
            check_out=read.check_out,
            chinese=language() is Language.ZH,
        ):
            size += file.write(piece)
            progress.update(task, completed=size)
    fingerprint = key.fingerprint.hex()
    if as_json:
        write_json({"file": str(out), "size": size, "recipient": fingerprint})
        return
    sys.stdout.write(
        say(
            f"{out} is sealed to the key {fingerprint}.\n",
            f"{out} 已为密钥 {fingerprint} 密封。\n",
        )
    )


def search(
    context: typer.Context,
    customer: customers.Name,
    least: Annotated[
        str, typer.Option("--least", metavar="AMOUNT", help="Least amount, as 1250.00 CNY.")
    ] = "",
    greatest: Annotated[
        str, typer.Option("--greatest", metavar="AMOUNT", help="Greatest amount, inclusive.")
    ] = "",
    booked_from: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Earliest booking time, inclusive.")
    ] = "",
    booked_to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Latest booking time, exclusive.")
    ] = "",
    counterparty: Annotated[
        str, typer.Option("--counterparty", metavar="TEXT", help="In his name or account.")
    ] = "",
    reference: Annotated[
        str, typer.Option("--reference", metavar="TEXT", help="In a reference or the remittance.")
    ] = "",
    account: Annotated[
        str, typer.Option("--account", metavar="NUMBER", help="The customer's own account.")
    ] = "",
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """Search a customer's transactions, opened for a purpose: all conditions hold at once."""
    client = session(context).client()
    read = options.full_read(purpose, case, "", check_out, client.profile)
    wanted = Wanted(counterparty=counterparty, reference=reference, account_number=account)
    if least:
        wanted["least_amount"] = _amount(least, "--least")
    if greatest:
        wanted["greatest_amount"] = _amount(greatest, "--greatest")
    if (start := options.moment(booked_from, "--from")) is not None:
        wanted["booked_from"] = start
    if (end := options.moment(booked_to, "--to")) is not None:
        wanted["booked_to"] = end
    pager = client.evidence.search(
        options.resource_name(customer, customers.PATTERN, client.profile),
        wanted,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_pages(
        pager.pages(), key="transactions", columns=_COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


def _amount(given: str, option: str) -> Money:
    found = _AMOUNT.fullmatch(given.strip().upper())
    if found is None:
        raise CommandError(
            f"{option} is an amount with its currency: 1250.00 CNY.",
            f"{option} 须为带币种的金额：1250.00 CNY。",
        )
    return Money(
        currency_code=found[3], units=int(found[1]), nanos=int((found[2] or "").ljust(9, "0"))
    )
