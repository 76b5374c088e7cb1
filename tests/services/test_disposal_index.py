"""What finds a customer by his transactions goes with their year, and nothing that is still needed
goes with it."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, select, text

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank, bank
from tests.support.on_disk import bytes_on_disk, migrated
from tests.support.use_cases import run
from vault.records import AccountParty, IndexKind, TransactionName, normalise
from vault.services.rotation.index_entries import is_current
from vault.store import Database, IndexRow, blind_index, migrate, transactions
from vault.store.schema import blind_index as entries

ONCE, ALWAYS = "6222020200112233445", "6222020200112233446"

_BY_YEAR = "vault.store.migrations.data.versions.d0027_index_by_year"


def account(number: str) -> AccountParty:
    return AccountParty(account=number, name="李雷")


async def token(b: Bank, number: str) -> bytes:
    return (await b.keys.index(BANK)).token(IndexKind.ACCOUNT, normalise(IndexKind.ACCOUNT, number))


def hang_on(b: Bank, found: bytes) -> list[str]:
    """The records that a token stands for."""
    query = select(entries.c.record).where(entries.c.token == found).order_by(entries.c.record)
    return b.database.read_sync(lambda conn: list(conn.execute(query).scalars()))


async def two_years(b: Bank) -> tuple[str, str, str]:
    """A customer with an account in 2011 and another one in 2011 and 2018; his bookings of 2011."""
    customer = await b.customer()
    first = await b.book(customer, date(2011, 5, 6), account=account(ONCE))
    second = await b.book(customer, date(2011, 7, 6), account=account(ALWAYS))
    await b.book(customer, date(2018, 5, 6), account=account(ALWAYS))
    return customer, first, second


def test_what_a_year_was_found_by_goes_with_the_year(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, _, _ = await two_years(b)
        once, always = await token(b, ONCE), await token(b, ALWAYS)
        assert hang_on(b, once) == ["transactions/2011"]
        assert hang_on(b, always) == ["transactions/2011", "transactions/2018"]
        b.clock.on(date(2019, 1, 3))
        assert [row[1] for row in b.planned(await b.dispose())] == ["transactions/2011"]
        assert hang_on(b, once) == []
        assert hang_on(b, always) == ["transactions/2018"]
        assert await b.reads(customer)

    live(database, tmp_path, life)


def test_of_a_transaction_that_goes_early_they_stay_until_none_is_left_of_its_year(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, first, second = await two_years(b)
        once = await token(b, ONCE)
        b.clock.on(date(2022, 1, 3))
        [row] = b.database.read_sync(
            lambda conn: [
                transactions.get(conn, BANK, customer, first.partition("/")[2]),
            ]
        )
        assert row is not None
        for record, left in ((first, ["transactions/2011"]), (second, [])):
            await b.dispose(TransactionName(BANK, customer, record.partition("/")[2]))
            assert hang_on(b, once) == left
        # Work on the index key that had read it does not bring it back.
        assert not b.database.read_sync(lambda conn: is_current(conn, row))

    live(database, tmp_path, life)


def test_no_byte_of_them_is_left(tmp_path: Path) -> None:
    async def life() -> None:
        data = migrated(tmp_path / "data.db")
        async with bank(data, tmp_path, date(2010, 1, 4)) as b:
            customer, _, _ = await two_years(b)
            once, always = await token(b, ONCE), await token(b, ALWAYS)
            assert once in bytes_on_disk(tmp_path) and always in bytes_on_disk(tmp_path)
            b.clock.on(date(2019, 1, 3))
            await b.dispose()
            left = bytes_on_disk(tmp_path)
            assert once not in left and always in left
            assert await b.reads(customer)
        data.dispose()

    run(life)


def test_entries_of_before_hang_on_each_year_that_there_is(database_url: str) -> None:
    database = Database(database_url)
    migrate.upgrade(database)

    def as_before(conn: Connection) -> None:
        for scope in ("identity", "transactions/2011", "transactions/2012"):
            conn.execute(text("INSERT INTO scopes VALUES ('b', 'c', :s, 1, 1, 0)"), {"s": scope})
        rows = [("", b"own"), ("transactions", b"account")]
        blind_index.put(conn, [IndexRow("b", "account", t, "c", r) for r, t in rows])
        with Operations.context(MigrationContext.configure(conn)):
            import_module(_BY_YEAR).upgrade()

    database.write_sync(as_before)
    query = select(entries.c.record, entries.c.token).order_by(entries.c.record)
    found = database.read_sync(lambda conn: [tuple(row) for row in conn.execute(query)])
    assert found == [
        ("", b"own"),
        ("transactions/2011", b"account"),
        ("transactions/2012", b"account"),
    ]
    database.dispose()
