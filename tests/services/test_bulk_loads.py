"""Right after a bulk load, before PostgreSQL has looked at its tables by itself, whatever goes
through all files has it do so first: else each page of customers costs as much as all of them.
Which reads that makes good is in tests/store/test_statistics.py."""

from pathlib import Path

from tests.services.test_borrowing import SetClock
from tests.services.test_bulk import a_call, exporting, lent
from tests.services.test_life_reach import bare, reported, store
from tests.support.use_cases import BANK, allowed, run, use_cases
from vault.access import Action
from vault.store import Database


def is_known(database: Database) -> bool:
    """Whether the table of customers was ever looked at. SQLite reads by the key without."""
    if database.dialect == "sqlite":
        return True
    asked = "SELECT reltuples FROM pg_class WHERE relname = 'customers'"
    return float(database.read_sync(lambda c: c.exec_driver_sql(asked).scalar_one())) >= 0


def test_a_report_over_all_files_has_the_customers_looked_at_first(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            await store(vault, bare("C1", "SH-01"), bare("C2", "BJ-01"))
            assert is_known(database) is (database.dialect == "sqlite")
            await reported(vault, allowed(Action.FILES_COMPLETENESS, role="custodian"))
            assert is_known(database)

    run(main)


def test_an_export_has_the_customers_looked_at_first(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            await store(vault, bare("C1", "SH-01"), bare("C2", "BJ-01"))
            out = lent(vault)
            await exporting(vault, SetClock(out.starts_at)).begin(a_call(out), BANK)
            assert is_known(database)

    run(main)
