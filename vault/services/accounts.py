"""Searches a customer's transactions, and adds up his accounts.

Nothing of what is searched for is in an index: transactions are opened page by page and looked
through in memory, a bounded number a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from vault.access import ActionClass
from vault.records import Money, Transaction
from vault.records.accounts import AccountReport, AccountSums, nanos_of
from vault.services import sealer
from vault.services.call import Call
from vault.services.kin_files import KinFiles, in_order
from vault.services.opening import Opened
from vault.services.period import Period
from vault.services.reading import Reading

MOST: Final = 2_000
"""Transactions that one search looks through; where next to none is found, a page is short."""
_WINDOW: Final = 200


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """Which transactions: all conditions hold at once, an empty one does not limit. Texts are found
    anywhere, whatever their case; an amount is one of its own currency alone."""

    least: Money | None = None
    greatest: Money | None = None
    counterparty: str = ""
    reference: str = ""
    account: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the fields that it is found by."""
        found: list[str] = []
        if self.least is not None or self.greatest is not None:
            found.append("amount")
        if self.counterparty:
            found += ["counterparty.name", "counterparty.account"]
        if self.reference:
            found += ["institution_reference", "end_to_end_reference", "remittance_text"]
        if self.account:
            found.append("account.account")
        return tuple(found)

    def accepts(self, booked: Transaction) -> bool:
        """Whether it is one of them."""
        other = booked.counterparty
        return (
            _at_least(booked.amount, self.least)
            and _at_least(self.greatest, booked.amount)
            and (not self.account or booked.account.account == self.account)
            and (
                not self.counterparty
                or (other is not None and _within(self.counterparty, other.name, other.account))
            )
            and (
                not self.reference
                or _within(
                    self.reference,
                    booked.institution_reference,
                    booked.end_to_end_reference,
                    booked.remittance_text,
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found. `further` is where to go on, empty at the end."""

    opened: list[Opened]
    looked_at: int
    further: str


class Accounts:
    """The use cases. Raises what reading transactions raises."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def search(
        self,
        call: Call,
        institution: str,
        customer: str,
        wanted: Wanted,
        period: Period,
        after: str,
        limit: int,
    ) -> Found:
        """Up to so many of a customer's transactions, beyond the identifier ``after``."""
        call.require(ActionClass.FULL_READ, institution, customer)
        found: list[Opened] = []
        looked = 0
        while looked < MOST:
            rows = await self._reading.transaction_page(
                call, institution, customer, period, after, _WINDOW
            )
            for one in rows:
                looked += 1
                after = one.record.rpartition("/")[2]
                if wanted.accepts(one.value):
                    found.append(one)
                    if len(found) == limit:
                        return Found(found, looked, after)
            if len(rows) < _WINDOW:
                return Found(found, looked, "")
            await asyncio.sleep(0)
        return Found(found, looked, after)

    async def check(
        self, call: Call, institution: str, customer: str, account: str, period: Period
    ) -> AccountReport:
        """What the entries of an account come to, in all files of the customer, whichever of them
        is asked for. By a check-out, which is of one file alone, only what stands in that one; of
        several, the statements at both ends are then taken for cut."""
        call.require(ActionClass.FULL_READ, institution, customer)
        files = await self._reading.files(call, institution, customer)
        if files.others:
            call.touched(resources=files.others)
        sums = AccountSums(
            cut_before=bool(period.low) or not files.whole,
            cut_after=period.high != Period().high or not files.whole,
        )
        streams = [self._all(call, files, one, period) for one in files.customers]
        async for one in in_order(streams) if files.others else streams[0]:
            if one.value.account.account == account:
                sums.add(sealer.resource_name(institution, one.customer, one.record), one.value)
        return sums.report()

    async def _all(
        self, call: Call, files: KinFiles, customer: str, period: Period
    ) -> AsyncIterator[Opened]:
        """Of one of the files, a page at a time."""
        after, more = "", True
        while more:
            rows = await self._reading.page_of_kin(call, files, customer, period, after, _WINDOW)
            for one in rows:
                yield one
                after = one.record.rpartition("/")[2]
            more = len(rows) == _WINDOW
            await asyncio.sleep(0)


def _at_least(amount: Money | None, least: Money | None) -> bool:
    if amount is None or least is None:
        return True
    return amount.currency == least.currency and nanos_of(amount) >= nanos_of(least)


def _within(words: str, *texts: str) -> bool:
    wanted = words.casefold()
    return any(wanted in text.casefold() for text in texts)
