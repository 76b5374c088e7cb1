"""Files that point to another: searches, numbers, accounts and lists go to the surviving one."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.access.proposals import Kind, Party, Proposal, propose
from vault.records import IndexKind, NaturalPerson
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS, TRANSACTIONS
from vault.services.masked import Lookup
from vault.services.merging.content import Change, MergeChange, UnmergeChange, to_content
from vault.services.merging.errors import Merged
from vault.services.merging.standing import Merges
from vault.services.replays import Request
from vault.services.storing import Batch
from vault.store import Database

PHONE = "+8613800138000"
FIRST, SECOND = builders.RESIDENT_ID, "110105194912310038"


def agreed(*changes: Change, institution: str = BANK) -> list[Proposal]:
    return [
        propose(Kind.MERGE, institution, "0" * 26, Party("li", "p-1"), to_content(one), "Twice.", 1)
        for one in changes
    ]


def test_files_point_on_and_stand_for_themselves_again() -> None:
    steps = agreed(MergeChange("a", "b"), MergeChange("b", "c"))
    merges = Merges(lambda: steps)
    assert [merges.survivor(BANK, one) for one in "abcd"] == ["c", "c", "c", "d"]
    assert merges.survivor("other-bank", "a") == "a"
    with pytest.raises(Merged) as refused:
        merges.require_apart(BANK, "a")
    assert refused.value.metadata["merged_into"].endswith("/customers/c")
    steps = [*steps, *agreed(UnmergeChange("b", "c"))]
    assert [merges.survivor(BANK, one) for one in "abc"] == ["b", "b", "c"]


def human(identity: str) -> NaturalPerson:
    one = builders.person()
    assert one.identity is not None
    return replace(one, identity=replace(one.identity, number=identity))


async def store(vault: UseCases, number: str, **changes: Any) -> str:
    nobody = replace(builders.person(), identity=None)
    record = builders.customer(
        **{"customer_number": number, "natural_person": nobody, "accounts": (), **changes}
    )
    request = Request("records.customers.create", str(uuid.uuid4()), uuid.uuid4().bytes)
    call = allowed(Action.CUSTOMERS_CREATE)
    batch = Batch(BANK, [NewRecord(CUSTOMERS, record)], True, request)
    return (await vault.storing.store_together(call, batch))[0].customer


async def search(vault: UseCases, page: int) -> list[str]:
    """All pages."""
    found: list[str] = []
    while True:
        call = allowed(Action.INDEX_LOOKUP, role="masked_node", name="node", on_behalf_of="crm")
        after = found[-1] if found else ""
        some = await vault.oracle.look_up(call, Lookup(BANK, IndexKind.PHONE, PHONE, after, page))
        found += some
        if len(some) < page:
            return found


def test_a_search_finds_survivors_once_and_in_order_whatever_the_page(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path, searches=1_000) as vault:
            found = [await store(vault, f"C{n}", phones=(PHONE,)) for n in range(9)]
            # They are found by their own values no more, and by those of the files they take in.
            silent = await store(vault, "C10", phones=())
            pairs = [(0, silent), (3, found[1]), (8, found[2]), (5, silent), (2, found[7])]
            vault.agreed = agreed(*(MergeChange(found[n], into) for n, into in pairs))
            gone = {found[n] for n, _ in pairs}
            wanted = sorted({*found, silent} - gone)
            for page in (1, 2, 3, 50):
                assert await search(vault, page) == wanted
            listed: list[str] = []
            while True:
                call = allowed(Action.CUSTOMERS_LIST, role="compliance")
                after = listed[-1] if listed else ""
                part = await vault.reading.customer_listing(call, BANK, after, 2)
                listed += [one.customer for one in part.rows]
                if len(part.rows) < 2:
                    break
            assert listed == wanted

    run(main)


def test_a_number_or_an_account_of_either_file_books_into_the_surviving_one(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            shared = builders.customer().accounts
            # GB 11643-1999, annex A, and one with the next serial number.
            old = await store(vault, "C1", accounts=shared, natural_person=human(FIRST))
            kept = await store(vault, "C2", accounts=shared, natural_person=human(SECOND))
            vault.agreed = agreed(MergeChange(old, kept))
            items = [
                NewRecord(TRANSACTIONS, builders.transaction(), owner_number="C1"),
                NewRecord(TRANSACTIONS, builders.transaction(), owner_account=shared[0]),
            ]
            request = Request("records.import", str(uuid.uuid4()), b"")
            stored = await vault.storing.store_together(
                allowed(Action.IMPORT), Batch(BANK, items, True, request)
            )
            assert {one.customer for one in stored} == {kept}

    run(main)
