"""CSV of anybody's making, by a mapping file: an account's bookings, a record each.

Amounts stand in one column with a sign, in one beside a column of directions, or in two for credit
and debit. Where there is a column of balances, each must follow from the one before: the whole file
is then proved as a statement is, an account at a time. The file must have its records in order for
that.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final

from vault.cli.vaultctl.csv_paths import Column, Kind, column_of
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.proto_json import Problem, Refused
from vault.cli.vaultctl.statements import decoding
from vault.cli.vaultctl.statements.amounts import NOT_EXACT, plain
from vault.cli.vaultctl.statements.camt_entry import clean
from vault.cli.vaultctl.statements.mapping import (
    CHANNELS,
    FIELDS,
    INSTRUMENTS,
    ColumnRule,
    Mapping,
)
from vault.cli.vaultctl.statements.parts import (
    Balance,
    Begins,
    Broken,
    Ends,
    Entry,
    Line,
    Part,
    Side,
    Statement,
)

_LONGEST: Final = 1 << 20
_SIGNED: Final = re.compile(r"([+-]?)(.*?)(-?)")
# Paths of what every entry has.
_ALIASES: Final = {
    "account.account": "account",
    "channel.kind": "channel",
    "institution_reference": "reference",
    "end_to_end_reference": "end_to_end",
    "purpose_code": "purpose",
    "remittance_text": "remittance",
}
_STATUSES: Final = ("BOOKED", "PENDING", "INFORMATION", "REJECTED")


class MappedCsv:
    """A CSV file, and its parts in their order."""

    def __init__(self, name: str, stream: BinaryIO, mapping: Mapping, encoding: str) -> None:
        """Read the header. Raises CommandError for a column of the mapping that is not there."""
        self._name = name
        self._mapping = mapping
        self._size = 0
        stream.seek(0)
        found, mark = decoding.of_text(stream.read(4), encoding or mapping.csv.encoding)
        text = decoding.lines(name, stream, found, mark, _LONGEST)
        form = mapping.csv
        for _ in range(form.skip_lines):
            next(text, None)
        self._reader = csv.reader(
            self._counted(text), delimiter=form.delimiter, quotechar=form.quote, strict=True
        )
        try:
            header = next(self._reader, None)
        except csv.Error:
            raise self._broken_file(1) from None
        self._header = [cell.strip().removeprefix("\ufeff") for cell in header or []]
        self._rules = self._find(mapping.columns)
        self._balanced = any(rule.meant == "balance" for _, rule, _ in self._rules)

    def _counted(self, text: Iterator[tuple[str, int]]) -> Iterator[str]:
        for line, read in text:
            self._size = read
            yield line + "\n"

    def _find(self, rules: Sequence[ColumnRule]) -> list[tuple[int, ColumnRule, Column | None]]:
        found: list[tuple[int, ColumnRule, Column | None]] = []
        for rule in rules:
            if self._header.count(rule.header) != 1:
                raise CommandError(
                    f"{self._name}: the mapping's column {rule.header} is not in the header once.",
                    f"{self._name}：映射中的列 {rule.header} 在表头中须恰好出现一次。",
                    INPUT,
                )
            path = None
            rule = replace(rule, meant=_ALIASES.get(rule.meant, rule.meant))
            if rule.meant not in FIELDS:
                path = column_of(rule.meant, Kind.TRANSACTIONS)
                if path is None:
                    listed = ", ".join(sorted(FIELDS))
                    raise CommandError(
                        f"The mapping's column {rule.header} has no field that there is: it is one "
                        f"of {listed}, or a path of a transaction such as counterparty.name.",
                        f"映射中的列 {rule.header} 指向未知字段：可用 {listed}，"
                        "或交易路径，如 counterparty.name。",
                        INPUT,
                    )
            found.append((self._header.index(rule.header), rule, path))
        fields = {rule.meant for _, rule, _ in found}
        amounts = "amount" in fields or {"credit", "debit"} & fields
        if "booked" not in fields or not amounts or ("amount" in fields and "credit" in fields):
            raise CommandError(
                "The mapping needs a column for booked, and one for amount, or two for credit and "
                "debit.",
                "映射须含 booked 列，以及 amount 列或 credit、debit 两列。",
                INPUT,
            )
        return found

    def __iter__(self) -> Iterator[Part]:
        """The parts: a statement for each run of records of one account. Raises CommandError."""
        statement: Statement | None = None
        place = statements = number = 0
        while True:
            number += 1
            try:
                cells = next(self._reader, None)
            except csv.Error:
                raise self._broken_file(number) from None
            if cells is None:
                break
            if not any(cell.strip() for cell in cells):
                continue
            read = self._read(cells)
            account = read.account
            if not account and statement is not None and isinstance(read.what, Broken):
                account = statement.own.account
            if statement is None or account != statement.own.account:
                if statement is not None:
                    yield Ends(statement)
                statements += 1
                place = 0
                statement = Statement(
                    statements,
                    own=Side(account=account),
                    balanced=self._balanced,
                )
                yield Begins(statement)
            place += 1
            self._follow(statement, read)
            yield Line(statement, number, place, self._size, read.what)
        if statement is not None:
            yield Ends(statement)

    @staticmethod
    def _follow(statement: Statement, read: _Read) -> None:
        """Take over the balance behind a record; its opening is what the first one tells."""
        entry = read.what
        if read.balance is None or isinstance(entry, Broken):
            return
        statement.currency = statement.currency or entry.currency
        if statement.opening is None:
            before = read.balance - (entry.signed if entry.counts else 0)
            statement.opening = Balance(before, entry.currency)
        statement.closing = Balance(read.balance, entry.currency)

    def _read(self, cells: Sequence[str]) -> _Read:
        mapping = self._mapping
        text = mapping.csv.delimiter.join(cells)
        if len(cells) != len(self._header):
            count = len(self._header)
            problem = Problem(
                "", f"does not have {count} cells, as the header", f"单元格数不是 {count}"
            )
            return _Read(Broken((problem,), text), mapping.account, None)
        values: dict[str, str] = {}
        problems: list[Problem] = []
        booked: list[tuple[str, str]] = []
        more: dict[str, Any] = {}
        for index, rule, path in self._rules:
            cell = cells[index].strip()
            cell = rule.values.get(cell, cell)
            if path is not None:
                if cell:
                    try:
                        path.put(more, cell)
                    except Refused as refused:
                        problems.extend(refused.problems)
            elif rule.meant == "booked":
                booked.append((cell, rule.format or mapping.csv.date))
            elif rule.meant == "remittance":
                values["remittance"] = f"{values.get('remittance', '')} {cell}".strip()
            elif rule.meant == "valued":
                values["valued"] = cell
                values["valued_format"] = rule.format or mapping.csv.date
            else:
                values[rule.meant] = cell
        return self._entry(values, booked, more, problems, text)

    def _entry(
        self,
        values: dict[str, str],
        booked: list[tuple[str, str]],
        more: dict[str, Any],
        problems: list[Problem],
        text: str,
    ) -> _Read:
        mapping = self._mapping
        signed = self._signed(values, problems)
        moment = _moment(booked)
        if moment is None:
            problems.append(
                Problem("booking_time", "is no day or time in the mapping's form", "与日期格式不符")
            )
        valued = None
        if values.get("valued"):
            valued = _moment([(values["valued"], values["valued_format"])])
            if valued is None:
                problems.append(
                    Problem("value_date", "is no day in the mapping's form", "与日期格式不符")
                )
        balance = None
        if values.get("balance"):
            balance = self._amount(values["balance"])
            if balance is None:
                problems.append(Problem("balance", *NOT_EXACT))
        for name, allowed in (
            ("instrument", INSTRUMENTS),
            ("channel", CHANNELS),
            ("status", _STATUSES),
        ):
            if values.get(name) and values[name] not in allowed:
                listed = ", ".join(allowed)
                problems.append(
                    Problem(name, f"must be one of {listed}", f"必须是以下之一：{listed}")
                )
        account = values.get("account") or mapping.account
        currency = values.get("currency") or mapping.currency
        if problems or signed is None:
            return _Read(Broken(tuple(problems), text, signed, currency), account, balance)
        entry = Entry(
            reference=values.get("reference", ""),
            amount=abs(signed),
            currency=currency,
            credit=_is_credit(signed, values),
            booked=moment,
            valued=valued.date() if isinstance(valued, datetime) else valued,
            status=values.get("status") or "BOOKED",
            code=values.get("code", ""),
            end_to_end=values.get("end_to_end", ""),
            purpose=values.get("purpose", ""),
            remittance=clean(values.get("remittance", "")),
            instrument=values.get("instrument", ""),
            channel=values.get("channel", ""),
            balance_after=balance,
        )
        if more or values.get("customer_number"):
            entry = replace(entry, more=more, customer_number=values.get("customer_number", ""))
        return _Read(entry, account, balance)

    def _signed(self, values: dict[str, str], problems: list[Problem]) -> Decimal | None:
        """The amount with the sign of what it does to the balance."""
        if "amount" in values:
            amount = self._amount(values["amount"])
            direction = values.get("direction")
            if amount is None:
                problems.append(Problem("amount", *NOT_EXACT))
                return None
            if direction is None:
                return amount
            if direction not in ("CREDIT", "DEBIT") or amount < 0:
                problems.append(
                    Problem(
                        "direction",
                        "must be CREDIT or DEBIT beside an amount without sign; the mapping's "
                        "values may say which word is which",
                        "须为 CREDIT 或 DEBIT，且金额不带符号；可在映射的 values 中对应",
                    )
                )
                return None
            return amount if direction == "CREDIT" else -amount
        credit = self._amount(values["credit"]) if values.get("credit") else Decimal(0)
        debit = self._amount(values["debit"]) if values.get("debit") else Decimal(0)
        if credit is None or debit is None or (credit != 0) == (debit != 0):
            problems.append(
                Problem(
                    "amount",
                    "must stand in just one of the columns credit and debit",
                    "借方与贷方须恰有一列有金额",
                )
            )
            return None
        # Some write the debits of their column of debits with a sign.
        return credit if credit else -abs(debit)

    def _amount(self, text: str) -> Decimal | None:
        form = self._mapping.csv
        found = _SIGNED.fullmatch(text.replace("\u2212", "-").strip())
        if found is None:
            return None
        number = found[2].strip()
        if form.thousands:
            number = number.replace(form.thousands, "").replace("\u00a0", "")
        elif form.decimal == "," and "." in number:
            return None
        value = plain(number.replace(form.decimal, "."))
        if value is None or (found[1] and found[3]):
            return None
        return -value if "-" in (found[1], found[3]) else value

    def _broken_file(self, number: int) -> CommandError:
        return CommandError(
            f"{self._name} is no CSV from record {number} on: check its quotes. Nothing of it is "
            "stored.",
            f"{self._name} 自第 {number} 条记录起无法解析：请检查引号。尚未存储任何内容。",
            INPUT,
        )


@dataclass(frozen=True, slots=True, repr=False)
class _Read:
    what: Entry | Broken
    account: str
    balance: Decimal | None


def _is_credit(signed: Decimal, values: dict[str, str]) -> bool:
    return values["direction"] == "CREDIT" if "direction" in values else signed >= 0


def _moment(cells: Sequence[tuple[str, str]]) -> date | datetime | None:
    """A day, or a moment where the form has hours; a day and a time may stand in two columns."""
    text = " ".join(cell for cell, _ in cells)
    form = " ".join(form for _, form in cells)
    try:
        found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the import's
    except ValueError:
        return None
    return found if any(part in form for part in ("%H", "%I")) else found.date()
