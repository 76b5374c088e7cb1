"""Reports over all files have only those within the caller's reach, and never his own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.support.use_cases import BANK, KEPT, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import Customer, RelatedPerson
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.rules.ownership import Amiss
from vault.rules.ownership_files import read_ownership
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS
from vault.services.life import Assessor, Changes, Files, Reports, Rules
from vault.services.life.reports import Groups, WantedFiles
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.storing import Batch
from vault.store import Database

Test = Callable[[UseCases], Any]
RULES = Rules(
    read_elements(), read_ownership(), read_business(), read_currency(), frozenset({"CN"}), {}
)


@pytest.fixture
def on_a_vault(database: Database, tmp_path: Path) -> Callable[[Test], None]:
    def go(test: Test) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                await test(vault)

        run(main)

    return go


def bare(number: str, branch: str) -> Customer:
    human = replace(builders.person(), identity=None)
    return builders.customer(
        customer_number=number, branch=branch, natural_person=human, accounts=()
    )


async def store(vault: UseCases, *customers: Customer) -> list[Stored]:
    items = [NewRecord(CUSTOMERS, one, field="customer") for one in customers]
    request = Request("records.customers.batch_create", "", b"")
    call = allowed(Action.CUSTOMERS_BATCH_CREATE)
    return await vault.storing.store_together(call, Batch(BANK, items, True, request))


async def reported(vault: UseCases, call: Call) -> tuple[set[str], int]:
    """Names of the files in which something is amiss, and how many were counted."""
    assessor = Assessor(Files(vault.database, vault.keys, vault.clock), RULES, KEPT)
    groups = Groups()
    named = set()
    parts = Reports(assessor).completeness(call, WantedFiles(BANK), None, groups)
    async for part in parts:
        named |= {file.identifier for file, _ in part.files}
    return named, sum(group.files for group in groups.by_risk.values())


def test_who_is_held_to_a_branch_is_told_of_its_files_alone(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        here, there = await store(vault, bare("C1", "SH-01"), bare("C2", "BJ-01"))
        whole = allowed(Action.FILES_COMPLETENESS, role="custodian")
        assert await reported(vault, whole) == ({here.customer, there.customer}, 2)
        held = allowed(Action.FILES_COMPLETENESS, role="custodian", branches=["SH-01"])
        assert await reported(vault, held) == ({here.customer}, 1)
        nobody = allowed(Action.FILES_COMPLETENESS, role="custodian", branches=[])
        assert await reported(vault, nobody) == (set(), 0)

    on_a_vault(test)


def test_a_chain_through_a_file_out_of_reach_is_as_one_through_none(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (owner,) = await store(vault, bare("C1", "BJ-01"))
        name = f"institutions/{BANK}/customers/{owner.customer}"
        entity = builders.entity_customer(
            beneficial_owners=(RelatedPerson("A B", None, 10_000, customer=name),)
        )
        (company,) = await store(
            vault, replace(entity, customer_number="C2", branch="SH-01", accounts=())
        )
        files = Files(vault.database, vault.keys, vault.clock)

        async def findings(call: Call) -> list[Amiss]:
            async for page in files.pages(call, BANK):
                for file in page:
                    if file.identifier == company.customer:
                        found = await Assessor(files, RULES, KEPT).assess(call, file, files.today())
                        return [one.kind for one in found.ownership]
            raise AssertionError

        whole = allowed(Action.FILES_COMPLETENESS, role="custodian")
        assert await findings(whole) == []
        held = allowed(Action.FILES_COMPLETENESS, role="custodian", branches=["SH-01"])
        assert Amiss.FILE_MISSING in await findings(held)

    on_a_vault(test)


def test_the_feed_of_changes_is_for_who_reaches_all_files(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        changes = Changes(vault.database, History(vault.database, Archive(None)), vault.log)
        held = allowed(Action.CHANGES_WATCH, branches=["SH-01"])
        with pytest.raises(OutsideScope):
            async for _ in changes.watch(held, BANK, 0, from_end=False, follow=False):
                pass

    on_a_vault(test)
