"""A backup of the data that is older than a disposal brings rows back whose keys are gone: they are
let go once more, in the same way as before, and nothing else goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import ended, live
from tests.support.disposal import BANK, Bank
from vault.records import Branch, IndexKind, ScopeRef, TransactionName
from vault.rpc.translate import retention as to
from vault.services.errors import NotFound, Shredded
from vault.services.retention.errors import NotAtThatStage
from vault.store import Database, shredding
from vault.store import disposals as disposal_rows

LATER = date(2019, 1, 3)
"""When five years are over."""


def shredded(b: Bank, customer: str, scopes: Sequence[str]) -> None:
    """Their keys are gone, and this database is from before that was so."""
    refs = [ScopeRef(BANK, customer, scope) for scope in scopes]
    at = b.clock.now_micros()
    b.keys_database.write_sync(lambda conn: shredding.shred(conn, [(ref, at) for ref in refs]))
    for ref in refs:
        for branch in Branch:
            b.ring.forget_file_key(branch, ref)


BOTH = ("transactions/2011", "identity")


def test_rows_whose_keys_are_gone_are_due_and_the_plan_says_why(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(LATER)
        other = await b.customer("C2")
        shredded(b, customer, BOTH)
        with pytest.raises(Shredded):
            await b.reads(customer)
        assert await b.finds(IndexKind.CUSTOMER_NUMBER, "C1") == [customer]
        shown = await b.plan()
        assert b.planned(shown) == [(customer, scope, "DUE", "") for scope in BOTH]
        rows = b.database.read_sync(
            lambda conn: list(disposal_rows.every_item(conn, BANK, shown.disposal.identifier))
        )
        assert [(to.item(one).came_back, to.item(one).rule) for one in rows] == [(True, "")] * 2
        await b.approve(shown)
        await b.begin(shown)
        await b.runner.look()
        done = await b.get(shown)
        assert (done.counts, done.disposal.body.rows) == ({"DONE": 2}, 4)
        with pytest.raises(NotFound):
            await b.reads(customer)
        assert await b.finds(IndexKind.CUSTOMER_NUMBER, "C1") == []
        assert await b.reads(other)

    live(database, tmp_path, life)


def test_what_is_held_stays_also_if_nobody_can_open_it(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        case = await b.open_case()
        await b.join(case)
        hold = await b.hold(case, customer)
        b.clock.on(LATER)
        shredded(b, customer, BOTH)
        with pytest.raises(NotAtThatStage):
            await b.plan()
        await b.release(case, hold)
        assert {(r[1], r[2]) for r in b.planned(await b.plan())} == {(s, "DUE") for s in BOTH}

    live(database, tmp_path, life)


def test_what_has_its_keys_does_not_go_because_the_file_that_it_belongs_to_has_none(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        other = await ended_too(b)
        b.clock.on(LATER)
        shredded(b, customer, ["identity"])
        planned = [r for r in b.planned(await b.dispose()) if r[0] == customer]
        assert planned == [
            (customer, "transactions/2011", "BLOCKED", "UNREADABLE"),
            (customer, "identity", "BLOCKED", "TRANSACTIONS_REMAIN"),
        ]
        with pytest.raises(NotFound):
            await b.reads(other)
        assert await b.keys.full([ScopeRef(BANK, customer, "transactions/2011")])

    live(database, tmp_path, life)


async def ended_too(b: Bank) -> str:
    """Another one, without transactions."""
    customer = await b.customer("C2")
    await b.end(customer, date(2012, 6, 30))
    return customer


def test_what_a_disposal_is_taking_away_is_in_no_other_plan(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(LATER)
        refs = [ScopeRef(BANK, customer, scope) for scope in BOTH]
        b.database.write_sync(lambda conn: shredding.add_to_list(conn, refs, 1))
        shredded(b, customer, BOTH)
        with pytest.raises(NotAtThatStage):
            await b.plan()

    live(database, tmp_path, life)


def test_a_disposal_that_the_backup_found_under_way_is_carried_out_to_its_end(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, _ = await ended(b)
        b.clock.on(LATER)
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        shredded(b, customer, BOTH)
        await b.runner.look()
        assert (await b.get(shown)).counts == {"DONE": 2}
        with pytest.raises(NotFound):
            await b.reads(customer)

    live(database, tmp_path, life)


def test_a_single_transaction_of_a_year_without_keys_is_passed_over_and_others_have_their_turn(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, booked = await ended(b)
        other = await ended_too(b)
        b.clock.on(LATER)
        single = await b.plan(TransactionName(BANK, customer, booked.partition("/")[2]))
        rest = await b.plan()
        for shown in (single, rest):
            await b.approve(shown)
            await b.begin(shown)
        shredded(b, customer, ["transactions/2011"])
        await b.runner.look()
        assert (await b.get(single)).counts == {"PASSED": 1}
        assert (await b.get(rest)).counts == {"DONE": 3}
        with pytest.raises(NotFound):
            await b.reads(other)

    live(database, tmp_path, life)
