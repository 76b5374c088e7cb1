"""Shapes that the modules here share: a record as JSON takes it, a date, a sum of money."""

import datetime
from typing import TypeAlias

# A message in ProtoJSON form: snake_case names, enums by name, 64-bit numbers as text.
Record: TypeAlias = dict[str, object]

# Places after the decimal point (ISO 4217) of the currencies used here.
DECIMALS = {
    "CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "SEK": 2, "PLN": 2, "HKD": 2, "JPY": 0,
}  # fmt: skip


def date_of(day: datetime.date) -> Record:
    """`google.type.Date` of a day."""
    return {"year": day.year, "month": day.month, "day": day.day}


def money_of(currency: str, minor: int) -> Record:
    """`google.type.Money` of an amount in the currency's smallest unit; never negative."""
    places = DECIMALS[currency]
    units, rest = divmod(minor, 10**places)
    return {"currency_code": currency, "units": str(units), "nanos": rest * 10 ** (9 - places)}


def years_later(day: datetime.date, years: int) -> datetime.date:
    """The same day some years later; 28 February for a leap day."""
    if day.month == 2 and day.day == 29:
        day = day.replace(day=28)
    return day.replace(year=day.year + years)
