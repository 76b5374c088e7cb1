"""A transaction, field for field as `recordsvault.records.v1.Transaction`.

A transaction is never changed: another corrects or reverses it by pointing to it.
"""

from dataclasses import dataclass
from datetime import date, datetime

from vault.records.customer import RelatedPerson
from vault.records.enums import ChannelKind, Direction, Instrument, TransactionStatus


@dataclass(frozen=True, slots=True, repr=False)
class Money:
    """An amount as `google.type.Money`: whole units and nanos (10^-9) of an ISO 4217 currency."""

    currency: str = ""
    units: int = 0
    nanos: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """An exchange; `rate` is a decimal number, counter currency for one of the amount's."""

    rate: str = ""
    counter_amount: Money = Money()


@dataclass(frozen=True, slots=True, repr=False)
class AccountParty:
    """One side of a transaction; `cnaps` is a People's Bank of China payment system number."""

    account: str = ""
    name: str = ""
    bic: str = ""
    cnaps: str = ""
    institution_name: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Channel:
    """Where and with what a transaction was ordered."""

    kind: ChannelKind = ChannelKind.UNSPECIFIED
    branch: str = ""
    teller: str = ""
    terminal: str = ""
    device_id: str = ""
    network_address: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class AccountStatement:
    """The statement of an account that shows an entry; `number` 0 where it has none. Balances are
    negative where the account is overdrawn."""

    statement_id: str = ""
    number: int = 0
    opening_balance: Money | None = None
    closing_balance: Money | None = None


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Transaction:
    """A transaction with every element that is needed to reconstruct it.

    `booking_time` is aware and in UTC, to the microsecond; `time_zone` is the IANA name that says
    which day and year the booking belongs to. `corrects`, `reverses` and `vouchers` are full
    resource names. `sequence_number` counts the account's entries from 1, 0 where nobody counts;
    `balance_after` is negative where the account is overdrawn.
    """

    institution_reference: str = ""
    end_to_end_reference: str = ""
    booking_time: datetime
    time_zone: str = ""
    value_date: date | None = None
    amount: Money = Money()
    direction: Direction = Direction.UNSPECIFIED
    exchange: Exchange | None = None
    account: AccountParty = AccountParty()
    counterparty: AccountParty | None = None
    instrument: Instrument = Instrument.UNSPECIFIED
    channel: Channel = Channel()
    purpose_code: str = ""
    remittance_text: str = ""
    agent: RelatedPerson | None = None
    status: TransactionStatus = TransactionStatus.UNSPECIFIED
    corrects: str = ""
    reverses: str = ""
    vouchers: tuple[str, ...] = ()
    sequence_number: int = 0
    balance_after: Money | None = None
    statement: AccountStatement | None = None
