"""Back ends that follow the changes are told what was disposed of, and of nothing that was kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import ended, live
from tests.support.disposal import BANK, Bank, call_of
from tests.support.principals import principal_of
from vault.access import Action
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import TransactionName
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.life.changes import Change, ChangeKind, Changes
from vault.store import Database


async def told(b: Bank, position: int, call: Call | None = None) -> tuple[list[Change], int]:
    """What a back end is told from a position on, and where it goes on."""
    changes = Changes(b.database, History(b.database, Archive(None)), b.log)
    call = call or b.call("backend", Action.CHANGES_WATCH)
    found: list[Change] = []
    at = position
    async for part in changes.watch(call, BANK, position, from_end=False, follow=False):
        found += part.changes
        at = part.next_position
    return found, at


def test_what_went_is_told_by_name_and_goes_on_from_any_position(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        _, before = await told(b, 0)
        b.clock.on(date(2019, 1, 3))
        await b.dispose()
        found, later = await told(b, before)
        file = f"customers/{customer}"
        # Once each, however many versions there were; without their hashes, versions or values.
        assert {one.kind for one in found} == {ChangeKind.DISPOSED}
        names = [one.name for one in found]
        assert names[0] == f"{file}/{booked}"
        assert names[-1] == file
        assert len(names) == 3 and names[1].startswith(f"{file}/documents/")
        assert {(one.version, one.due, one.path) for one in found} == {(0, "", "")}
        # The transaction went by an event of its own.
        assert (await told(b, found[0].position))[0] == found[1:]
        assert await told(b, later) == ([], later)

    live(database, tmp_path, life)


def test_a_single_transaction_that_went_early_is_told(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer = await b.customer()
        early = await b.book(customer, date(2025, 1, 15))
        await b.book(customer, date(2025, 12, 15))
        b.clock.on(date(2035, 2, 1))
        _, before = await told(b, 0)
        await b.dispose(TransactionName(BANK, customer, early.partition("/")[2]))
        found, _ = await told(b, before)
        assert [(one.name, one.kind) for one in found] == [
            (f"customers/{customer}/{early}", ChangeKind.DISPOSED)
        ]

    live(database, tmp_path, life, date(2025, 1, 4))


def test_what_a_hold_has_kept_is_not_told_of(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        b.clock.on(date(2019, 1, 3))
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        _, before = await told(b, 0)
        case = await b.open_case()
        await b.hold(case, customer, first_on=date(2012, 1, 1).toordinal())
        await b.runner.look()
        assert (await b.get(shown)).counts == {"DONE": 1, "PASSED": 1}
        found, _ = await told(b, before)
        assert [one.name for one in found] == [f"customers/{customer}/{booked}"]

    live(database, tmp_path, life)


def test_who_may_not_know_of_a_customer_is_not_told_that_he_went(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(date(2019, 1, 3))
        await b.dispose()
        own = principal_of("custodian", person="p-1", own_files=[customer])
        held = principal_of("custodian", person="p-1", branches=["BJ-01"])
        _, end = await told(b, 0)
        assert await told(b, 0, call_of(b.policy, own, Action.CHANGES_WATCH)) == ([], end)
        with pytest.raises(OutsideScope):
            await told(b, 0, call_of(b.policy, held, Action.CHANGES_WATCH))

    live(database, tmp_path, life)
