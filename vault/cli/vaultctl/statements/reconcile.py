"""Whether statements add up: opening + movements = closing, each statement on from the one before.

Made of the whole file before anything of it is stored, in memory that does not grow with it: of
statements that are in order, only counts are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Final

from vault.cli.vaultctl.statements.parts import Begins, Broken, Ends, Line, Part, Statement

_SHOWN: Final = 200
"""Findings that are listed; more are only counted."""
_REMEMBERED: Final = 100_000
"""Accounts whose last statement is known, to hold the next one to it."""


class Fault(str, Enum):
    """What can be wrong with a statement."""

    SUM = "SUM"
    AMOUNT_UNKNOWN = "AMOUNT_UNKNOWN"
    NO_BALANCE = "NO_BALANCE"
    CUT = "CUT"
    COUNT = "COUNT"
    DECLARED_SUM = "DECLARED_SUM"
    CONTINUITY = "CONTINUITY"
    GAP = "GAP"
    DOUBLE = "DOUBLE"
    CURRENCY = "CURRENCY"


TELLS: Final[dict[Fault, tuple[str, str]]] = {
    Fault.SUM: ("opening and movements do not make the closing balance", "期初加发生额不等于期末"),
    Fault.AMOUNT_UNKNOWN: ("an amount cannot be read", "有金额无法读取"),
    Fault.NO_BALANCE: ("has no opening or no closing balance", "缺少期初或期末余额"),
    Fault.CUT: ("ends before its end", "对账单不完整"),
    Fault.COUNT: ("has not as many entries as it says", "分录数与所声明的不符"),
    Fault.DECLARED_SUM: ("its entries are not the sums that it says", "分录合计与所声明的不符"),
    Fault.CONTINUITY: (
        "does not begin with the balance that the one before ended with",
        "期初余额与上一对账单期末不符",
    ),
    Fault.GAP: ("numbers of the account's statements are missing before it", "之前缺少对账单编号"),
    Fault.DOUBLE: ("its number was there before", "对账单编号重复"),
    Fault.CURRENCY: ("has entries in another currency than its balances", "分录币种与余额不符"),
}
# What makes a statement one whose sums are not proved; the others are for a person to look at.
_UNPROVED: Final = frozenset(
    (Fault.SUM, Fault.AMOUNT_UNKNOWN, Fault.NO_BALANCE, Fault.CUT, Fault.COUNT, Fault.DECLARED_SUM)
) | {Fault.CURRENCY}


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement with something wrong: which one, by its place in the file, its number, and the
    end of its account. Not by its identifier: many banks put the whole account into that."""

    place: int
    number: int | None
    account_end: str
    faults: tuple[Fault, ...]
    difference: Decimal | None = None
    currency: str = ""


@dataclass(slots=True)
class Reconciliation:
    """What the statements of a file come to."""

    statements: int = 0
    proved: int = 0
    """Statements whose opening balance and movements make the closing one."""
    entries: int = 0
    broken: int = 0
    reversals: int = 0
    not_booked: int = 0
    findings: list[Finding] = field(default_factory=list)
    unlisted: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether nothing is wrong with any statement."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """List a finding, or count it."""
        if len(self.findings) < _SHOWN:
            self.findings.append(finding)
        else:
            self.unlisted += 1


@dataclass(slots=True)
class _Open:
    statement: Statement
    net: Decimal = Decimal(0)
    everything: Decimal = Decimal(0)
    last_number: int = -1
    entries: int = 0
    known: bool = True
    all_known: bool = True
    foreign: bool = False
    currency: str = ""


@dataclass(frozen=True, slots=True)
class _Last:
    number: int | None
    page: int | None
    closing: Decimal | None


class Reconciler:
    """Takes the parts of a file one after the other."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.result = Reconciliation()
        self._open: _Open | None = None
        self._last: OrderedDict[tuple[str, str], _Last] = OrderedDict()

    def take(self, part: Part) -> None:
        """Take the next part."""
        if isinstance(part, Line):
            self._line(part)
        elif isinstance(part, Begins):
            self._open = _Open(part.statement)
        else:
            self._end(part)

    def _line(self, line: Line) -> None:
        open_, entry = self._open, line.entry
        if open_ is None:
            return
        self.result.entries += 1
        if line.number != open_.last_number:
            open_.last_number = line.number
            open_.entries += 1
        if isinstance(entry, Broken):
            self.result.broken += 1
            open_.all_known = False
            if entry.signed is None:
                open_.known = False
            else:
                open_.net += entry.signed
            return
        self.result.reversals += entry.reversal
        open_.everything += entry.signed
        open_.currency = open_.currency or entry.currency
        if entry.counts:
            open_.net += entry.signed
            open_.foreign = open_.foreign or entry.currency != open_.currency
        else:
            self.result.not_booked += 1

    def _end(self, ends: Ends) -> None:
        open_, self._open = self._open, None
        if open_ is None:
            return
        self.result.statements += 1
        statement = open_.statement
        faults, difference = self._sums(open_, ends.cut)
        balanced = statement.opening is not None and statement.closing is not None
        if balanced and not _UNPROVED & set(faults):
            self.result.proved += 1
        faults += self._order(statement)
        if faults:
            self.result.add(
                Finding(
                    statement.place,
                    statement.number,
                    statement.own.account[-4:],
                    tuple(faults),
                    difference,
                    statement.currency or open_.currency,
                )
            )

    @staticmethod
    def _sums(open_: _Open, cut: bool) -> tuple[list[Fault], Decimal | None]:
        statement = open_.statement
        faults = [Fault.CUT] if cut else []
        difference: Decimal | None = None
        opening, closing = statement.opening, statement.closing
        if opening is None or closing is None:
            faults += [Fault.NO_BALANCE] if statement.balanced else []
        else:
            currencies = {opening.currency, closing.currency} - {""}
            if open_.entries and open_.currency:
                currencies.add(open_.currency)
            if open_.foreign or len(currencies) > 1:
                faults.append(Fault.CURRENCY)
            elif open_.known:
                difference = closing.amount - opening.amount - open_.net
                if difference:
                    faults.append(Fault.SUM)
                else:
                    difference = None
        if not open_.known:
            faults.append(Fault.AMOUNT_UNKNOWN)
        declared = statement.declared_entries
        if declared is not None and declared != open_.entries:
            faults.append(Fault.COUNT)
        net = statement.declared_net
        if net is not None and open_.all_known and net != open_.everything:
            faults.append(Fault.DECLARED_SUM)
        return faults, difference

    def _order(self, statement: Statement) -> list[Fault]:
        """Hold it to the account's statement before it in the file."""
        if not statement.own.account:
            return []
        key = (statement.own.account, statement.currency)
        before = self._last.pop(key, None)
        closing = statement.closing.amount if statement.closing is not None else None
        self._last[key] = _Last(statement.number, statement.page, closing)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        if before is None:
            return []
        faults = []
        opening = statement.opening
        if opening is not None and before.closing not in (None, opening.amount):
            faults.append(Fault.CONTINUITY)
        if statement.number is not None and before.number is not None:
            step = statement.number - before.number
            turned = statement.number == 1 and step < 0
            paged = step == 0 and (statement.page or 0) > (before.page or 0)
            if step == 0 and not paged:
                faults.append(Fault.DOUBLE)
            elif step > 1 or (step < 0 and not turned):
                faults.append(Fault.GAP)
        return faults
