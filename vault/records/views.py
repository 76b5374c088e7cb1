"""Masked views, as `recordsvault.masked.v1`, without name, version and time of the row.

A `MaskedValue` is a type of its own, so that what is shown cannot be taken for data.
"""

from dataclasses import dataclass
from datetime import date, datetime

from vault.records.enums import (
    ChannelKind,
    CustomerKind,
    Direction,
    DocumentKind,
    Instrument,
    MaskState,
    TransactionStatus,
)


@dataclass(frozen=True, slots=True, repr=False)
class MaskedValue:
    """A value as a view shows it; `value` is "" unless the state is CLEAR or MASKED."""

    state: MaskState = MaskState.ABSENT
    value: str = ""


ABSENT = MaskedValue(MaskState.ABSENT)
WITHHELD = MaskedValue(MaskState.WITHHELD)
SHREDDED = MaskedValue(MaskState.SHREDDED)


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class MaskedCustomer:
    """A customer as a front end may see it."""

    kind: CustomerKind = CustomerKind.UNSPECIFIED
    branch: str = ""
    full_name: MaskedValue = ABSENT
    other_name: MaskedValue = ABSENT
    sex: MaskedValue = ABSENT
    country: MaskedValue = ABSENT
    age_band: MaskedValue = ABSENT
    occupation: MaskedValue = ABSENT
    identity_kind: DocumentKind = DocumentKind.UNSPECIFIED
    identity_number: MaskedValue = ABSENT
    identity_expiry: date | None = None
    phones: tuple[MaskedValue, ...] = ()
    emails: tuple[MaskedValue, ...] = ()
    addresses: tuple[MaskedValue, ...] = ()
    accounts: tuple[MaskedValue, ...] = ()
    customer_number: MaskedValue = ABSENT


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class MaskedDocument:
    """An identity document as a front end may see it."""

    kind: DocumentKind = DocumentKind.UNSPECIFIED
    number: MaskedValue = ABSENT
    holder_name: MaskedValue = ABSENT
    issuer: MaskedValue = ABSENT
    issuing_country: str = ""
    expiry_date: date | None = None
    long_term: bool = False
    machine_readable_zone: MaskedValue = ABSENT


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class MaskedTransaction:
    """A transaction as a front end may see it; `booking_time` is aware, in UTC."""

    booking_time: datetime
    time_zone: str = ""
    value_date: date | None = None
    amount: MaskedValue = ABSENT
    direction: Direction = Direction.UNSPECIFIED
    account: MaskedValue = ABSENT
    counterparty_name: MaskedValue = ABSENT
    counterparty_account: MaskedValue = ABSENT
    counterparty_institution: MaskedValue = ABSENT
    instrument: Instrument = Instrument.UNSPECIFIED
    channel: ChannelKind = ChannelKind.UNSPECIFIED
    remittance_text: MaskedValue = ABSENT
    institution_reference: MaskedValue = ABSENT
    status: TransactionStatus = TransactionStatus.UNSPECIFIED
    device: MaskedValue = ABSENT
    corrects: str = ""
    reverses: str = ""
