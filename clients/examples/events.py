"""What happens at a bank on a day: what is due, and what people do."""

import datetime
from collections import deque
from collections.abc import Callable, Sequence

from clients.examples import channels, counterparts
from clients.examples.dice import Dice
from clients.examples.holders import AccountHolder
from clients.examples.ledger import FOREIGN, Booking, own_side
from clients.examples.shapes import Record

_QUARTER_ENDS = (3, 6, 9, 12)
# Seconds of a day.
_MORNING, _AFTERNOON, _EVENING, _NIGHT = 9 * 3600, 17 * 3600, 22 * 3600, 23 * 3600 + 1800


class Events:
    """Makes the bookings of a day. Keeps a few recent fees and purchases that may be given back."""

    def __init__(self, dice: Dice, holders: Sequence[AccountHolder]) -> None:
        self._dice = dice
        self._holders = holders
        self._people = [holder for holder in holders if not holder.company]
        self._companies = [holder for holder in holders if holder.company]
        # Who can pay one another: the same currency, and the same clock for the two bookings.
        self._neighbours: dict[tuple[str, str], list[AccountHolder]] = {}
        for holder in holders:
            place = (holder.main.currency, holder.time_zone)
            self._neighbours.setdefault(place, []).append(holder)
        self._foreign = [holder for holder in holders if holder.foreign]
        self._paid: dict[int, list[AccountHolder]] = {}
        for holder in self._people:
            self._paid.setdefault(holder.pay_day, []).append(holder)
        self._turn: dict[str, int] = {}
        # Who pays a customer's salary and takes the rent stays the same from month to month.
        self._employers: dict[str, Record] = {}
        self._landlords: dict[str, Record] = {}
        self._fees: deque[Booking] = deque(maxlen=200)
        self._purchases: deque[Booking] = deque(maxlen=200)
        self._kinds: tuple[Callable[[], list[Booking]], ...] = (
            *([self._purchase] * 46), *([self._transfer] * 8), *([self._outside] * 9),
            *([self._cash] * 9), *([self._utility] * 6), *([self._supplier] * 8),
            *([self._foreign_exchange] * 3), *([self._abroad] * 3), *([self._fee] * 3),
            *([self._fee_reversal] * 1), *([self._refund] * 2), *([self._deposit] * 2),
        )  # fmt: skip

    def scheduled(self, day: datetime.date, room: int) -> list[Booking]:
        """Salaries on pay days, rents in the first days of a month, interest at quarters' ends."""
        bookings: list[Booking] = []
        if room <= 0:
            return bookings
        if day.day in self._paid:
            due = self._next(f"pay {day.day}", self._paid[day.day], room)
            bookings += [self._salary(holder) for holder in due]
        elif day.day <= 3:
            bookings += [self._rent(holder) for holder in self._next("rent", self._people, room)]
        elif day.day == 21 and day.month in _QUARTER_ENDS:
            due = self._next("interest", self._holders, room)
            bookings += [self._interest(holder) for holder in due]
        return bookings

    def ordinary(self, day: datetime.date, *, pair: bool) -> list[Booking]:
        """Something that happens on any day: one booking, or two where `pair` allows it."""
        kind = self._dice.pick(self._kinds)
        if kind == self._transfer and not pair:
            kind = self._purchase
        bookings = kind()
        # On a Saturday or Sunday money counts from Monday on.
        for booking in bookings:
            if day.weekday() >= 5 and booking.instrument == "CREDIT_TRANSFER":
                booking.value_days = 7 - day.weekday()
        return bookings

    def _next(self, what: str, holders: Sequence[AccountHolder], room: int) -> list[AccountHolder]:
        """The next ones in turn, so that nobody is paid twice before all have been paid."""
        start, size = self._turn.get(what, 0), min(room, len(holders))
        self._turn[what] = (start + size) % len(holders) if holders else 0
        return [holders[(start + index) % len(holders)] for index in range(size)]

    def _reference(self) -> str:
        return f"E{self._dice.below(10**14):014}"

    def _salary(self, holder: AccountHolder) -> Booking:
        text = "工资" if holder.country == "CN" else "Salary"
        payer = self._employers.get(holder.customer_number)
        if payer is None:
            payer = counterparts.employer(self._dice, holder)
            self._employers[holder.customer_number] = payer
        return Booking(
            holder, 9 * 3600 + self._dice.below(3600), holder.pay, "CREDIT", "CREDIT_TRANSFER",
            channels.system(self._dice), "SALA", text,
            payer, self._reference(),
        )  # fmt: skip

    def _rent(self, holder: AccountHolder) -> Booking:
        text = "房租" if holder.country == "CN" else "Rent"
        landlord = self._landlords.get(holder.customer_number)
        if landlord is None:
            landlord = counterparts.stranger(self._dice, holder.country)
            self._landlords[holder.customer_number] = landlord
        amount = holder.pay * self._dice.between(22, 38) // 100
        return Booking(
            holder, 0, amount, "DEBIT", "CREDIT_TRANSFER", channels.online(self._dice), "RENT",
            text, landlord, self._reference(),
        )  # fmt: skip

    def _interest(self, holder: AccountHolder) -> Booking:
        text = "结息" if holder.country == "CN" else "Interest"
        amount = self._dice.skewed(3, 9_000)
        return Booking(
            holder, _NIGHT, amount, "CREDIT", "ENTRY", channels.INTERNAL, "INTE", text,
            counterparts.bank(holder),
        )  # fmt: skip

    def _purchase(self) -> list[Booking]:
        dice, holder = self._dice, self._dice.pick(self._people)
        amount = dice.skewed(180, 260_000 if holder.country == "CN" else 60_000)
        party, text = counterparts.merchant(dice, holder.country)
        shop = channels.terminal(dice) if dice.chance(0.6) else channels.online(dice)
        booking = Booking(
            holder, 0, amount, "DEBIT", "CARD", shop, "GDDS", text, party, self._reference(),
            account=holder.card or holder.main.number,
        )  # fmt: skip
        roll = dice.below(100)
        if roll < 3:
            booking.foreign = dice.pick(FOREIGN[holder.main.currency])
        elif roll < 5:
            booking.status = "PENDING"
        elif roll == 5:
            booking.status = "REJECTED"
        if booking.status == "BOOKED" and not booking.foreign and roll > 90:
            self._purchases.append(booking)
        return [booking]

    def _transfer(self) -> list[Booking]:
        """From one customer to another: both sides, seconds apart, with one reference."""
        dice, payer = self._dice, self._dice.pick(self._holders)
        payee = dice.pick(self._neighbours[payer.main.currency, payer.time_zone])
        if payee is payer:
            return self._purchase()
        amount, reference = dice.skewed(1_000, 3_000_000), self._reference()
        text = counterparts.transfer_text(dice, payer)
        second, channel = dice.between(_MORNING, _EVENING), channels.online(dice)
        debit = Booking(
            payer, second, amount, "DEBIT", "CREDIT_TRANSFER", channel, "", text,
            own_side(payee, payee.main.number), reference,
        )  # fmt: skip
        credit = Booking(
            payee, second + 1, amount, "CREDIT", "CREDIT_TRANSFER", channels.INTERNAL, "", text,
            own_side(payer, payer.main.number), reference,
        )  # fmt: skip
        return [debit, credit]

    def _outside(self) -> list[Booking]:
        """To or from an account at another bank of the same country."""
        dice, holder = self._dice, self._dice.pick(self._people)
        direction = "CREDIT" if dice.chance(0.45) else "DEBIT"
        channel = channels.system(dice) if direction == "CREDIT" else channels.online(dice)
        return [Booking(
            holder, 0, dice.skewed(2_000, 2_000_000), direction, "CREDIT_TRANSFER", channel, "",
            counterparts.transfer_text(dice, holder), counterparts.stranger(dice, holder.country),
            self._reference(),
        )]  # fmt: skip

    def _cash(self) -> list[Booking]:
        """Notes from a machine."""
        dice, holder = self._dice, self._dice.pick(self._people)
        note = 10_000 if holder.country == "CN" else 2_000
        text = "ATM取现" if holder.country == "CN" else "Cash withdrawal"
        return [Booking(
            holder, 0, note * dice.between(1, 25), "DEBIT", "CASH", channels.machine(dice, holder),
            "CDCD", text, counterparts.bank(holder), account=holder.card or holder.main.number,
        )]  # fmt: skip

    def _deposit(self) -> list[Booking]:
        """Takings that a company's agent pays in at the counter."""
        dice = self._dice
        holder = dice.pick(self._companies or self._people)
        text = "现金存入" if holder.country == "CN" else "Cash deposit"
        return [Booking(
            holder, dice.between(_MORNING, _AFTERNOON), 100 * dice.skewed(500, 200_000), "CREDIT",
            "CASH", channels.branch(dice, holder), "", text, counterparts.bank(holder), agent=True,
        )]  # fmt: skip

    def _utility(self) -> list[Booking]:
        dice, holder = self._dice, self._dice.pick(self._people)
        party, purpose, text = counterparts.utility(dice, holder.country)
        return [Booking(
            holder, 0, dice.skewed(1_500, 90_000), "DEBIT", "DIRECT_DEBIT", channels.system(dice),
            purpose, text, party, self._reference(),
        )]  # fmt: skip

    def _supplier(self) -> list[Booking]:
        dice = self._dice
        holder = dice.pick(self._companies or self._people)
        direction = "CREDIT" if dice.chance(0.5) else "DEBIT"
        amount = dice.skewed(50_000, 2 * holder.pay + 100_000)
        number = f"INV-{dice.digits(6)}"
        text = f"货款 {number}" if holder.country == "CN" else f"Invoice {number}"
        return [Booking(
            holder, dice.between(_MORNING, _AFTERNOON), amount, direction, "CREDIT_TRANSFER",
            channels.system(dice), "SUPP", text, counterparts.firm(dice, holder.country),
            self._reference(),
        )]  # fmt: skip

    def _foreign_exchange(self) -> list[Booking]:
        """Own money bought into the customer's account in another currency."""
        dice = self._dice
        holder = dice.pick(self._foreign or self._people)
        options = FOREIGN[holder.main.currency]
        foreign = holder.foreign.currency if holder.foreign else dice.pick(options)
        if foreign not in options:
            return self._purchase()
        target = holder.foreign.number if holder.foreign else holder.main.number
        text = "购汇" if holder.country == "CN" else f"Purchase of {foreign}"
        channel = channels.branch(dice, holder) if dice.chance(0.3) else channels.online(dice)
        return [Booking(
            holder, dice.between(_MORNING, _AFTERNOON), dice.skewed(20_000, 3_000_000), "DEBIT",
            "ENTRY", channel, "FREX", text, own_side(holder, target), self._reference(),
            foreign=foreign,
        )]  # fmt: skip

    def _abroad(self) -> list[Booking]:
        """To an account in another country, in its currency."""
        dice, holder = self._dice, self._dice.pick(self._holders)
        party, currency = counterparts.abroad(dice, holder.country)
        foreign = currency if currency in FOREIGN[holder.main.currency] else ""
        text = "境外汇款 留学费用" if holder.country == "CN" else "Payment abroad"
        return [Booking(
            holder, dice.between(_MORNING, _AFTERNOON), dice.skewed(50_000, 5_000_000), "DEBIT",
            "CREDIT_TRANSFER", channels.online(dice), "", text, party, self._reference(),
            foreign=foreign, agent=holder.company and dice.chance(0.3), value_days=2,
        )]  # fmt: skip

    def _fee(self) -> list[Booking]:
        dice, holder = self._dice, self._dice.pick(self._holders)
        text = "账户管理费" if holder.country == "CN" else "Account fee"
        booking = Booking(
            holder, _NIGHT, dice.pick((500, 1_000, 1_200, 2_500)), "DEBIT", "ENTRY",
            channels.INTERNAL, "FEES", text, counterparts.bank(holder),
        )  # fmt: skip
        self._fees.append(booking)
        return [booking]

    def _fee_reversal(self) -> list[Booking]:
        """A fee of some days ago given back, as an entry of its own."""
        if not self._fees:
            return self._purchase()
        fee = self._fees.popleft()
        text = "账户管理费冲正" if fee.holder.country == "CN" else "Reversal of account fee"
        return [Booking(
            fee.holder, _NIGHT, fee.amount, "CREDIT", "ENTRY", channels.INTERNAL, "FEES", text,
            counterparts.bank(fee.holder),
        )]  # fmt: skip

    def _refund(self) -> list[Booking]:
        """A purchase of some days ago given back by the merchant, with the purchase's reference."""
        if not self._purchases:
            return self._purchase()
        bought = self._purchases.popleft()
        text = f"退款 {bought.text}" if bought.holder.country == "CN" else f"Refund {bought.text}"
        return [Booking(
            bought.holder, 0, bought.amount, "CREDIT", "CARD", bought.channel, "", text,
            bought.counterparty, bought.end_to_end, account=bought.account,
        )]  # fmt: skip
