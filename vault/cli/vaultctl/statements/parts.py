"""What a statement of an account is made of, whatever format it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from vault.cli.vaultctl.proto_json import Problem


@dataclass(frozen=True, slots=True, repr=False)
class Side:
    """One side of an entry: the account's own, or the other."""

    account: str = ""
    name: str = ""
    bic: str = ""
    cnaps: str = ""
    institution_name: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Balance:
    """A balance on a day: below zero for a debit balance. `interim` is one between two pages of a
    statement, which neither begins nor ends it."""

    amount: Decimal
    currency: str
    day: date | None = None
    interim: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """Rate as text, units of the counter currency for one of the entry's; and the other amount."""

    rate: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Entry:
    """One booking on the account, which becomes one transaction.

    `amount` is never below zero; `credit` says which way the money went as the holder sees it.
    `booked` is a day where the statement knows no more. `code` is what the statement calls the
    kind of booking: `PMNT/RCDT/ESCT` of camt, `NTRF` of MT940. `counts` says whether it is part of
    the balances: what is pending or for information is not.
    """

    reference: str
    amount: Decimal
    currency: str
    credit: bool
    booked: date | datetime | None
    code: str = ""
    end_to_end: str = ""
    valued: date | None = None
    status: str = "BOOKED"
    reversal: bool = False
    other: Side | None = None
    exchange: Exchange | None = None
    purpose: str = ""
    remittance: str = ""
    instrument: str = ""
    channel: str = ""
    balance_after: Decimal | None = None
    """Of a CSV with a column of balances: the account's, behind the entry."""
    customer_number: str = ""
    """Of a CSV: whose the record is, where a column says it."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Of a CSV: further fields of a transaction, as ProtoJSON."""

    @property
    def signed(self) -> Decimal:
        """What it does to the balance."""
        return self.amount if self.credit else -self.amount

    @property
    def counts(self) -> bool:
        """Whether the balances of the statement know of it."""
        return self.status == "BOOKED"


@dataclass(frozen=True, slots=True, repr=False)
class Broken:
    """A place where an entry stands that cannot be understood: why, and its text.

    `signed` and `currency` are its amount where at least that is known; the sums of a statement
    with an amount that is not known cannot be checked.
    """

    problems: tuple[Problem, ...]
    text: str
    signed: Decimal | None = None
    currency: str = ""


@dataclass(slots=True, repr=False)
class Statement:
    """A statement as far as it has been read; formats give its parts in different order."""

    place: int
    """Which of the file's, from 1."""
    identification: str = ""
    own: Side = field(default_factory=Side)
    currency: str = ""
    number: int | None = None
    """Number of the statement among the account's, and the page of a statement in several."""
    page: int | None = None
    copy: str = ""
    """`DUPL`, `COPY` or `CODU` where the statement says that it is not the first of its kind."""
    opening: Balance | None = None
    closing: Balance | None = None
    balanced: bool = True
    """Whether it should have balances; a CSV without a column for them has none."""
    declared_entries: int | None = None
    """How many entries the statement itself says that it has, and their sum of credits less
    debits."""
    declared_net: Decimal | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Begins:
    """A statement begins; most of it is not known yet."""

    statement: Statement


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """An entry of a statement: its number in the file, its place in the statement from 1, and
    where in the file it ends, in bytes."""

    statement: Statement
    number: int
    place: int
    end: int
    entry: Entry | Broken


@dataclass(frozen=True, slots=True, repr=False)
class Ends:
    """A statement is whole. `cut` says that the file ended or began another before it did."""

    statement: Statement
    cut: bool = False


Part = Begins | Line | Ends
