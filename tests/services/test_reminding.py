"""Reminders: an event for each thing that falls due, once, whoever goes through the files."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.support.use_cases import BANK, SteppedClock, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.audit import AuditEvent
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import Customer, DocumentKind, IdentityElement, Relationship
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.rules.ownership_files import read_ownership
from vault.services.custody import Custody
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS
from vault.services.life import Assessor, Files, Reminding, Rules, When
from vault.services.life.changes import ChangeKind, Changes
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.sealer import utc_day
from vault.services.storing import Batch
from vault.store import Database, reminders

Test = Callable[[UseCases], Any]
HOURS, DAYS = 24.0, 30


class Later(SteppedClock):
    """A clock that is ahead of the system's by some days."""

    days = 0

    def now_micros(self) -> int:
        return super().now_micros() + self.days * 86_400_000_000


@pytest.fixture
def on_a_vault(database: Database, tmp_path: Path) -> Callable[[Test], None]:
    def go(test: Test) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                await test(vault)

        run(main)

    return go


def reminding(vault: UseCases, clock: Later) -> Reminding:
    rules = Rules(
        read_elements(),
        read_ownership(),
        read_business(),
        read_currency(),
        frozenset({"CN"}),
        {BANK: "keeper"},
    )
    custody = Custody(rules.custodian, lambda *_: True)
    assessor = Assessor(Files(vault.database, vault.keys, clock), rules, custody)
    return Reminding(
        vault.database, vault.log, assessor, [BANK], When(HOURS, DAYS), clock, lambda: True
    )


def expiring(number: str, clock: Later, days: int, **changes: Any) -> Customer:
    """A customer whose passport ends in so many days."""
    ends = utc_day(clock.now_micros()) + timedelta(days=days)
    paper = IdentityElement(DocumentKind.PASSPORT, f"P{number}", "SE", None, ends)
    human = replace(builders.person(), identity=paper)
    return builders.customer(
        customer_number=number, natural_person=human, accounts=(), phones=(), **changes
    )


async def store(vault: UseCases, *customers: Customer) -> list[Stored]:
    items = [NewRecord(CUSTOMERS, one, field="customer") for one in customers]
    request = Request("records.customers.batch_create", "", b"")
    call = allowed(Action.CUSTOMERS_BATCH_CREATE)
    return await vault.storing.store_together(call, Batch(BANK, items, True, request))


def told(vault: UseCases) -> list[AuditEvent]:
    return [one for one in vault.events() if one.action == Action.REMINDER.value]


def test_each_thing_that_falls_due_is_told_once_with_its_custodian(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        clock = Later()
        kept = Relationship(custodian="of-this-file")
        soon, _, other = await store(
            vault,
            expiring("C1", clock, 10),
            expiring("C2", clock, 90),
            expiring("C3", clock, 30, relationship=kept),
        )
        assert await reminding(vault, clock).look(BANK) == 2
        events = told(vault)
        assert {(one.customer, one.reason, one.fields, one.on_behalf_of) for one in events} == {
            (soon.customer, "DOCUMENT_EXPIRY", ("natural_person.identity",), "keeper"),
            (other.customer, "DOCUMENT_EXPIRY", ("natural_person.identity",), "of-this-file"),
        }
        assert await reminding(vault, clock).look(BANK) == 0
        clock.days = 1
        assert await reminding(vault, clock).look(BANK) == 0

    on_a_vault(test)


def test_whoever_follows_the_changes_is_reminded_by_name_without_a_value(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        clock = Later()
        (soon,) = await store(vault, expiring("C1", clock, 10))
        assert await reminding(vault, clock).look(BANK) == 1
        changes = Changes(vault.database, History(vault.database, Archive(None)), vault.log)
        call = allowed(Action.CHANGES_WATCH)
        found = [
            change
            async for part in changes.watch(call, BANK, 0, from_end=False, follow=False)
            for change in part.changes
        ]
        assert [one.kind for one in found] == [ChangeKind.CREATED, ChangeKind.FALLS_DUE]
        due = found[1]
        assert (due.name, due.version) == (f"customers/{soon.customer}", 0)
        assert (due.due, due.path) == ("DOCUMENT_EXPIRY", "natural_person.identity")

    on_a_vault(test)


def test_what_comes_within_the_days_later_is_told_then(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        clock = Later()
        await store(vault, expiring("C1", clock, 31))
        assert await reminding(vault, clock).look(BANK) == 0
        clock.days = 1
        assert await reminding(vault, clock).look(BANK) == 1
        clock.days = 2
        assert await reminding(vault, clock).look(BANK) == 0

    on_a_vault(test)


def test_a_file_that_is_written_after_a_run_is_told_of_at_the_next(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        clock = Later()
        assert await reminding(vault, clock).look(BANK) == 0
        (new,) = await store(vault, expiring("C1", clock, 3))
        # Not before it is time for the next run.
        assert await reminding(vault, clock).look(BANK) == 0
        clock.days = 1
        assert await reminding(vault, clock).look(BANK) == 1
        assert [one.customer for one in told(vault)] == [new.customer]

    on_a_vault(test)


def test_a_run_that_broke_off_goes_on_and_of_two_processes_one_tells(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        clock = Later()
        some = await store(vault, *(expiring(f"C{n}", clock, 5) for n in range(4)))
        order = sorted(one.customer for one in some)
        one, other = reminding(vault, clock), reminding(vault, clock)
        found = await asyncio.gather(one.look(BANK), other.look(BANK))
        assert sorted(found) == [0, 4]
        assert len(told(vault)) == 4
        # As a process leaves it that is killed behind the second file of a later run.
        standing = await vault.database.read(lambda conn: reminders.read(conn, BANK))
        assert standing is not None
        broken = reminders.ReminderRun(BANK, standing.horizon, standing.began_at, order[1])
        vault.database.write_sync(lambda conn: reminders.put(conn, standing, broken))
        assert await reminding(vault, clock).look(BANK) == 2
        assert [one.customer for one in told(vault)[4:]] == order[2:]

    on_a_vault(test)
