"""Sums of money by currency, credits and debits apart: what was read and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

Weight = tuple[str, Decimal]
"""Currency of a row and what it does to its account's balance; no row of another kind has one."""

_NONE = (Decimal(0), Decimal(0))


@dataclass(slots=True)
class Sums:
    """Credits and debits by currency."""

    by_currency: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def add(self, weight: Weight | None) -> None:
        """Add a row."""
        if weight is None:
            return
        currency, signed = weight
        credit, debit = self.by_currency.get(currency, _NONE)
        if signed >= 0:
            self.by_currency[currency] = (credit + signed, debit)
        else:
            self.by_currency[currency] = (credit, debit - signed)

    def merge(self, other: Sums, sign: int = 1) -> None:
        """Add other sums, or with -1 take them away."""
        for currency, (credit, debit) in other.by_currency.items():
            mine = self.by_currency.get(currency, _NONE)
            self.by_currency[currency] = (mine[0] + sign * credit, mine[1] + sign * debit)

    def plain(self) -> dict[str, list[str]]:
        """For a state file."""
        return {
            currency: [f"{credit:f}", f"{debit:f}"]
            for currency, (credit, debit) in self.by_currency.items()
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Sums:
        """From a state file. Raises ValueError."""
        try:
            return cls({name: (Decimal(c), Decimal(d)) for name, (c, d) in plain.items()})
        except (InvalidOperation, TypeError):
            raise ValueError("no sums") from None
