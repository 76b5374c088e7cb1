"""The watch on a real log, on both databases: what a call spends stands or falls with its event."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.support.principals import principal_of
from tests.support.use_cases import BANK
from tests.support.watching import BUDGETS, Process, Run, opening, person, runner
from vault.access import Principal
from vault.services.call import Call, Trace
from vault.services.spent_up import BudgetExhausted
from vault.store.spending import FULL, MASKED, Charge

DAY = 86_400_000_000


@pytest.fixture
def run(migrated_url: str, tmp_path: Path) -> Iterator[Run]:
    """Run a test with so many processes on a database, persons held to three customers a day."""
    for started in runner(migrated_url, tmp_path):
        yield partial(started, budgets=BUDGETS)


def test_work_beyond_the_budget_is_not_done(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who, done = made, person("one"), []

        def work(_conn: Connection) -> None:
            done.append(1)

        for number in range(3):
            call = opening(who, f"c{number}")
            await one.recorder.commit(call, work, lambda _: Trace(BANK))
        call = opening(who, "c9")
        with pytest.raises(BudgetExhausted):
            await one.recorder.commit(call, work, lambda _: Trace(BANK))
        assert not call.committed
        assert len(done) == 3
        assert one.outcomes() == ["OK"] * 3

    run(test, 1)


def test_work_that_fails_spends_nothing(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("two")

        def work(_conn: Connection) -> None:
            raise LookupError

        for number in range(5):
            with pytest.raises(LookupError):
                await one.recorder.commit(opening(who, f"c{number}"), work, lambda _: Trace(BANK))
        for number in range(5, 8):
            await one.record(opening(who, f"c{number}"))
        with pytest.raises(BudgetExhausted):
            await one.record(opening(who, "c8"))

    run(test, 1)


def test_many_persons_at_once_in_three_processes_wait_for_each_other_in_one_order(
    run: Run,
) -> None:
    """Batches that count for the same persons in other orders: no deadlock, no lost call."""

    async def test(made: list[Process]) -> None:
        people = [person(f"n{number}") for number in range(12)]

        async def all_of(process: Process, order: list[Principal], customer: str) -> None:
            await asyncio.gather(*(process.record(opening(who, customer)) for who in order))

        for turn in range(3):
            orders = (people, people[::-1], people[5:] + people[:5])
            await asyncio.gather(
                *(all_of(p, order, f"c{turn}") for p, order in zip(made, orders, strict=True))
            )
        assert made[0].outcomes() == ["OK"] * 3 * 12 * 3
        refused = await asyncio.gather(
            *(p.record(opening(who, "c9")) for p in made for who in people), return_exceptions=True
        )
        assert all(isinstance(one, BudgetExhausted) for one in refused)

    run(test, 3)


def test_a_full_tier_removes_what_was_spent_in_days_gone_by(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("three")
        old = one.clock.now_micros() - 3 * DAY
        spent = Charge("masked_a_day", old, 10, ("a", "b"))
        for table in (FULL, MASKED):
            one.database.write_sync(
                lambda c, t=table: t.spend(c, BANK, "p", [spent])  # type: ignore[misc]  # a default
            )
        await one.record(opening(who, "c1"))

        def left(conn: Connection) -> int:
            return sum(
                conn.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE who = 'p'").scalar_one()
                for table in ("full_spent", "masked_spent")
            )

        assert one.database.read_sync(left) == 0
        # Tomorrow there is room again, and what was spent today is kept for a while.
        for number in range(2, 4):
            await one.record(opening(who, f"c{number}"))
        with pytest.raises(BudgetExhausted) as over:
            await one.record(opening(who, "c4"))
        assert over.value.retry_seconds <= 3_600
        one.clock.ahead = DAY
        await one.record(opening(who, "c4"))

    run(test, 1)


def test_a_refused_call_and_one_that_failed_otherwise_cost_nothing(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("four")
        for outcome in ("UNAVAILABLE", "INVALID_ARGUMENT", "CANCELLED", "RESOURCE_EXHAUSTED"):
            for number in range(4):
                call = opening(who, f"{outcome}{number}")
                event = call.event(one.clock.now_micros(), outcome=outcome)
                reckoned = one.watch.reckon(call, event)
                assert reckoned is None or not reckoned.charges
        call = opening(who, "c")
        event = call.event(one.clock.now_micros(), outcome="NOT_FOUND")
        reckoned = one.watch.reckon(call, event)
        assert reckoned is not None
        assert [c.items for c in reckoned.charges] == [("c",)]

    run(test, 1)


def test_a_person_has_one_budget_behind_every_front_end_and_in_every_account(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        one, two = made
        who = person("five")
        other = principal_of("custodian", "compliance", name="five-at-home", person=who.person)
        front, second = (principal_of("crm_viewer", name=name) for name in ("crm", "app"))

        def by(bearer: Principal, workload: Principal, customer: str) -> Call:
            call = opening(bearer, customer)
            call.principal, call.bearer = workload, bearer
            return call

        await one.record(by(who, front, "c1"))
        await two.record(by(who, second, "c2"))
        await two.record(opening(other, "c3"))
        for process, call in (
            (one, by(other, second, "c4")),
            (two, by(who, front, "c5")),
            (one, opening(who, "c6")),
        ):
            with pytest.raises(BudgetExhausted):
                await process.record(call)
        # Another one behind the same front end has his own, and so has whoever carries no token.
        await one.record(by(person("six"), front, "c4"))
        for number in range(5):
            await one.record(opening(principal_of("compliance", name="crm"), f"c{number}"))

    run(test, 2)
