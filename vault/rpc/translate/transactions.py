"""Transactions. The import sends thousands a second through here, so each field is read once."""

from __future__ import annotations

from typing import cast

from recordsvault.records.v1 import transaction_pb2 as pb
from recordsvault.type.v1 import transaction_pb2 as enums
from vault.records import (
    AccountParty,
    AccountStatement,
    Channel,
    ChannelKind,
    Direction,
    Exchange,
    Instrument,
    RelatedPerson,
    Transaction,
    TransactionStatus,
)
from vault.rpc.problems import Problems
from vault.rpc.translate.common import (
    EnumTable,
    from_date,
    from_datetime,
    from_money,
    to_date,
    to_datetime,
    to_money,
)
from vault.rpc.translate.customers import fill_related, related_person

_ENUMS = enums.DESCRIPTOR.enum_types_by_name
DIRECTION = EnumTable(_ENUMS["Direction"], Direction, "DIRECTION_")
CHANNEL = EnumTable(_ENUMS["ChannelKind"], ChannelKind, "CHANNEL_KIND_")
INSTRUMENT = EnumTable(_ENUMS["Instrument"], Instrument, "INSTRUMENT_")
STATUS = EnumTable(_ENUMS["TransactionStatus"], TransactionStatus, "TRANSACTION_STATUS_")


def to_domain(m: pb.Transaction, problems: Problems) -> Transaction:
    """The transaction that a message describes."""
    agent: RelatedPerson | None = None
    if m.HasField("agent"):
        with problems.under("agent"):
            agent = related_person(m.agent, problems)
    exchange: Exchange | None = None
    if m.HasField("exchange"):
        exchange = Exchange(m.exchange.rate, to_money(m.exchange.counter_amount))
    channel = m.channel
    return Transaction(
        institution_reference=m.institution_reference,
        end_to_end_reference=m.end_to_end_reference,
        booking_time=to_datetime(m.booking_time, "booking_time", problems),
        time_zone=m.time_zone,
        value_date=to_date(m.value_date, "value_date", problems)
        if m.HasField("value_date")
        else None,
        amount=to_money(m.amount),
        direction=cast(Direction, DIRECTION.domain(m.direction)),
        exchange=exchange,
        account=_party(m.account),
        counterparty=_party(m.counterparty) if m.HasField("counterparty") else None,
        instrument=cast(Instrument, INSTRUMENT.domain(m.instrument)),
        channel=Channel(
            kind=cast(ChannelKind, CHANNEL.domain(channel.kind)),
            branch=channel.branch,
            teller=channel.teller,
            terminal=channel.terminal,
            device_id=channel.device_id,
            network_address=channel.network_address,
        ),
        purpose_code=m.purpose_code,
        remittance_text=m.remittance_text,
        agent=agent,
        status=cast(TransactionStatus, STATUS.domain(m.status)),
        corrects=m.corrects,
        reverses=m.reverses,
        vouchers=tuple(m.vouchers),
        sequence_number=m.sequence_number,
        balance_after=to_money(m.balance_after) if m.HasField("balance_after") else None,
        statement=_statement(m.statement) if m.HasField("statement") else None,
    )


def _statement(m: pb.AccountStatement) -> AccountStatement:
    return AccountStatement(
        m.statement_id,
        m.number,
        to_money(m.opening_balance) if m.HasField("opening_balance") else None,
        to_money(m.closing_balance) if m.HasField("closing_balance") else None,
    )


def _party(m: pb.AccountParty) -> AccountParty:
    return AccountParty(
        account=m.account,
        name=m.name,
        bic=m.bic,
        cnaps=m.cnaps,
        institution_name=m.institution_name,
        country=m.country,
    )


def to_proto(t: Transaction) -> pb.Transaction:
    """The message that describes a transaction, without what the vault makes."""
    out = pb.Transaction(
        institution_reference=t.institution_reference,
        end_to_end_reference=t.end_to_end_reference,
        booking_time=from_datetime(t.booking_time),
        time_zone=t.time_zone,
        amount=from_money(t.amount),
        direction=DIRECTION.proto(t.direction),  # type: ignore[arg-type]  # by the table
        account=_party_message(t.account),
        instrument=INSTRUMENT.proto(t.instrument),  # type: ignore[arg-type]  # by the table
        channel=pb.Channel(
            kind=CHANNEL.proto(t.channel.kind),  # type: ignore[arg-type]  # by the table
            branch=t.channel.branch,
            teller=t.channel.teller,
            terminal=t.channel.terminal,
            device_id=t.channel.device_id,
            network_address=t.channel.network_address,
        ),
        purpose_code=t.purpose_code,
        remittance_text=t.remittance_text,
        status=STATUS.proto(t.status),  # type: ignore[arg-type]  # by the table
        corrects=t.corrects,
        reverses=t.reverses,
        vouchers=t.vouchers,
        sequence_number=t.sequence_number,
    )
    if t.balance_after is not None:
        out.balance_after.CopyFrom(from_money(t.balance_after))
    if t.statement is not None:
        _fill_statement(out.statement, t.statement)
    if t.value_date is not None:
        out.value_date.CopyFrom(from_date(t.value_date))
    if t.exchange is not None:
        out.exchange.rate = t.exchange.rate
        out.exchange.counter_amount.CopyFrom(from_money(t.exchange.counter_amount))
    if t.counterparty is not None:
        out.counterparty.CopyFrom(_party_message(t.counterparty))
    if t.agent is not None:
        fill_related(out.agent, t.agent)
    return out


def _fill_statement(out: pb.AccountStatement, statement: AccountStatement) -> None:
    out.statement_id = statement.statement_id
    out.number = statement.number
    if statement.opening_balance is not None:
        out.opening_balance.CopyFrom(from_money(statement.opening_balance))
    if statement.closing_balance is not None:
        out.closing_balance.CopyFrom(from_money(statement.closing_balance))


def _party_message(party: AccountParty) -> pb.AccountParty:
    return pb.AccountParty(
        account=party.account,
        name=party.name,
        bic=party.bic,
        cnaps=party.cnaps,
        institution_name=party.institution_name,
        country=party.country,
    )
