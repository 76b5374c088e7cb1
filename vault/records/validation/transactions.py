"""Validation of a transaction. On the path of bulk import: a few microseconds each."""

import re
from datetime import UTC, datetime, timedelta

from vault.records.enums import ChannelKind, Direction, Instrument, TransactionStatus
from vault.records.identifiers import bic
from vault.records.identifiers.time_zone import zone
from vault.records.names import DocumentName, InvalidName, TransactionName
from vault.records.reasons import Reason
from vault.records.transaction import AccountParty, Channel, Exchange, Money, Transaction
from vault.records.validation.fields import (
    check_account,
    check_balance,
    check_country,
    check_identifier,
    check_money,
    check_related_person,
    check_text,
    is_network_address,
)
from vault.records.validation.text import Masks
from vault.records.validation.violation import Findings, Violation

_RATE = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_PURPOSE = re.compile(r"[A-Z0-9]{4}")
_CNAPS = re.compile(r"[0-9]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Clocks differ and a booking day may have begun elsewhere; more is a slip of the year, which
# would keep the record for as many years too long.
_AHEAD = timedelta(days=1)


def validate_transaction(
    transaction: Transaction, now: datetime | None = None
) -> tuple[Violation, ...]:
    """Return everything that is wrong with a transaction, none of it holding a value.

    `now` is the time that a booking may not be more than a day ahead of.
    """
    found = Findings()
    if transaction.institution_reference:
        check_text(
            found, "", "institution_reference", transaction.institution_reference, 70, Masks.FREE
        )
    else:
        found.add("institution_reference", Reason.REQUIRED)
    check_text(found, "", "end_to_end_reference", transaction.end_to_end_reference, 70, Masks.FREE)
    _booking(found, transaction.booking_time, transaction.time_zone, now)
    check_money(found, "amount", transaction.amount)
    if transaction.direction is Direction.UNSPECIFIED:
        found.add("direction", Reason.REQUIRED)
    if transaction.instrument is Instrument.UNSPECIFIED:
        found.add("instrument", Reason.REQUIRED)
    if transaction.status is TransactionStatus.UNSPECIFIED:
        found.add("status", Reason.REQUIRED)
    if transaction.exchange is not None:
        _exchange(found, transaction.exchange)
    _party(found, "account.", transaction.account)
    if transaction.counterparty is not None:
        _party(found, "counterparty.", transaction.counterparty)
    _channel(found, transaction.channel)
    if transaction.purpose_code and _PURPOSE.fullmatch(transaction.purpose_code) is None:
        found.add("purpose_code", Reason.FORMAT)
    check_text(found, "", "remittance_text", transaction.remittance_text, 500, Masks.FREE)
    if transaction.agent is not None:
        today = (now or datetime.now(UTC)).date()
        check_related_person(found, "agent.", transaction.agent, today)
    if (
        transaction.sequence_number
        or transaction.balance_after is not None
        or transaction.statement is not None
    ):
        _place_in_account(found, transaction)
    if transaction.corrects or transaction.reverses or transaction.vouchers:
        _links(found, transaction)
    return found.violations()


def _booking(found: Findings, booked: datetime, time_zone: str, now: datetime | None) -> None:
    if booked.tzinfo is None:
        found.add("booking_time", Reason.TIME_ZONE)
    elif booked < _EPOCH:
        found.add("booking_time", Reason.OUT_OF_RANGE)
    elif booked > (now or datetime.now(UTC)) + _AHEAD:
        found.add("booking_time", Reason.IN_FUTURE)
    if not time_zone:
        found.add("time_zone", Reason.REQUIRED)
    elif zone(time_zone) is None:
        found.add("time_zone", Reason.TIME_ZONE)


def _place_in_account(found: Findings, transaction: Transaction) -> None:
    currency = transaction.amount.currency
    if transaction.sequence_number < 0:
        found.add("sequence_number", Reason.NEGATIVE)
    _balance(found, "balance_after", transaction.balance_after, currency)
    statement = transaction.statement
    if statement is not None:
        if not statement.statement_id:
            found.add("statement.statement_id", Reason.REQUIRED)
        check_text(found, "statement.", "statement_id", statement.statement_id, 35, Masks.FREE)
        if statement.number < 0:
            found.add("statement.number", Reason.NEGATIVE)
        _balance(found, "statement.opening_balance", statement.opening_balance, currency)
        _balance(found, "statement.closing_balance", statement.closing_balance, currency)


def _balance(found: Findings, field: str, money: Money | None, currency: str) -> None:
    if money is None:
        return
    check_balance(found, field, money)
    # The amount is what is booked in the account, so its balances are in the same currency.
    if currency and money.currency and money.currency != currency:
        found.add(f"{field}.currency_code", Reason.CONTRADICTION)


def _exchange(found: Findings, exchange: Exchange) -> None:
    rate = exchange.rate
    if not rate:
        found.add("exchange.rate", Reason.REQUIRED)
    elif _RATE.fullmatch(rate) is None:
        found.add("exchange.rate", Reason.FORMAT)
    elif not rate.strip("0."):
        found.add("exchange.rate", Reason.OUT_OF_RANGE)
    check_money(found, "exchange.counter_amount", exchange.counter_amount)


def _party(found: Findings, prefix: str, party: AccountParty) -> None:
    check_account(found, prefix, "account", party.account)
    check_text(found, prefix, "name", party.name, 300, Masks.PARTY)
    if party.bic:
        check_identifier(found, prefix, "bic", party.bic, bic.problem(party.bic))
    if party.cnaps and _CNAPS.fullmatch(party.cnaps) is None:
        check_identifier(found, prefix, "cnaps", party.cnaps, Reason.FORMAT)
    check_text(found, prefix, "institution_name", party.institution_name, 300, Masks.PARTY)
    check_country(found, prefix, "country", party.country)


def _channel(found: Findings, channel: Channel) -> None:
    if channel.kind is ChannelKind.UNSPECIFIED:
        found.add("channel.kind", Reason.REQUIRED)
    check_text(found, "channel.", "branch", channel.branch, 64, Masks.FREE)
    check_text(found, "channel.", "teller", channel.teller, 64, Masks.FREE)
    check_text(found, "channel.", "terminal", channel.terminal, 64, Masks.FREE)
    check_text(found, "channel.", "device_id", channel.device_id, 128, Masks.FREE)
    address = channel.network_address
    if address and not is_network_address(address):
        check_identifier(found, "channel.", "network_address", address, Reason.FORMAT)


def _links(found: Findings, transaction: Transaction) -> None:
    for name, text in (("corrects", transaction.corrects), ("reverses", transaction.reverses)):
        if text and not _is_transaction(text):
            found.add(name, Reason.NAME)
    if transaction.corrects and transaction.corrects == transaction.reverses:
        found.add("reverses", Reason.CONTRADICTION)
    if len(transaction.vouchers) > 50:
        found.add("vouchers", Reason.TOO_MANY)
    for place, voucher in enumerate(transaction.vouchers):
        if not _is_document(voucher):
            found.add(f"vouchers[{place}]", Reason.NAME)
        elif voucher in transaction.vouchers[:place]:
            found.add(f"vouchers[{place}]", Reason.DUPLICATE)


def _is_transaction(text: str) -> bool:
    try:
        TransactionName.parse(text)
    except InvalidName:
        return False
    return True


def _is_document(text: str) -> bool:
    try:
        DocumentName.parse(text)
    except InvalidName:
        return False
    return True
