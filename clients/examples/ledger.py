"""Building one transaction as an import item: amounts, exchange, both sides, channel."""

import datetime
from dataclasses import dataclass

from clients.examples.dice import Dice
from clients.examples.holders import AccountHolder
from clients.examples.shapes import DECIMALS, Record, date_of, money_of

# Smallest units of the counter currency for a million of the amount's, before the day's movement;
# about as they stood in 2025.
_RATES = {
    ("CNY", "USD"): 139_200, ("CNY", "EUR"): 121_400, ("CNY", "GBP"): 104_800,
    ("CNY", "JPY"): 20_510_000, ("CNY", "HKD"): 1_086_000,
    ("USD", "EUR"): 872_300, ("USD", "GBP"): 752_900, ("USD", "JPY"): 147_350_000,
    ("EUR", "USD"): 1_146_400, ("EUR", "GBP"): 863_100, ("EUR", "CHF"): 936_200,
    ("GBP", "EUR"): 1_158_600, ("GBP", "USD"): 1_328_200,
    ("CHF", "EUR"): 1_068_100, ("SEK", "EUR"): 90_140, ("PLN", "EUR"): 234_700,
}  # fmt: skip
FOREIGN = {
    currency: tuple(other for base, other in _RATES if base == currency)
    for currency in dict.fromkeys(base for base, _ in _RATES)
}


@dataclass(slots=True)
class Booking:
    """What tells one transaction from another; everything else follows from the holder.

    `second` is the second of the holder's own day; `amount` is in the currency's smallest unit.
    """

    holder: AccountHolder
    second: int
    amount: int
    direction: str
    instrument: str
    channel: Record
    purpose: str
    text: str
    counterparty: Record
    end_to_end: str = ""
    foreign: str = ""
    status: str = "BOOKED"
    agent: bool = False
    account: str = ""
    currency: str = ""
    value_days: int = 0


def exchange(dice: Dice, base: str, other: str, amount: int) -> Record:
    """`Exchange` of an amount: rate with six decimals, counter amount rounded half up."""
    rate = _RATES[base, other]
    rate += rate * dice.between(-300, 300) // 10_000
    scale = 1_000_000 * 10 ** DECIMALS[base]
    counter = (2 * amount * rate * 10 ** DECIMALS[other] + scale) // (2 * scale)
    whole, rest = divmod(rate, 1_000_000)
    return {"rate": f"{whole}.{rest:06}", "counter_amount": money_of(other, counter)}


def own_side(holder: AccountHolder, account: str) -> Record:
    """`AccountParty` of a customer of the bank."""
    party: Record = {"account": account, "name": holder.name, "bic": holder.bic}
    if holder.cnaps:
        party["cnaps"] = holder.cnaps
    return {**party, "institution_name": holder.bank, "country": holder.country}


def item(
    dice: Dice, booking: Booking, number: int, instant: datetime.datetime, day: datetime.date
) -> Record:
    """The import item of a booking: the `number`th transaction, booked at an instant (UTC) that
    is on a day of the holder's.
    """
    holder = booking.holder
    currency = booking.currency or holder.main.currency
    transaction: Record = {"institution_reference": f"T{day:%Y%m%d}{number:09}"}
    if booking.end_to_end:
        transaction["end_to_end_reference"] = booking.end_to_end
    value = day + datetime.timedelta(days=booking.value_days)
    transaction |= {
        "booking_time": f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z",
        "time_zone": holder.time_zone,
        "value_date": date_of(value),
        "amount": money_of(currency, booking.amount),
        "direction": f"DIRECTION_{booking.direction}",
    }
    if booking.foreign:
        transaction["exchange"] = exchange(dice, currency, booking.foreign, booking.amount)
    transaction["account"] = own_side(holder, booking.account or holder.main.number)
    transaction["counterparty"] = booking.counterparty
    transaction["instrument"] = f"INSTRUMENT_{booking.instrument}"
    transaction["channel"] = booking.channel
    if booking.purpose:
        transaction["purpose_code"] = booking.purpose
    transaction["remittance_text"] = booking.text
    if booking.agent and holder.agent is not None:
        identity = {"kind": holder.agent.kind, "number": holder.agent.number}
        identity["issuing_country"] = holder.country
        transaction["agent"] = {"full_name": holder.agent.name, "identity": identity}
    transaction["status"] = f"TRANSACTION_STATUS_{booking.status}"
    return {"customer_number": holder.customer_number, "transaction": transaction}
