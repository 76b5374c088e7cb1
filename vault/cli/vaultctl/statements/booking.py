"""From an entry of a statement to the transaction that is stored for it.

A day without a time is stored as the first moment of that day in the account's time zone and so
many milliseconds behind it as the entry's place in its statement is: transactions of one day then
stay in the statement's order, which is all that is known of their order.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from recordsvault.records.v1.records_pb2 import ImportItem
from recordsvault.records.v1.transaction_pb2 import (
    AccountParty,
    AccountStatement,
    Channel,
    Exchange,
    Transaction,
)
from recordsvault.type.v1.transaction_pb2 import (
    ChannelKind,
    Direction,
    Instrument,
    TransactionStatus,
)
from vault.cli.vaultctl.csv_paths import compact
from vault.cli.vaultctl.proto_json import Problem, Refused, parse_message
from vault.cli.vaultctl.statements.amounts import money
from vault.cli.vaultctl.statements.mapping import Mapping
from vault.cli.vaultctl.statements.parts import Entry, Side, Statement

_LAST: Final = 86_399_999
"""Milliseconds of a day, but one."""
_CREDIT, _DEBIT = Direction.DIRECTION_CREDIT, Direction.DIRECTION_DEBIT
_LONGEST_ID: Final = 35
_COPIES: Final = ("DUPL", "CODU")


@dataclass(frozen=True, slots=True)
class Terms:
    """What was said about the whole import. `customer` is a resource name, `customer_number` the
    institution's own; with neither, the customer is who holds the account."""

    mapping: Mapping
    time_zone: str
    customer: str = ""
    customer_number: str = ""
    encoding: str = ""
    copies: bool = False
    """Whether statements that say they are duplicates are taken."""

    @property
    def digest(self) -> str:
        """Tells imports of the same file by other terms apart."""
        m = self.mapping
        parts = (self.time_zone, self.customer, self.customer_number, self.encoding, self.copies)
        return repr((parts, m.digest, m.instrument, m.channel))


class Bookings:
    """Makes items of an import of entries."""

    def __init__(self, terms: Terms) -> None:
        """By these terms."""
        self._terms = terms
        self._zone = zoneinfo.ZoneInfo(terms.time_zone)

    def item(self, statement: Statement, entry: Entry, place: int) -> ImportItem:
        """The item of an entry. Raises Refused with all that keeps it from being one."""
        item, problems = self.draft(statement, entry, place)
        if problems:
            raise Refused(*problems)
        return item

    def draft(
        self, statement: Statement, entry: Entry, place: int
    ) -> tuple[ImportItem, list[Problem]]:
        """As much of the item as can be made, and what is wrong with it."""
        terms = self._terms
        problems: list[Problem] = []
        if statement.copy in _COPIES and not terms.copies:
            problems.append(
                Problem(
                    "",
                    "is of a statement that is marked as a duplicate (CpyDplctInd); "
                    "--take-copies takes it",
                    "属于标记为重复的对账单（CpyDplctInd）；可用 --take-copies 接受",
                )
            )
        instrument, channel = terms.mapping.meaning(entry.code)
        instrument, channel = entry.instrument or instrument, entry.channel or channel
        if not instrument:
            problems.append(_open("instrument", entry.code))
        if not channel:
            problems.append(_open("channel.kind", entry.code))
        own = statement.own.account
        if not own:
            problems.append(Problem("account.account", "is not stated", "未说明"))
        if entry.booked is None:
            problems.append(Problem("booking_time", "is not stated", "未说明"))
        transaction = Transaction(
            institution_reference=entry.reference or _made(statement, place),
            end_to_end_reference=entry.end_to_end,
            time_zone=terms.time_zone,
            value_date=_day(entry.valued) if entry.valued else None,
            direction=_CREDIT if entry.credit else _DEBIT,
            account=_party(statement.own),
            counterparty=_party(entry.other) if entry.other else None,
            instrument=Instrument.Value(f"INSTRUMENT_{instrument or 'UNSPECIFIED'}"),
            channel=Channel(kind=ChannelKind.Value(f"CHANNEL_KIND_{channel or 'UNSPECIFIED'}")),
            purpose_code=entry.purpose,
            remittance_text=entry.remittance,
            status=TransactionStatus.Value(f"TRANSACTION_STATUS_{entry.status}"),
        )
        item = ImportItem(transaction=transaction)
        for step in (self._time, self._amounts, self._more):
            try:
                step(item, entry, place)
            except Refused as refused:
                problems.extend(refused.problems)
        if 0 < len(statement.identification) <= _LONGEST_ID:
            try:
                item.transaction.statement.CopyFrom(_shown_by(statement, entry.currency))
            except Refused as refused:
                problems.extend(refused.problems)
        if entry.customer_number:
            item.customer_number = entry.customer_number
        elif terms.customer:
            item.customer = terms.customer
        elif terms.customer_number:
            item.customer_number = terms.customer_number
        elif own:
            item.account_number = own
        return item, problems

    def _time(self, item: ImportItem, entry: Entry, place: int) -> None:
        if entry.booked is not None:
            item.transaction.booking_time.CopyFrom(self._booked(entry.booked, place))

    @staticmethod
    def _amounts(item: ImportItem, entry: Entry, place: int) -> None:
        transaction = item.transaction
        transaction.amount.CopyFrom(money(entry.amount, entry.currency, "amount"))
        told = entry.exchange
        if told is not None:
            counter = money(told.amount, told.currency, "exchange.counter_amount")
            transaction.exchange.CopyFrom(Exchange(rate=told.rate, counter_amount=counter))

        if entry.balance_after is not None:
            after = money(entry.balance_after, entry.currency, "balance_after")
            transaction.balance_after.CopyFrom(after)

    @staticmethod
    def _more(item: ImportItem, entry: Entry, place: int) -> None:
        if entry.more:
            item.MergeFrom(parse_message(compact(entry.more), ImportItem))

    def _booked(self, booked: date | datetime, place: int) -> Timestamp:
        made = Timestamp()
        try:
            if not isinstance(booked, datetime):
                moment = datetime.combine(booked, time(), self._zone).astimezone(UTC)
                moment += timedelta(milliseconds=min(place, _LAST))
            elif booked.tzinfo is None:
                moment = booked.replace(tzinfo=self._zone).astimezone(UTC)
            else:
                moment = booked.astimezone(UTC)
            made.FromDatetime(moment)
        except (ValueError, OverflowError):
            raise Refused(Problem("booking_time", "is no possible time", "时间无效")) from None
        return made


def _open(field: str, code: str) -> Problem:
    """What the code of a booking leaves open. A code is a kind of booking, and no secret."""
    named = f" {code}" if code else ""
    return Problem(
        field,
        f"is not said by the booking's code{named}; say it in a mapping (codes, defaults)",
        f"交易代码{named} 未说明；请在映射文件中指定（codes、defaults）",
    )


def _shown_by(statement: Statement, currency: str) -> AccountStatement:
    """The statement, as an entry in that currency says which one shows it. Raises Refused."""
    made = AccountStatement(statement_id=statement.identification, number=statement.number or 0)
    for field, balance in (
        (made.opening_balance, statement.opening),
        (made.closing_balance, statement.closing),
    ):
        if balance is not None and not balance.interim and balance.currency == currency:
            field.CopyFrom(money(balance.amount, balance.currency, "statement"))
    return made


def _made(statement: Statement, place: int) -> str:
    """A reference for an entry that has none: by statement and place, so always the same."""
    return f"{statement.identification or f'#{statement.place}'}/{place}"


def _party(side: Side) -> AccountParty:
    return AccountParty(
        account=side.account,
        name=side.name,
        bic=side.bic,
        cnaps=side.cnaps,
        institution_name=side.institution_name,
        country=side.country,
    )


def _day(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)
