"""Reading on a real store: what cannot be opened is named rightly."""

from pathlib import Path
from typing import Any

import pytest

from tests.services.test_storing import create, person
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.services.errors import NotFound, Shredded
from vault.store import Database


def let_go_of_keys(vault: UseCases, customer: str) -> None:
    """As a disposal does."""

    def delete(conn: Any) -> None:
        for table in ("full_file_keys", "masked_file_keys"):
            conn.exec_driver_sql(f"DELETE FROM {table} WHERE customer = '{customer}'")

    vault.database.write_sync(delete)
    vault.ring.clear()


def test_of_a_page_the_record_that_was_destroyed_is_named(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            first, second = await create(vault, person("C1"), person("C2"))
            gone = sorted([first, second], key=lambda s: s.customer)[1].customer
            let_go_of_keys(vault, gone)
            name = f"institutions/{BANK}/customers/{gone}"
            with pytest.raises(Shredded) as full:
                await vault.reading.customer_page(allowed(Action.CUSTOMERS_LIST), BANK, "", 10)
            assert full.value.metadata["resource"] == name
            with pytest.raises(Shredded) as masked:
                call = allowed(Action.MASKED_CUSTOMERS_LIST, role="crm_viewer")
                await vault.masked.customer_page(call, BANK, "", 10)
            assert masked.value.metadata["resource"] == name

    run(main)


def test_what_is_not_there_is_not_found_in_either_view(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            nobody = "01jd0000000000000000000000"
            with pytest.raises(NotFound):
                call = allowed(Action.CUSTOMERS_GET, nobody)
                await vault.reading.customer(call, BANK, nobody)
            with pytest.raises(NotFound):
                call = allowed(Action.MASKED_CUSTOMERS_GET, nobody, role="crm_viewer")
                await vault.masked.customer(call, BANK, nobody)
            with pytest.raises(NotFound):
                call = allowed(Action.CUSTOMERS_VERSIONS, nobody)
                await vault.reading.customer_versions(call, BANK, nobody, None, 10)

    run(main)
