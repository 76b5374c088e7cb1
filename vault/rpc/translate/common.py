"""Dates, times, money and enumerations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2, money_pb2

from vault.records import Money
from vault.rpc.problems import Problems

E = TypeVar("E", bound=Enum)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 0001-01-01 and 9999-12-31, the range that google.protobuf.Timestamp itself allows.
_MIN_SECONDS, _MAX_SECONDS = -62135596800, 253402300799


class EnumTable:
    """Both ways between a contract's enumeration and the domain's, which differ by a prefix."""

    def __init__(self, proto: EnumDescriptor, domain: type[Enum], prefix: str) -> None:
        by_name = {member.name: member for member in domain}
        self._to_domain: dict[int, Enum] = {}
        # By name: the hash of an enumeration's member is computed in Python each time.
        self._to_proto: dict[str, int] = {}
        for value in proto.values:
            member = by_name.pop(value.name.removeprefix(prefix), None)
            if member is not None:
                self._to_domain[value.number] = member
                self._to_proto[member._name_] = value.number
            elif value.number != 0:
                raise TypeError(f"{value.name} has no counterpart in {domain.__name__}")
        if by_name:
            raise TypeError(f"{domain.__name__} has members that the contract lacks")
        self._fallback = next(iter(domain))

    def domain(self, number: int) -> Enum:
        """The domain's member. An unknown number has been refused by the contract's rules already;
        so that the other fields can still be checked, it stands for the first member here."""
        return self._to_domain.get(number, self._fallback)

    def proto(self, member: Enum) -> int:
        """The contract's number."""
        return self._to_proto[member._name_]


def to_date(message: date_pb2.Date, field: str, problems: Problems) -> date | None:
    """A whole date; None, with a problem, for one that is not in the calendar."""
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        problems.add(
            field,
            "IMPOSSIBLE_DATE",
            "is not a day of the calendar; give year, month and day",
            "不是有效的日期；请给出年、月、日",
        )
        return None


def from_date(day: date) -> date_pb2.Date:
    """As google.type.Date."""
    return date_pb2.Date(year=day.year, month=day.month, day=day.day)


def to_datetime(message: Timestamp, field: str, problems: Problems) -> datetime:
    """To the microsecond, in UTC."""
    if not (_MIN_SECONDS <= message.seconds <= _MAX_SECONDS and 0 <= message.nanos < 10**9):
        problems.add(field, "IMPOSSIBLE_TIME", "is not a valid time", "不是有效的时间")
        return _EPOCH
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def from_micros(micros: int) -> Timestamp:
    """Microseconds since the epoch as a Timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def from_datetime(moment: datetime) -> Timestamp:
    """An aware datetime as a Timestamp."""
    return from_micros((moment - _EPOCH) // timedelta(microseconds=1))


def to_millis(message: Timestamp) -> int:
    """Milliseconds since the epoch, held to the range that record identifiers can express."""
    return max(0, min(message.seconds * 1000 + message.nanos // 1_000_000, (1 << 48) - 1))


def to_money(message: money_pb2.Money) -> Money:
    """As the domain's Money."""
    return Money(message.currency_code, message.units, message.nanos)


def from_money(money: Money) -> money_pb2.Money:
    """As google.type.Money."""
    return money_pb2.Money(currency_code=money.currency, units=money.units, nanos=money.nanos)
