"""A message as pairs of path and text, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from recordsvault.type.v1.masked_string_pb2 import MaskedString, MaskState
from vault.cli.vaultctl.language import say


def flatten(message: Message, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each field that is set, in the order of the contract: `natural_person.full_name`, text."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if not field.is_repeated:
            yield from _one(path, field, value)
        else:
            for index, item in enumerate(value):
                yield from _one(f"{path}[{index}]", field, item)


def _one(path: str, field: FieldDescriptor, value: Any) -> Iterator[tuple[str, str]]:
    text = plain(field, value)
    if text is not None:
        yield path, text
    else:
        yield from flatten(value, f"{path}.")


def plain(field: FieldDescriptor, value: Any) -> str | None:
    """The text of a value; None for a message that has to be taken apart."""
    if isinstance(value, Timestamp):
        return moment(value)
    if isinstance(value, Date):
        return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
    if isinstance(value, Money):
        return money(value)
    if isinstance(value, MaskedString):
        return masked(value)
    if isinstance(value, Message):
        return None
    if field.enum_type is not None:
        return enum_name(field.enum_type, value)
    if isinstance(value, bool):
        return say("yes", "是") if value else say("no", "否")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def moment(value: Timestamp) -> str:
    """A time in UTC to the microsecond, as in the log."""
    return value.ToDatetime().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def money(value: Money) -> str:
    """An amount such as `1250.00 CNY`; never rounded."""
    nanos = f"{abs(value.nanos):09d}".rstrip("0").ljust(2, "0")
    sign = "-" if value.units < 0 or value.nanos < 0 else ""
    return f"{sign}{abs(value.units)}.{nanos} {value.currency_code}"


def masked(value: MaskedString) -> str:
    """What a masked view shows; a state that shows nothing is in angle brackets."""
    if value.state == MaskState.MASK_STATE_WITHHELD:
        return say("<withheld>", "<不显示>")
    if value.state == MaskState.MASK_STATE_ABSENT:
        return say("<absent>", "<无>")
    if value.state == MaskState.MASK_STATE_SHREDDED:
        return say("<destroyed>", "<已销毁>")
    return value.value


def enum_name(kind: EnumDescriptor, number: int) -> str:
    """Name of an enum value without the prefix of its type: `DENIED` of `DECISION_DENIED`."""
    value = kind.values_by_number.get(number)
    if value is None:
        return str(number)
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return value.name.removeprefix(prefix)
