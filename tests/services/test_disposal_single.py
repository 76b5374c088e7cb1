"""A single transaction that goes before the rest of its year: planned, agreed to and carried out as
anything else, and held by whatever holds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from vault.records import TransactionName
from vault.services.errors import NotFound, VaultError
from vault.services.retention.errors import NotAtThatStage
from vault.store import Database

BEGAN, OVER = date(2025, 1, 4), date(2035, 2, 1)
Hold = Callable[[str, str], dict[str, Any]]


def day(month: int, at: int = 1, year: int = 2025) -> int:
    return date(year, month, at).toordinal()


HOLDS: dict[str, Hold] = {
    "customer": lambda _early, _late: {},
    "account": lambda _early, _late: {"account": "4111111111111111"},
    "period": lambda _early, _late: {"first_on": day(1), "last_on": day(1, 31)},
    "open_period": lambda _early, _late: {"first_on": day(1)},
    "transaction": lambda early, _late: {"records": (early,)},
    # As fine as what is destroyed together: the rest of the year holds it as well.
    "another_of_its_year": lambda _early, late: {"records": (late,)},
    "rest_of_its_year": lambda _early, _late: {"first_on": day(12), "last_on": day(12, 31)},
}


async def two(b: Bank, number: str = "C1") -> tuple[str, str, str]:
    """A customer, a booking whose ten years are over on a day, and a later one of its year."""
    customer = await b.customer(number)
    early, late = [await b.book(customer, date(2025, month, 15)) for month in (1, 12)]
    return customer, early, late


def name(customer: str, record: str) -> TransactionName:
    return TransactionName(BANK, customer, record.partition("/")[2])


def test_it_does_not_go_under_any_hold_and_goes_when_that_is_released(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        case = await b.open_case()
        await b.join(case)
        files = {of: await two(b, f"C-{of}") for of in HOLDS}
        singles = [name(customer, early) for customer, early, _ in files.values()]

        async def hold() -> list[str]:
            return [
                await b.hold(case, customer, **HOLDS[of](early, late))
                for of, (customer, early, late) in files.items()
            ]

        async def release(placed: list[str]) -> None:
            for one in placed:
                await b.release(case, one)

        placed = await hold()
        b.clock.on(OVER)
        for single in singles:
            with pytest.raises(NotAtThatStage, match="1 items are blocked"):
                await b.plan(single)
        await release(placed)
        # Placed behind the approval, they hold as well.
        shown = await b.plan(*singles)
        await b.approve(shown)
        await b.begin(shown)
        placed = await hold()
        await b.runner.look()
        assert {(one, stage) for _, one, stage, _ in b.planned(shown)} == {
            (early, "PASSED") for _, early, _ in files.values()
        }
        await release(placed)
        assert (await b.dispose(*singles)).counts == {"DONE": len(HOLDS)}
        for customer, early, late in files.values():
            with pytest.raises(NotFound):
                await b.reads_transaction(customer, early)
            assert await b.reads_transaction(customer, late)

    live(database, tmp_path, life, BEGAN)


def test_what_holds_another_year_or_another_customer_does_not_hold_it(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, early, _ = await two(b)
        other = await b.customer("C2")
        case = await b.open_case()
        last = await b.book(customer, date(2026, 1, 15))
        await b.hold(case, customer, records=(last,))
        await b.hold(case, customer, first_on=day(1, year=2026))
        await b.hold(case, customer, last_on=day(12, 31, year=2024))
        await b.hold(case, other)
        b.clock.on(OVER)
        assert (await b.dispose(name(customer, early))).counts == {"DONE": 1}

    live(database, tmp_path, life, BEGAN)


def test_an_investigation_of_its_customer_holds_it(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, early, _ = await two(b)
        case = await b.open_case()
        await b.note(case, customer)
        b.clock.on(OVER)
        with pytest.raises(NotAtThatStage, match="1 items are blocked"):
            await b.plan(name(customer, early))

    live(database, tmp_path, life, BEGAN)


def test_one_that_is_not_due_or_not_there_is_not_planned(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, early, late = await two(b)
        b.clock.on(date(2035, 1, 15))  # the last day of its ten years
        for one, refused in ((early, NotAtThatStage), ("transactions/" + "0" * 26, NotFound)):
            with pytest.raises(refused):
                await b.plan(name(customer, one))
        b.clock.on(date(2035, 1, 16))
        with pytest.raises(NotAtThatStage):
            await b.plan(name(customer, early), name(customer, late))
        assert (await b.dispose(name(customer, early), name(customer, early))).counts == {"DONE": 1}
        with pytest.raises(VaultError):
            await b.plan(name(customer, early))

    live(database, tmp_path, life, BEGAN)
