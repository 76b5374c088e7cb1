"""`vaultctl accounts`: whether an account is without gaps, and adds up."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer
from google.type.money_pb2 import Money
from rich.table import Table
from rich.text import Text

from recordsvault.accounts.v1 import accounts_pb2 as pb
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.failures import NOT_RECONCILED
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(add_completion=False, help="Accounts of customers.", no_args_is_help=True)

_PREFIX: Final = "ACCOUNT_FINDING_KIND_"
_WORDS: Final = {
    "GAP": ("entries {first} to {last} are missing", "缺少第 {first} 至 {last} 笔"),
    "DOUBLE": ("number {first} is there twice", "序号 {first} 重复"),
    "UNNUMBERED": ("the entry has no number", "该笔无序号"),
    "ORDER": ("number {first} comes after a greater one", "序号 {first} 排在更大的序号之后"),
    "BALANCE": (
        "the balance is {stated}, and would have to be {expected}",
        "余额为 {stated}，应为 {expected}",
    ),
    "STATEMENT_SUM": (
        "ends with {stated}, and its entries come to {expected}",
        "期末余额为 {stated}，按分录应为 {expected}",
    ),
    "STATEMENT_GAP": (
        "no entry of the statements {first} to {last} before it is stored",
        "此前第 {first} 至 {last} 期对账单没有任何分录",
    ),
    "STATEMENT_DOUBLE": (
        "the statement is there twice, or its entries differ about it",
        "对账单重复，或各分录对其记载不一致",
    ),
    "STATEMENT_CARRY": (
        "begins with {stated}, and the one before ends with {expected}",
        "期初余额为 {stated}，上期期末为 {expected}",
    ),
}


@app.callback()
def _family() -> None:
    """Accounts of customers."""


@app.command()
def check(
    context: typer.Context,
    customer: customers.Name,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's number.")],
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    booked_from: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Earliest booking time, inclusive.")
    ] = "",
    booked_to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Latest booking time, exclusive.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Add up an account of a customer: numbers without gaps and doubles, opening balance and
    entries that come to the closing balance, statements that follow each other.

    Exit code 23 where something is wrong. A large account takes a longer --timeout.
    """
    client = session(context).client()
    read = options.full_read(purpose, case, "", check_out, client.profile)
    answer = client.evidence.check_account(
        options.resource_name(customer, customers.PATTERN, client.profile),
        account,
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        booked_from=options.moment(booked_from, "--from"),
        booked_to=options.moment(booked_to, "--to"),
    )
    if as_json:
        write_json(as_dict(answer))
    else:
        _show(answer)
    if answer.finding_count:
        raise typer.Exit(NOT_RECONCILED)


def _show(answer: pb.CheckAccountResponse) -> None:
    numbers = ""
    if answer.first_number:
        span = f"{answer.first_number}–{answer.last_number}"
        numbers = say(f", numbers {span}", f"，序号 {span}")
    sys.stdout.write(
        say(f"{answer.entries} entries{numbers}\n", f"共 {answer.entries} 笔{numbers}\n")
    )
    if answer.sums:
        names = (("opening", "期初"), ("credits", "贷方"), ("debits", "借方"), ("closing", "期末"))
        _table(
            [*(say(*name) for name in names), say("adds up", "相符")],
            [
                [
                    _money(one, "opening_balance"),
                    _money(one, "credits"),
                    _money(one, "debits"),
                    _money(one, "closing_balance"),
                    _yes(one.balanced),
                ]
                for one in answer.sums
            ],
        )
    if answer.statements:
        columns = (
            ("statement", "对账单"),
            ("no.", "期号"),
            ("entries", "笔数"),
            ("opening", "期初"),
            ("movements", "净额"),
            ("closing", "期末"),
        )
        _table(
            [*(say(*name) for name in columns), say("adds up", "相符")],
            [
                [
                    clean(one.statement_id),
                    str(one.number or ""),
                    str(one.entries),
                    _money(one, "opening_balance"),
                    _money(one, "movements"),
                    _money(one, "closing_balance"),
                    _yes(one.balanced),
                ]
                for one in answer.statements
            ],
        )
    for finding in answer.findings:
        where = clean(finding.transaction or finding.statement_id)
        sys.stdout.write(f"{where + ': ' if where else ''}{_words(finding)}\n")
    left = answer.finding_count - len(answer.findings)
    if left:
        sys.stdout.write(say(f"... and {left} more\n", f"……另有 {left} 项\n"))


def _words(finding: pb.AccountFinding) -> str:
    kind = pb.AccountFindingKind.Name(finding.kind).removeprefix(_PREFIX)
    en, zh = _WORDS.get(kind, (kind, kind))
    return say(en, zh).format(
        first=finding.first_number,
        last=finding.last_number,
        expected=_money(finding, "expected"),
        stated=_money(finding, "stated"),
    )


def _money(message: Any, field: str) -> str:
    if not message.HasField(field):
        return "–"
    money: Money = getattr(message, field)
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    tail = f".{abs(money.nanos):09d}".rstrip("0") if money.nanos else ""
    return f"{sign}{abs(money.units)}{tail} {clean(money.currency_code)}"


def _yes(holds: bool) -> str:
    return say("yes", "是") if holds else say("no", "否")


def _table(names: list[str], rows: list[list[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
