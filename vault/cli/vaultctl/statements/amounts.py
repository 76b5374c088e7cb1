"""Amounts as statements write them: exact decimals, never floats."""

from __future__ import annotations

import re
from decimal import Decimal

from google.type.money_pb2 import Money

from vault.cli.vaultctl.proto_json import Problem, Refused

_PLAIN = re.compile(r"\+?[0-9]{1,18}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}")
_NANOS = 9
_BILLION = Decimal(10) ** _NANOS
NOT_EXACT = ("is no amount in digits", "不是数字金额")


def plain(text: str) -> Decimal | None:
    """An amount with a point, not below zero (ISO 20022: up to 18 digits); None if it is none."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def money(amount: Decimal, currency: str, field: str) -> Money:
    """The amount of the contract, or a balance, below zero in both parts where it is overdrawn.

    Raises Refused for more than nine decimals or 18 digits.
    """
    scaled = amount * _BILLION
    if scaled != scaled.to_integral_value() or abs(amount) >= Decimal(10) ** 18:
        raise Refused(Problem(field, *NOT_EXACT))
    units, nanos = divmod(int(abs(scaled)), int(_BILLION))
    sign = -1 if amount < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * nanos)


def shown(amount: Decimal) -> str:
    """An amount for people and for JSON: no exponent, no trailing zeros behind two decimals."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"
