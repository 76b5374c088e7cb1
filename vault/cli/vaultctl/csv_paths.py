"""What a column of a CSV file means: paths of the contract, such as `transaction.amount.units`.

A path is written from the item (`transaction.booking_time`) or from the record itself
(`booking_time`); `customer`, `customer_number` or `account_number` beside a document or transaction
name its owner. Lists have an index: `phones[0]`, `addresses[1].city`. Besides the values of
ProtoJSON a cell may hold a day (`2026-03-01`) where the contract has a Date, and an amount with its
currency (`1250.00 CNY`) where it has Money. An empty cell is a field that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.proto_json import Problem, Refused

_STEP = re.compile(r"([a-z_]+)(?:\[([0-9]{1,3})\])?")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_AMOUNT = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))? ([A-Z]{3})")
_OWNERS = ("customer", "customer_number", "account_number")


class Kind(str, Enum):
    """Kind of the records of a file."""

    CUSTOMERS = "customers"
    DOCUMENTS = "documents"
    TRANSACTIONS = "transactions"


_RECORDS = {
    Kind.CUSTOMERS: "new_customer",
    Kind.DOCUMENTS: "identity_document",
    Kind.TRANSACTIONS: "transaction",
}


def record_of(kind: Kind) -> str:
    """The field of ImportItem that holds a record of `kind`."""
    return _RECORDS[kind]


@dataclass(frozen=True, slots=True)
class Column:
    """Where a cell goes, and how it is read."""

    path: str
    steps: tuple[str | int, ...]
    read: Callable[[str], Any]

    def put(self, value: dict[Any, Any], cell: str) -> None:
        """Put a cell into the object that is being made. Raises Refused."""
        try:
            converted = self.read(cell)
        except Refused as refused:
            problem = refused.problems[0]
            raise Refused(Problem(self.path, problem.en, problem.zh)) from None
        for step in self.steps[:-1]:
            value = value.setdefault(step, {})
        value[self.steps[-1]] = converted


def resolve(path: Path, header: Sequence[str], kind: Kind | None) -> list[Column]:
    """The columns of a header; without `kind`, of the one kind that they all fit.

    Raises CommandError, which names a column by its number: a file without a header would
    otherwise show its first record.
    """
    if len(set(header)) != len(header):
        raise CommandError(
            f"{path}: two columns of the header are the same.", f"{path}：表头中有重复的列。", INPUT
        )
    fitting: list[list[Column]] = []
    furthest = 0
    for candidate in (kind,) if kind else tuple(Kind):
        columns: list[Column] = []
        for name in header:
            column = column_of(name.strip(), candidate)
            if column is None:
                break
            columns.append(column)
        furthest = max(furthest, len(columns))
        if len(columns) == len(header):
            fitting.append(columns)
    if not fitting:
        number = furthest + 1
        raise CommandError(
            f"{path}: column {number} of the header is no field of the records; columns are paths "
            "such as customer_number, transaction.amount.units or phones[0].",
            f"{path}：表头第 {number} 列不是记录的字段；列名应为路径，如 customer_number、"
            "transaction.amount.units 或 phones[0]。",
            INPUT,
        )
    if len(fitting) > 1:
        raise CommandError(
            f"{path}: the header fits several kinds of records: give --kind.",
            f"{path}：表头适用于多种记录：请用 --kind 指定。",
            INPUT,
        )
    return fitting[0]


def column_of(name: str, kind: Kind) -> Column | None:
    """The column of a path; None if a record of that kind has no such field."""
    record = _RECORDS[kind]
    if kind is not Kind.CUSTOMERS and name in _OWNERS:
        return Column(name, (name,), str)
    full = name if name.startswith(f"{record}.") else f"{record}.{name}"
    steps: list[str | int] = []
    descriptor: Descriptor | None = ImportItem.DESCRIPTOR
    field: FieldDescriptor | None = None
    for part in full.split("."):
        matched = _STEP.fullmatch(part)
        if descriptor is None or matched is None:
            return None
        field = descriptor.fields_by_name.get(matched[1])
        if field is None or field.is_repeated != (matched[2] is not None):
            return None
        steps.append(field.name)
        if matched[2] is not None:
            steps.append(int(matched[2]))
        descriptor = field.message_type
    read = _reader(field) if field is not None else None
    return Column(full, tuple(steps), read) if read else None


def _reader(field: FieldDescriptor) -> Callable[[str], Any] | None:
    """How a cell of a field is read; None for a message, of which only parts are columns."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _boolean
    kind = field.message_type
    if kind is None or kind.full_name == Timestamp.DESCRIPTOR.full_name:
        return str
    if kind.full_name == Date.DESCRIPTOR.full_name:
        return _day
    if kind.full_name == Money.DESCRIPTOR.full_name:
        return _amount
    return None


def compact(value: Any) -> Any:
    """Lists for the maps by index that columns fill, without the gaps of empty cells."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [compact(value[key]) for key in sorted(value)]
    return {key: compact(item) for key, item in value.items()}


def _boolean(cell: str) -> bool:
    if cell.lower() not in ("true", "false"):
        raise Refused(Problem("", "must be true or false", "必须是 true 或 false"))
    return cell.lower() == "true"


def _day(cell: str) -> dict[str, int]:
    found = _DAY.fullmatch(cell)
    if not found:
        raise Refused(Problem("", "must be a day such as 2026-03-01", "必须是日期，如 2026-03-01"))
    return {"year": int(found[1]), "month": int(found[2]), "day": int(found[3])}


def _amount(cell: str) -> dict[str, Any]:
    found = _AMOUNT.fullmatch(cell)
    if not found:
        raise Refused(
            Problem("", "must be an amount such as 1250.00 CNY", "必须是金额，如 1250.00 CNY")
        )
    sign = -1 if found[1] else 1
    return {
        "units": sign * int(found[2]),
        "nanos": sign * int((found[3] or "0").ljust(9, "0")),
        "currency_code": found[4],
    }
