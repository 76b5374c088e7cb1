"""Customers, documents and transactions as they stood, on a real store: what a read of two times
answers is what a replay of the history gives, whatever the page."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.records import builders
from tests.services.test_storing import create, imported, person
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.records import Customer, CustomerName, IdentityDocument
from vault.records.timeline import begins as begins_on
from vault.services.at import At
from vault.services.errors import NotFound
from vault.services.items import NewRecord
from vault.services.kinds import DOCUMENTS, TRANSACTIONS
from vault.services.opening import Opened
from vault.services.outcomes import Stored
from vault.services.period import Period
from vault.services.reach import Listing
from vault.services.reading import Reading
from vault.services.replays import Request
from vault.store import Database

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 12
ZONES = ("UTC", "Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati")


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass
class Step:
    """A version of a document, or a transaction: when it was recorded, and from when it is so."""

    identifier: str
    known: int
    begins: date
    version: int = 1
    corrects: str = ""


@dataclass
class History:
    """What was written, in order."""

    customers: list[Step] = field(default_factory=list)
    documents: list[Step] = field(default_factory=list)
    bookings: list[Step] = field(default_factory=list)

    def document_versions(self, identifier: str, at: At) -> list[int]:
        found = [
            one.version
            for one in self.documents
            if one.identifier == identifier and _known(one, at) and _begun(one, at)
        ]
        return found[::-1]

    @staticmethod
    def then(steps: list[Step], at: At) -> dict[str, int]:
        """Slowly: what each wrote over what stood."""
        stood: dict[str, int] = {}
        for one in steps:
            if _known(one, at) and _begun(one, at):
                stood[one.identifier] = one.version
        return dict(sorted(stood.items()))

    def bookings_then(self, at: At) -> dict[str, set[str]]:
        there = [one for one in self.bookings if _known(one, at) and _begun(one, at)]
        return {
            one.identifier: {x.identifier for x in there if x.corrects == one.identifier}
            for one in sorted(there, key=lambda one: one.identifier)
        }


def _known(one: Step, at: At) -> bool:
    return at.known_at is None or one.known <= at.known_at


def _begun(one: Step, at: At) -> bool:
    return at.as_of is None or one.begins <= at.as_of


class Writer:
    """Writes a history into a vault whose clock it turns."""

    def __init__(self, vault: UseCases, customer: str, dice: random.Random) -> None:
        self.vault = vault
        self.customer = customer
        self.dice = dice
        self.now = BEGIN
        self.history = History()

    async def write(self, steps: int) -> None:
        for _ in range(steps):
            self.now += timedelta(hours=self.dice.randrange(1, 13))
            ways = (self.document, self.change, self.book, self.book, self.open, self.amend)
            await self.dice.choice(ways)()

    def issued(self) -> date | None:
        """A first day of validity, or none."""
        days = self.dice.randrange(-8, 4)
        return None if days > 1 else self.now.date() + timedelta(days=days)

    def keep(self, identifier: str, issued: date | None, version: int) -> None:
        begins = issued or self.now.date()
        self.history.documents.append(Step(identifier, micros(self.now), begins, version))

    async def open(self) -> None:
        number = len(self.history.customers) + 2
        began = self.issued()
        (made,) = await create(self.vault, replace(person(f"C{number}"), valid_from=began))
        begins = began or self.now.date()
        self.history.customers.append(Step(made.customer, micros(self.now), begins))

    async def amend(self) -> None:
        """A change or a correction; which day it begins on is the timeline's to say
        (tests/records/test_timeline.py)."""
        if not self.history.customers:
            return
        identifier = self.dice.choice(self.history.customers).identifier
        began, wrong = self.issued(), self.dice.choice(("", f"wrong until {self.now}"))
        place = (BANK, identifier)
        read = allowed(Action.CUSTOMERS_GET, identifier)
        old = await self.vault.reading.customer(read, *place)

        def change(old: Customer) -> Customer:
            return replace(old, valid_from=began, correction=wrong)

        call = allowed(Action.CUSTOMERS_UPDATE, identifier)
        request = Request("records.customers.update", "", b"")
        made = await self.vault.updating.customer(call, *place, old.etag, change, request)
        new = await self.vault.reading.customer(read, *place)
        begins = begins_on(new.value, self.now.date())
        step = Step(identifier, micros(self.now), begins, made.version)
        self.history.customers.append(step)

    async def document(self) -> None:
        issued = self.issued()
        made = await self.store(
            NewRecord(
                DOCUMENTS, builders.document(issue_date=issued), CustomerName(BANK, self.customer)
            )
        )
        self.keep(made, issued, 1)

    async def change(self) -> None:
        if not self.history.documents:
            return
        identifier = self.dice.choice(self.history.documents).identifier
        issued = self.issued()

        def change(old: IdentityDocument) -> IdentityDocument:
            return replace(old, issue_date=issued)

        place = (BANK, self.customer, identifier)
        call = allowed(Action.DOCUMENTS_UPDATE, self.customer)
        old = await self.vault.reading.document(allowed(Action.DOCUMENTS_GET), *place)
        request = Request("records.documents.update", "", b"")
        made = await self.vault.updating.document(call, *place, old.etag, change, request)
        self.keep(identifier, issued, made.version)

    async def book(self) -> None:
        zone = self.dice.choice(ZONES)
        when = self.now - timedelta(hours=self.dice.randrange(0, 60))
        corrects = ""
        if self.history.bookings and self.dice.random() < 0.5:
            corrects = self.dice.choice(self.history.bookings).identifier
        prefix = f"institutions/{BANK}/customers/{self.customer}/transactions/"
        made = await self.store(
            NewRecord(
                TRANSACTIONS,
                builders.transaction(
                    booking_time=when,
                    time_zone=zone,
                    corrects=f"{prefix}{corrects}" if corrects else "",
                    reverses="",
                    vouchers=(),
                ),
                CustomerName(BANK, self.customer),
            )
        )
        day = when.astimezone(ZoneInfo(zone)).date()
        self.history.bookings.append(Step(made, micros(self.now), day, corrects=corrects))

    async def store(self, item: NewRecord) -> str:
        (made,) = await imported(self.vault, item)
        assert isinstance(made, Stored), made
        return made.record.rpartition("/")[2]


async def pages(page: Callable[[str, int], Awaitable[Listing[Opened]]], limit: int) -> list[Opened]:
    """All pages, as the server asks for them: one more than is shown."""
    found: list[Opened] = []
    after = ""
    while True:
        listed = await page(after, limit + 1)
        found += listed.rows[:limit]
        assert len(listed.rows) <= limit or not listed.further
        after = ident(listed.rows[limit - 1]) if len(listed.rows) > limit else listed.further
        if not after:
            return found


def ident(one: Opened) -> str:
    return one.record.rpartition("/")[2] or one.customer


class Reader:
    """Reads as of two times."""

    def __init__(self, reading: Reading, customer: str) -> None:
        self.reading = reading
        self.place = (BANK, customer)
        self.call = allowed(Action.DOCUMENTS_LIST, customer)

    async def customers(self, at: At, limit: int) -> dict[str, int]:
        call = allowed(Action.CUSTOMERS_LIST)

        async def page(after: str, size: int) -> Listing[Opened]:
            return await self.reading.customer_listing(call, BANK, after, size, at=at)

        found = await pages(page, limit)
        return {one.customer: one.version for one in found if one.customer != self.place[1]}

    async def documents(self, at: At, limit: int) -> dict[str, int]:
        async def page(after: str, size: int) -> Listing[Opened]:
            return await self.reading.document_listing(self.call, *self.place, after, size, at=at)

        return {ident(one): one.version for one in await pages(page, limit)}

    async def document(self, identifier: str, at: At) -> int:
        try:
            found = await self.reading.document(self.call, *self.place, identifier, at=at)
        except NotFound:
            return 0
        return found.version

    async def document_versions(self, identifier: str, at: At) -> list[int]:
        try:
            found = await self.reading.document_versions(
                self.call, *self.place, identifier, None, 50, at=at
            )
        except NotFound:
            return []
        return [one.version for one in found]

    async def bookings(self, at: At, limit: int, *, newest_first: bool) -> list[str]:
        period = Period(newest_first=newest_first)

        async def page(after: str, size: int) -> Listing[Opened]:
            return await self.reading.transaction_listing(
                self.call, *self.place, period, after, size, at=at
            )

        found = await pages(page, limit)
        return [f"{ident(one)} {sorted(map(_last, one.corrected_by))}" for one in found]

    async def booking(self, identifier: str, at: At) -> str:
        try:
            one = await self.reading.transaction(self.call, *self.place, identifier, at=at)
        except NotFound:
            return ""
        return f"{identifier} {sorted(map(_last, one.corrected_by))}"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_stood_on_a_day_as_was_known_at_a_time_is_what_a_replay_gives(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            (owner,) = await create(vault, person("C1"))
            dice = random.Random(seed)
            writer = Writer(vault, owner.customer, dice)
            monkeypatch.setattr(vault.clock, "now_micros", lambda: micros(writer.now))
            await writer.write(50)
            history, reader = writer.history, Reader(vault.reading, owner.customer)
            assert len(history.documents) > 3 and len(history.bookings) > 8
            for _ in range(25):
                at = At(
                    BEGIN.date() + timedelta(days=dice.randrange(-6, DAYS))
                    if dice.random() < 0.8
                    else None,
                    micros(BEGIN + timedelta(hours=dice.randrange(0, 24 * DAYS)))
                    if dice.random() < 0.6
                    else None,
                )
                limit = dice.choice((1, 2, 3, 50))
                stood = history.then(history.customers, at)
                assert await reader.customers(at, limit) == stood
                then = history.then(history.documents, at)
                assert await reader.documents(at, limit) == then
                for identifier in {one.identifier for one in history.documents}:
                    assert await reader.document(identifier, at) == then.get(identifier, 0)
                    wanted = history.document_versions(identifier, at)
                    assert await reader.document_versions(identifier, at) == wanted
                booked = history.bookings_then(at)
                lines = [f"{one} {sorted(by)}" for one, by in booked.items()]
                assert await reader.bookings(at, limit, newest_first=False) == lines
                assert await reader.bookings(at, limit, newest_first=True) == lines[::-1]
                for one in dice.sample(history.bookings, 4):
                    line = f"{one.identifier} {sorted(booked.get(one.identifier, set()))}"
                    there = one.identifier in booked
                    assert await reader.booking(one.identifier, at) == (line if there else "")

    run(main)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_any_day_of_the_calendar_can_be_asked_for(
    database: Database, tmp_path: Path, day: date
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            (owner,) = await create(vault, person("C1"))
            writer = Writer(vault, owner.customer, random.Random(0))
            writer.now = datetime.now(UTC)
            await writer.book()
            reader = Reader(vault.reading, owner.customer)
            found = await reader.bookings(At(as_of=day), 5, newest_first=False)
            assert len(found) == (1 if day.year == 9999 else 0)

    run(main)
