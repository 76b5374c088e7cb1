"""What the transactions need to know of a customer: the little that is kept of each in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """An account with the bank: its number and currency."""

    number: str
    currency: str


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who acts for a company: name, and kind and number of the identity document."""

    name: str
    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """A customer as the holder of accounts.

    `card` is None for a company; `foreign` is an account in another currency. Monthly pay, rent and
    the like are in the smallest unit of the main account's currency.
    """

    customer_number: str
    name: str
    company: bool
    country: str
    time_zone: str
    branch: str
    bic: str
    cnaps: str
    bank: str
    main: Account
    card: str | None
    foreign: Account | None
    pay: int
    pay_day: int
    employer: str
    agent: Agent | None


# The demo bank's own codes in each country; 999 and RVLT belong to no bank.
BANKS = {
    "CN": "演示银行股份有限公司",
    "US": "Demo Bank N.A.",
}
_BANK_ELSEWHERE = "Demo Bank (Europe) SE"
CURRENCIES = {"CN": "CNY", "US": "USD", "GB": "GBP", "CH": "CHF", "SE": "SEK", "PL": "PLN"}


def bank_name(country: str) -> str:
    """Name of the demo bank's house in a country."""
    return BANKS.get(country, _BANK_ELSEWHERE)


def bank_bic(country: str) -> str:
    """BIC (ISO 9362) of the demo bank's house in a country; RVLT is no bank's code."""
    return f"RVLT{country}2A"


def currency_of(country: str) -> str:
    """Currency of a country."""
    return CURRENCIES.get(country, "EUR")
