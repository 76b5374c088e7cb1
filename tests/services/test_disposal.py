"""Records are let go when the rules say so, by two persons, and nothing else is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from tests.support.disposal import BANK, Bank, bank
from tests.support.use_cases import run
from vault.access.directory_change import NOTHING, DirectoryChange
from vault.audit.log_sources import StoreSource
from vault.audit.verify_rows import verify_rows
from vault.records import TransactionName
from vault.services.access_errors import StepRefused
from vault.services.errors import NotFound, Shredded, VaultError
from vault.services.retention.disposal_rows import DisposalStage
from vault.services.retention.errors import NotAtThatStage, PlanChanged
from vault.store import Database, customers

Life = Callable[[Bank], Awaitable[None]]


def live(database: Database, folder: Path, life: Life, day: date = date(2010, 1, 4)) -> None:
    """Let a bank live from a day on."""

    async def main() -> None:
        async with bank(database, folder, day) as made:
            await life(made)

    run(main)


async def ended(b: Bank) -> tuple[str, str]:
    """A customer since 2010 whose relationship ended in 2012, and his only transaction."""
    customer = await b.customer()
    await b.document(customer)
    booked = await b.book(customer, date(2011, 5, 6))
    b.clock.on(date(2012, 7, 1))
    await b.end(customer, date(2012, 6, 30))
    return customer, booked


def test_what_is_due_goes_after_two_persons_agreed(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        # Five years from the end of the year, as the law was then: through 2017-12-31.
        b.clock.on(date(2017, 12, 31))
        assert [(r[1], r[2]) for r in b.planned(await b.plan())] == [("transactions/2011", "DUE")]
        b.clock.on(date(2018, 1, 1))
        shown = await b.plan()
        assert b.planned(shown) == [
            (customer, "transactions/2011", "DUE", ""),
            (customer, "identity", "DUE", ""),
        ]
        with pytest.raises(NotAtThatStage):
            await b.begin(shown)
        await b.approve(shown)
        await b.begin(shown)
        assert await b.reads(customer)
        await b.runner.look()
        done = await b.get(shown)
        assert done.disposal.stage is DisposalStage.DONE
        assert done.counts == {"DONE": 2}
        assert done.disposal.body.rows == 4  # two versions, a document, a transaction
        with pytest.raises(NotFound):
            await b.reads(customer)
        with pytest.raises(NotFound):
            await b.reads_transaction(customer, booked)

    live(database, tmp_path, life)


def test_nobody_approves_his_own_plan_nor_another_than_he_has_seen(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        await ended(b)
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        with pytest.raises(AssertionError):
            await b.approve(shown, "keeper")
        one = shown.disposal
        from vault.access import Action

        call = b.call("compliance", Action.DISPOSALS_APPROVE)
        with pytest.raises(PlanChanged):
            await b.disposals.approve(call, BANK, one.identifier, "0" * 64, "")

    live(database, tmp_path, life)


def test_a_plan_by_one_who_has_left_since_is_not_approved(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        b.directory.take(NOTHING.after(BANK, DirectoryChange(remove=("keeper",)), 1))
        with pytest.raises(StepRefused, match="could not propose it any more"):
            await b.approve(shown)
        b.directory.take(NOTHING)
        await b.approve(shown)
        assert await b.reads(customer)

    live(database, tmp_path, life)


def test_a_plan_that_was_altered_is_neither_approved_nor_carried_out(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(date(2013, 1, 4))
        other = await b.customer("C2")
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        await b.approve(shown)
        b.database.write_sync(
            lambda conn: conn.exec_driver_sql(
                f"UPDATE disposal_items SET customer = '{other}' WHERE scope = 'identity'"
            )
        )
        with pytest.raises(PlanChanged):
            await b.begin(shown)
        assert await b.reads(customer)
        assert await b.reads(other)

    live(database, tmp_path, life)


def test_a_hold_stops_disposal_and_the_plan_does_not_say_that_it_is_one(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        case = await b.open_case()
        await b.join(case)
        hold = await b.hold(case, customer)
        b.clock.on(date(2019, 1, 3))
        with pytest.raises(NotAtThatStage):
            await b.plan()
        await b.release(case, hold)
        shown = await b.plan()
        assert {r[2] for r in b.planned(shown)} == {"DUE"}

    live(database, tmp_path, life)


def test_a_hold_that_comes_after_the_approval_stops_disposal_too(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        case = await b.open_case()
        await b.hold(case, customer, first_on=date(2012, 1, 1).toordinal())
        await b.runner.look()
        done = await b.get(shown)
        # The hold is on bookings from 2012 on, and on knowing whose they are.
        assert done.counts == {"DONE": 1, "PASSED": 1}
        assert await b.reads(customer)
        with pytest.raises(VaultError):
            await b.reads_transaction(customer, booked)

    live(database, tmp_path, life)


def test_an_open_investigation_keeps_its_customers_until_it_is_closed(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        case = await b.open_case()
        await b.note(case, customer)
        b.clock.on(date(2019, 1, 3))
        with pytest.raises(NotAtThatStage):
            await b.plan()
        from vault.access import Action

        await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, case)
        assert (await b.plan()).counts["DUE"] == 2

    live(database, tmp_path, life)


def test_a_single_transaction_goes_before_the_rest_of_its_year(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer = await b.customer()
        early = await b.book(customer, date(2025, 1, 15))
        late = await b.book(customer, date(2025, 12, 15))
        b.clock.on(date(2035, 2, 1))
        name = TransactionName(BANK, customer, early.partition("/")[2])
        done = await b.dispose(name)
        assert done.counts == {"DONE": 1}
        assert await b.reads_transaction(customer, late)
        with pytest.raises(NotFound):
            await b.reads_transaction(customer, early)
        with pytest.raises(NotAtThatStage):
            await b.plan(TransactionName(BANK, customer, late.partition("/")[2]))

    live(database, tmp_path, life, date(2025, 1, 4))


def test_whose_a_transaction_is_stays_known_also_of_one_that_came_after_the_plan(
    database: Database, tmp_path: Path
) -> None:
    """Due as it is by its date, it is in no plan, and nothing goes beyond the plan."""

    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        late = await b.book(customer, date(2010, 5, 6))
        await b.runner.look()
        assert [row[1:3] for row in b.planned(shown)] == [
            ("transactions/2011", "DONE"),
            ("identity", "PASSED"),
        ]
        assert await b.reads(customer)
        assert await b.reads_transaction(customer, late)
        with pytest.raises(NotFound):
            await b.reads_transaction(customer, booked)
        assert [row[2] for row in b.planned(await b.dispose())] == ["DONE", "DONE"]

    live(database, tmp_path, life)


def test_nothing_is_written_into_what_was_destroyed(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer = await b.customer()
        await b.book(customer, date(2011, 5, 6))
        b.clock.on(date(2019, 1, 3))
        await b.dispose()
        with pytest.raises(Shredded):
            await b.book(customer, date(2011, 6, 6))
        assert await b.book(customer, date(2018, 6, 6))

    live(database, tmp_path, life)


def test_the_verification_knows_what_was_disposed_of_from_what_is_missing_or_was_put_back(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        other = await b.customer("C2")
        [row] = b.database.read_sync(lambda conn: customers.history(conn, BANK, other, limit=1))
        [old] = b.database.read_sync(lambda conn: customers.history(conn, BANK, customer, limit=1))

        def found() -> list[str]:
            source = StoreSource(migrated_url)
            return [f"{f.kind.value} {f.place}" for f in verify_rows(source, len(b.events()))]

        assert found() == []
        b.clock.on(date(2019, 1, 3))
        await b.dispose()
        assert found() == []
        # Put back past the vault.
        b.database.write_sync(lambda conn: customers.insert(conn, [old]))
        assert f"row_back {old.name}" in found()
        sql = f"DELETE FROM customers WHERE customer = '{customer}'"
        b.database.write_sync(lambda conn: conn.exec_driver_sql(sql))
        assert found() == []
        # Deleted past the vault.
        sql = f"DELETE FROM customers WHERE customer = '{other}'"
        b.database.write_sync(lambda conn: conn.exec_driver_sql(sql))
        assert found() == [f"row_missing {row.name}"]

    live(database, tmp_path, life)
