"""Budgets as they lie in the database: counted exactly, on both databases, by several at once."""

import threading

import pytest
from sqlalchemy import Connection

from vault.store import Database, migrate
from vault.store.spending import FULL, MASKED, Charge, OverBudget, take_turn, turn_of

HOUR = 3_600_000_000


def charge(*items: str, limit: int = 3, period: int = HOUR, meter: str = "full_an_hour") -> Charge:
    return Charge(meter, period, limit, items)


def spend(database: Database, *charges: Charge, who: str = "p:one", bank: str = "demo") -> None:
    database.write_sync(lambda conn: FULL.spend(conn, bank, who, charges))


def test_a_budget_holds_as_many_distinct_items_as_it_has_and_no_more(database: Database) -> None:
    for item in ("a", "b", "a", "c", "b"):
        spend(database, charge(item))
    with pytest.raises(OverBudget) as refused:
        spend(database, charge("d"))
    assert refused.value.full
    spend(database, charge("c"))
    spend(database, charge("a", "b"))


def test_every_person_meter_period_and_institution_has_a_budget_of_its_own(
    database: Database,
) -> None:
    spend(database, charge("a", "b", "c"))
    spend(database, charge("d"), who="p:two")
    spend(database, charge("d"), bank="other")
    spend(database, charge("d", period=2 * HOUR))
    spend(database, charge("d", meter="full_a_day"))
    with pytest.raises(OverBudget):
        spend(database, charge("d"))


def test_several_items_that_do_not_all_fit_are_not_spent_at_all(database: Database) -> None:
    spend(database, charge("a"))
    with pytest.raises(OverBudget) as refused:
        spend(database, charge("a", "b", "c", "d"))
    assert not refused.value.full
    spend(database, charge("c", "c", "d"))


def test_a_second_charge_without_room_undoes_the_first(database: Database) -> None:
    spend(database, charge("a", meter="full_a_day", limit=1))
    with pytest.raises(OverBudget):
        spend(database, charge("b"), charge("b", meter="full_a_day", limit=1))
    spend(database, charge("x", "y", "z"))


def test_a_charge_without_items_wants_room_and_spends_nothing(database: Database) -> None:
    for _ in range(5):
        spend(database, charge(limit=1))
    spend(database, charge("a", limit=1))
    with pytest.raises(OverBudget):
        spend(database, charge(limit=1))


def test_room_is_told_without_spending(database: Database) -> None:
    def room(wanted: Charge) -> bool:
        return database.read_sync(lambda conn: FULL.room(conn, "demo", "p:one", wanted))

    assert room(charge("a", limit=1))
    spend(database, charge("a", limit=1))
    assert room(charge("a", limit=1))
    assert not room(charge("b", limit=1))
    assert not room(charge(limit=1))


def test_old_periods_are_removed_a_bounded_number_at_a_time(database: Database) -> None:
    spend(database, charge(*map(str, range(10)), limit=10))
    spend(database, charge("new", period=2 * HOUR))

    def prune(conn: Connection) -> int:
        return FULL.prune(conn, "demo", 2 * HOUR, 4)

    assert [database.write_sync(prune) for _ in range(4)] == [4, 4, 2, 0]
    with pytest.raises(OverBudget):
        spend(database, charge("b", "c", "d", period=2 * HOUR))


def test_many_writers_at_once_never_spend_more_than_there_is(database_url: str) -> None:
    first = Database(database_url)
    migrate.upgrade(first)
    databases = [first, Database(database_url), Database(database_url)]
    spent: list[str] = []
    refused: list[str] = []

    def work(number: int) -> None:
        item = f"customer-{number}"

        def unit(conn: Connection) -> None:
            take_turn(conn, turn_of("demo", "p:one"))
            FULL.spend(conn, "demo", "p:one", [charge(item, limit=7)])

        try:
            databases[number % 3].write_sync(unit)
            spent.append(item)
        except OverBudget:
            refused.append(item)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(spent), len(refused)) == (7, 23)
    for database in databases:
        database.dispose()


def test_the_tiers_spend_apart(database: Database) -> None:
    spend(database, charge("a", limit=1))
    database.write_sync(lambda conn: MASKED.spend(conn, "demo", "p:one", [charge("b", limit=1)]))
    with pytest.raises(OverBudget):
        database.write_sync(
            lambda conn: MASKED.spend(conn, "demo", "p:one", [charge("a", limit=1)])
        )
