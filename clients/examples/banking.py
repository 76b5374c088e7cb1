"""Two and a half years of banking, day by day.

Memory holds the account holders and one day; how many transactions there are does not matter to
it. A transfer between two customers of the bank is two transactions with one end-to-end reference.
"""

import datetime
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from clients.examples.dice import Dice
from clients.examples.events import Events
from clients.examples.holders import AccountHolder
from clients.examples.ledger import Booking, item
from clients.examples.shapes import Record

FIRST_DAY = datetime.date(2024, 1, 1)
# Far enough back that a clock which is some months slow does not find it in the future.
LAST_DAY = datetime.date(2026, 6, 30)
# Seconds of a day in which no clock is turned back or forward anywhere here.
_OPEN, _CLOSE = 5 * 3600, 24 * 3600 - 1


def transactions(seed: int, count: int, holders: Sequence[AccountHolder]) -> Iterator[Record]:
    """The import items of all transactions, day by day and in order of booking within a day."""
    dice = Dice(seed, "transactions")
    events = Events(dice, holders)
    zones = {holder.time_zone: ZoneInfo(holder.time_zone) for holder in holders}
    days = [
        FIRST_DAY + datetime.timedelta(days=index)
        for index in range((LAST_DAY - FIRST_DAY).days + 1)
    ]
    # Weekends are quieter; what is due to a day is what keeps the running total at its share.
    weights = [2 if day.weekday() >= 5 else 3 for day in days]
    whole, passed, made = sum(weights), 0, 0
    for day, weight in zip(days, weights, strict=True):
        passed += weight
        quota = count * passed // whole - made
        booked = [
            (_instant(dice, booking, day, zones[booking.holder.time_zone]), booking)
            for booking in _day(events, day, quota)
        ]
        booked.sort(key=lambda pair: pair[0])
        for instant, booking in booked:
            made += 1
            yield item(dice, booking, made, instant, day)


def _day(events: Events, day: datetime.date, quota: int) -> list[Booking]:
    bookings = events.scheduled(day, quota * 2 // 5)
    while len(bookings) < quota:
        room = quota - len(bookings)
        bookings += events.ordinary(day, pair=room >= 2)
    return bookings


def _instant(dice: Dice, booking: Booking, day: datetime.date, zone: ZoneInfo) -> datetime.datetime:
    second = booking.second or dice.between(_OPEN, _CLOSE)
    booking.second = second
    local = datetime.datetime(
        day.year, day.month, day.day, second // 3600, second // 60 % 60, second % 60,
        dice.below(1000) * 1000, zone,
    )  # fmt: skip
    return local.astimezone(datetime.UTC)
