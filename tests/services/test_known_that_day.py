"""A transaction is reconstructed with the parties as they were known on its day: the version that
the vault had then and that was true then, whatever was changed, announced or corrected since."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.services.test_as_of import micros
from tests.services.test_storing import create, imported, person
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.records import Customer, CustomerName, DocumentName, IdentityDocument, TransactionName
from vault.services.items import NewRecord
from vault.services.kinds import DOCUMENTS, TRANSACTIONS
from vault.services.outcomes import Stored
from vault.services.reconstructing.gathering import Gatherer
from vault.services.reconstructing.shown import Gathered
from vault.services.replays import Request
from vault.store import Database


def at(day: int, hour: int = 12) -> datetime:
    """Of the year 2026, counted from its first day."""
    return datetime(2026, 1, 1, hour, tzinfo=UTC) + timedelta(days=day)


class Books:
    """A customer and his bookings in a vault whose clock is turned."""

    def __init__(self, vault: UseCases, customer: str) -> None:
        self.vault, self.customer = vault, customer
        self.gatherer = Gatherer(vault.database, vault.keys)

    async def change(self, phone: str, **more: Any) -> None:
        """A further version, told apart by its phone."""
        place = (BANK, self.customer)
        read = allowed(Action.CUSTOMERS_GET, self.customer)
        old = await self.vault.reading.customer(read, *place)

        def changed(before: Customer) -> Customer:
            return replace(before, phones=(phone,), **more)

        call = allowed(Action.CUSTOMERS_UPDATE, self.customer)
        request = Request("records.customers.update", "", b"")
        await self.vault.updating.customer(call, *place, old.etag, changed, request)

    async def document(self) -> str:
        new = NewRecord(DOCUMENTS, builders.document(), CustomerName(BANK, self.customer))
        return await self._store(new)

    async def change_document(self, document: str, authority: str) -> None:
        place = (BANK, self.customer, document)
        old = await self.vault.reading.document(allowed(Action.DOCUMENTS_GET), *place)

        def changed(before: IdentityDocument) -> IdentityDocument:
            return replace(before, issuer=authority)

        call = allowed(Action.DOCUMENTS_UPDATE, self.customer)
        request = Request("records.documents.update", "", b"")
        await self.vault.updating.document(call, *place, old.etag, changed, request)

    async def book(self, when: datetime, **more: Any) -> TransactionName:
        values = {"booking_time": when, "time_zone": "UTC", "vouchers": ()} | more
        booked = builders.transaction(corrects="", reverses="", **values)
        new = NewRecord(TRANSACTIONS, booked, CustomerName(BANK, self.customer))
        return TransactionName(BANK, self.customer, await self._store(new))

    async def _store(self, new: NewRecord) -> str:
        (made,) = await imported(self.vault, new)
        assert isinstance(made, Stored), made
        return made.record.rpartition("/")[2]

    async def known(self, name: TransactionName) -> tuple[int, bool]:
        """Which version is reconstructed, and whether it was known then."""
        found = await self.gather(name)
        assert found.customer is not None and found.gone == ()
        return found.customer.version, found.known_then

    async def gather(self, name: TransactionName) -> Gathered:
        return await self.gatherer.gather(name)


@pytest.fixture
def turned(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a test's coroutine with the books, and what turns the clock."""

    def run_test(test: Any, began: date | None = None) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:

                def clock(moment: datetime) -> None:
                    monkeypatch.setattr(vault.clock, "now_micros", lambda: micros(moment))

                clock(at(10))
                (made,) = await create(vault, replace(person("C1"), valid_from=began))
                await test(Books(vault, made.customer), clock)

        run(main)

    return run_test


def test_the_customer_is_the_one_of_that_day_whatever_came_later(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        booked = await books.book(at(40))
        clock(at(60))
        await books.change("+8613900139002")
        assert await books.known(booked) == (1, True)
        clock(at(90))
        # What was misread on the first day is known since today alone.
        await books.change("+8613900139003", correction="Misread.", valid_from=at(10).date())
        assert await books.known(booked) == (1, True)
        # When the booking itself came into the vault does not matter.
        late, between, now = [await books.book(at(day)) for day in (40, 70, 95)]
        assert await books.known(late) == (1, True)
        assert await books.known(between) == (2, True)
        assert await books.known(now) == (3, True)
        shown = await books.gather(booked)
        assert shown.customer is not None
        assert shown.customer.value.phones == person("C1").phones
        # The other side and the agent are as the transaction states them.
        stated = builders.transaction()
        assert shown.transaction.value.counterparty == stated.counterparty
        assert shown.transaction.value.agent == stated.agent

    turned(test)


def test_the_moment_of_recording_counts_and_not_the_day(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        moment = at(60) + timedelta(microseconds=7)
        clock(moment)
        await books.change("+8613900139002")
        same, before = [await books.book(moment - timedelta(microseconds=less)) for less in (0, 1)]
        assert await books.known(same) == (2, True)
        assert await books.known(before) == (1, True)

    turned(test)


def test_what_was_announced_is_not_true_before_its_day(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        clock(at(20))
        await books.change("+8613900139002", valid_from=at(150).date())
        clock(at(30))
        before, on = [await books.book(at(day)) for day in (40, 150)]
        assert await books.known(before) == (1, True)
        assert await books.known(on) == (2, True)

    turned(test)


def test_where_nothing_was_known_yet_it_is_the_earliest_version(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        clock(at(20))
        await books.change("+8613900139002")
        assert await books.known(await books.book(at(5))) == (1, False)

    turned(test)


def test_what_was_recorded_ahead_of_its_day_is_better_than_nothing(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        assert await books.known(await books.book(at(20))) == (1, True)

    turned(test, at(100).date())


def test_a_day_that_has_not_ended_where_it_was_booked_has_begun_where_it_was_recorded(
    turned: Any,
) -> None:
    async def test(books: Books, clock: Any) -> None:
        # Midnight UTC is over; on the west coast it is still the day before.
        clock(at(60, 1))
        await books.change("+8613900139002", valid_from=at(60).date())
        booked = await books.book(at(60, 2), time_zone="America/Los_Angeles")
        assert await books.known(booked) == (2, True)

    turned(test)


def test_a_voucher_is_the_document_that_was_shown(turned: Any) -> None:
    async def test(books: Books, clock: Any) -> None:
        document = await books.document()
        clock(at(40))
        voucher = str(DocumentName(BANK, books.customer, document))
        booked = await books.book(at(40), vouchers=(voucher,))
        clock(at(50))
        await books.change_document(document, "Another authority")
        (shown,) = (await books.gather(booked)).vouchers
        assert (shown.version, shown.value) == (1, builders.document())
        after = await books.book(at(50), vouchers=(voucher,))
        assert [one.version for one in (await books.gather(after)).vouchers] == [2]

    turned(test)


@pytest.mark.parametrize("seed", range(2))
def test_of_many_versions_it_is_the_last_that_was_known_and_had_begun(
    turned: Any, seed: int
) -> None:
    """More than one page of them, against what a replay gives."""
    dice = random.Random(seed)

    async def test(books: Books, clock: Any) -> None:
        versions = [(micros(at(10)), at(10).date())]
        for day in sorted(dice.sample(range(11, 200), 60)):
            clock(at(day))
            begins = at(day + dice.choice((-5, 0, 0, 30))).date()
            if begins == versions[-1][1]:
                continue  # which would say nothing of this version
            await books.change(f"+86139{day:08}", valid_from=begins)
            versions.append((micros(at(day)), begins))
        for _ in range(6):
            when = at(dice.randrange(10, 220), 13)
            held = [
                number
                for number, (known, begins) in enumerate(versions, 1)
                if known <= micros(when) and begins <= when.date()
            ]
            assert await books.known(await books.book(when)) == (held[-1], True)

    turned(test)
