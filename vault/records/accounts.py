"""Adds up an account: numbers without gaps, balances that follow from what was booked.

Entries come in order of booking. Those of one booking time are put in order of their numbers; where
they have none, their order is not known, and only the balance behind all of them is held against
what was booked. What is not booked (pending, rejected, for information) moves no balance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from vault.records.enums import Direction, TransactionStatus
from vault.records.number_ranges import NumberRanges
from vault.records.transaction import AccountStatement, Money, Transaction

_NANOS = 1_000_000_000


class FindingKind(StrEnum):
    """What is wrong in an account."""

    GAP = "GAP"
    DOUBLE = "DOUBLE"
    UNNUMBERED = "UNNUMBERED"
    ORDER = "ORDER"
    BALANCE = "BALANCE"
    STATEMENT_SUM = "STATEMENT_SUM"
    STATEMENT_GAP = "STATEMENT_GAP"
    STATEMENT_DOUBLE = "STATEMENT_DOUBLE"
    STATEMENT_CARRY = "STATEMENT_CARRY"


@dataclass(frozen=True, slots=True, repr=False)
class AccountFinding:
    """One fault: at an entry (`transaction`, its resource name) or in a statement. `first` and
    `last` are numbers that are missing, or the one that is double."""

    kind: FindingKind
    transaction: str = ""
    statement: str = ""
    first: int = 0
    last: int = 0
    expected: Money | None = None
    stated: Money | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AccountSum:
    """What the entries in one currency come to. Balances are None where no entry states one."""

    credits: Money
    debits: Money
    opening: Money | None
    closing: Money | None

    @property
    def balanced(self) -> bool:
        """Whether opening balance and entries come to the closing balance."""
        if self.opening is None or self.closing is None:
            return False
        return _nanos(self.opening) + _nanos(self.credits) - _nanos(self.debits) == _nanos(
            self.closing
        )


@dataclass(frozen=True, slots=True, repr=False)
class StatementSum:
    """A statement as its entries have it."""

    statement: AccountStatement
    entries: int
    movements: Money

    @property
    def balanced(self) -> bool:
        """Whether opening balance and movements come to the closing balance."""
        opening, closing = self.statement.opening_balance, self.statement.closing_balance
        if opening is None or closing is None:
            return False
        return _nanos(opening) + _nanos(self.movements) == _nanos(closing)


@dataclass(frozen=True, slots=True, repr=False)
class AccountReport:
    """What an account comes to. `first` and `last` are the least and the greatest number; 0 where
    no entry has one."""

    entries: int
    sums: tuple[AccountSum, ...]
    statements: tuple[StatementSum, ...]
    findings: tuple[AccountFinding, ...]
    first: int
    last: int


@dataclass(slots=True)
class _Currency:
    credits: int = 0
    debits: int = 0
    opening: int | None = None
    running: int | None = None


@dataclass(slots=True)
class _Statement:
    first: AccountStatement
    year: int
    currency: str
    entries: int = 0
    movements: int = 0
    differs: bool = False


class AccountSums:
    """Takes the entries of one account, and tells what they come to. `cut_before` and `cut_after`:
    whether entries before the first or behind the last may have been left out, so that the
    statement there need not be whole."""

    def __init__(self, *, cut_before: bool = False, cut_after: bool = False) -> None:
        self._cut_before, self._cut_after = cut_before, cut_after
        self._together: list[tuple[str, Transaction]] = []
        self._at: datetime | None = None
        self._numbers = NumberRanges()
        self._unnumbered: list[str] = []
        self._greatest = 0
        self._entries = 0
        self._sums: dict[str, _Currency] = {}
        self._statements: dict[str, _Statement] = {}
        self._findings: list[AccountFinding] = []

    def add(self, name: str, entry: Transaction) -> None:
        """The next entry in order of booking; `name` is its resource name."""
        if self._at is not None and entry.booking_time != self._at:
            self._flush()
        self._at = entry.booking_time
        self._together.append((name, entry))

    def report(self) -> AccountReport:
        """What there is to say once all entries have come."""
        self._flush()
        numbers = self._numbers
        findings = list(self._findings)
        if numbers.starts:
            findings += [AccountFinding(FindingKind.UNNUMBERED, name) for name in self._unnumbered]
            findings += [
                AccountFinding(FindingKind.GAP, first=first, last=last)
                for first, last in numbers.gaps()
            ]
        findings += self._of_statements()
        return AccountReport(
            self._entries,
            tuple(_sum(code, one) for code, one in sorted(self._sums.items())),
            tuple(
                StatementSum(one.first, one.entries, _money(one.currency, one.movements))
                for one in self._statements.values()
            ),
            tuple(findings),
            numbers.starts[0] if numbers.starts else 0,
            numbers.ends[-1] if numbers.ends else 0,
        )

    def _flush(self) -> None:
        together = sorted(self._together, key=lambda one: one[1].sequence_number or 1 << 63)
        self._together = []
        known = len(together) == 1 or all(entry.sequence_number for _, entry in together)
        for name, entry in together:
            self._entries += 1
            self._number(name, entry)
            self._statement(entry)
        booked = [one for one in together if one[1].status is TransactionStatus.BOOKED]
        if known:
            for one in booked:
                self._balance([one])
        else:
            for code in dict.fromkeys(entry.amount.currency for _, entry in booked):
                self._balance([one for one in booked if one[1].amount.currency == code])

    def _number(self, name: str, entry: Transaction) -> None:
        number = entry.sequence_number
        if not number:
            self._unnumbered.append(name)
            return
        if not self._numbers.add(number):
            self._findings.append(AccountFinding(FindingKind.DOUBLE, name, first=number))
        elif number < self._greatest:
            self._findings.append(AccountFinding(FindingKind.ORDER, name, first=number))
        self._greatest = max(self._greatest, number)

    def _balance(self, booked: list[tuple[str, Transaction]]) -> None:
        """Entries of one currency whose balance is that behind all of them; one of them has it."""
        code = booked[0][1].amount.currency
        one = self._sums.setdefault(code, _Currency())
        moved = sum(_signed(entry) for _, entry in booked)
        for _, entry in booked:
            if entry.direction is Direction.CREDIT:
                one.credits += _nanos(entry.amount)
            else:
                one.debits += _nanos(entry.amount)
        stated = [
            _nanos(entry.balance_after) for _, entry in booked if entry.balance_after is not None
        ]
        expected = None if one.running is None else one.running + moved
        if not stated:
            one.running = expected
            return
        if expected is None and len(booked) > 1:
            # Which of them is the last is not known.
            return
        reached = expected if expected in stated else stated[-1]
        if expected is not None and reached != expected:
            self._findings.append(
                AccountFinding(
                    FindingKind.BALANCE,
                    booked[-1][0],
                    expected=_money(code, expected),
                    stated=_money(code, reached),
                )
            )
        if one.opening is None:
            one.opening = reached - (one.credits - one.debits)
        one.running = reached

    def _statement(self, entry: Transaction) -> None:
        stated = entry.statement
        if stated is None:
            return
        one = self._statements.setdefault(
            stated.statement_id,
            _Statement(stated, entry.booking_time.year, entry.amount.currency),
        )
        one.entries += 1
        if entry.status is TransactionStatus.BOOKED:
            one.movements += _signed(entry)
        one.differs |= stated != one.first

    def _of_statements(self) -> Iterator[AccountFinding]:
        every = list(self._statements.values())
        for place, one in enumerate(every):
            cut = (place == 0 and self._cut_before) or (place == len(every) - 1 and self._cut_after)
            yield from _own(one, cut=cut)
        for earlier, later in pairwise(every):
            yield from _between(earlier, later)


def _own(one: _Statement, *, cut: bool) -> Iterator[AccountFinding]:
    stated = one.first
    if one.differs:
        yield AccountFinding(FindingKind.STATEMENT_DOUBLE, statement=stated.statement_id)
    opening, closing = stated.opening_balance, stated.closing_balance
    if cut or opening is None or closing is None:
        return
    reached = _nanos(opening) + one.movements
    if reached != _nanos(closing):
        yield AccountFinding(
            FindingKind.STATEMENT_SUM,
            statement=stated.statement_id,
            expected=_money(one.currency, reached),
            stated=closing,
        )


def _between(earlier: _Statement, later: _Statement) -> Iterator[AccountFinding]:
    before, after = earlier.first.number, later.first.number
    follows = True
    # Many institutions begin anew with each year.
    if before and after and not (after == 1 and later.year > earlier.year):
        follows = after == before + 1
        if after <= before:
            yield AccountFinding(
                FindingKind.STATEMENT_DOUBLE, statement=later.first.statement_id, first=after
            )
        elif not follows:
            yield AccountFinding(
                FindingKind.STATEMENT_GAP,
                statement=later.first.statement_id,
                first=before + 1,
                last=after - 1,
            )
    closing, opening = earlier.first.closing_balance, later.first.opening_balance
    if follows and closing is not None and opening is not None and closing != opening:
        yield AccountFinding(
            FindingKind.STATEMENT_CARRY,
            statement=later.first.statement_id,
            expected=closing,
            stated=opening,
        )


def check_account(entries: Iterable[tuple[str, Transaction]]) -> AccountReport:
    """The report of all entries of an account, in order of booking."""
    sums = AccountSums()
    for name, entry in entries:
        sums.add(name, entry)
    return sums.report()


def _sum(code: str, one: _Currency) -> AccountSum:
    opening = None if one.opening is None else _money(code, one.opening)
    closing = None if one.running is None else _money(code, one.running)
    return AccountSum(_money(code, one.credits), _money(code, one.debits), opening, closing)


def _signed(entry: Transaction) -> int:
    value = _nanos(entry.amount)
    return value if entry.direction is Direction.CREDIT else -value


def nanos_of(money: Money) -> int:
    """An amount in billionths of its currency's unit."""
    return money.units * _NANOS + money.nanos


_nanos = nanos_of


def _money(code: str, nanos: int) -> Money:
    units, rest = divmod(abs(nanos), _NANOS)
    return Money(code, -units, -rest) if nanos < 0 else Money(code, units, rest)
