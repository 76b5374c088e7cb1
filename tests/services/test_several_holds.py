"""Holds of several kinds and by several authorities: each keeps what it holds by itself, and two
persons release each."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from vault.access import Action
from vault.services.compartments import NewHold
from vault.services.compartments.entry import HoldRefused
from vault.services.compartments.hold_rows import HoldState
from vault.services.errors import NotFound
from vault.services.replays import Request
from vault.services.retention.errors import NotAtThatStage
from vault.store import Database

FIRST, SECOND = "6200000000000000011", "6200000000000000029"
LATER = date(2026, 1, 5)
"""When all that is not held is long due."""


async def place(b: Bank, case: str, customer: str, authority: str, **more: object) -> str:
    """A hold by an authority; its identifier."""
    call = b.call("detective", Action.HOLDS_PLACE)
    request = Request(call.action, str(uuid.uuid4()), uuid.uuid4().bytes)
    new = NewHold(customer, authority, **more)  # type: ignore[arg-type]  # its fields
    made = await b.holding.place(call, BANK, case, new, request)
    return made.record.partition("/")[2]


async def former(b: Bank, *years: int) -> str:
    """A customer with bookings of two accounts in some years, whose relationship ended in 2012."""
    customer = await b.customer()
    for year in years:
        await b.book(customer, date(year, 3, 1))
        await b.book(customer, date(year, 4, 1))
    await b.end(customer, date(2012, 6, 30))
    return customer


async def due(b: Bank) -> set[str]:
    """What a plan of today would let go; nothing where it is refused for want of anything."""
    try:
        shown = await b.plan()
    except NotAtThatStage:
        return set()
    return {scope for _, scope, stage, _ in b.planned(shown) if stage == "DUE"}


def test_a_hold_on_an_account_keeps_the_whole_customer(database: Database, tmp_path: Path) -> None:
    """It is as fine as what is destroyed together: a year has the bookings of all his accounts."""

    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010, 2011), await b.open_case()
        other = await b.customer("C2")
        await b.end(other, date(2012, 6, 30))
        await b.join(case)
        hold = await place(b, case, customer, "A court", account=FIRST)
        b.clock.on(LATER)
        shown = await b.plan()
        assert {row[0] for row in b.planned(shown) if row[2] == "DUE"} == {other}
        await b.release(case, hold)
        assert await due(b) == {"transactions/2010", "transactions/2011", "identity"}

    live(database, tmp_path, life)


def test_a_hold_on_an_account_of_a_period_keeps_the_customer_and_the_years_of_it(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010, 2011), await b.open_case()
        first = date(2011, 1, 1).toordinal()
        await place(b, case, customer, "A court", account=SECOND, first_on=first)
        b.clock.on(LATER)
        assert await due(b) == {"transactions/2010"}

    live(database, tmp_path, life)


def test_whose_account_it_is_stays_known_although_no_booking_of_it_is_held(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010), await b.open_case()
        first = date(2012, 1, 1).toordinal()
        await place(b, case, customer, "A court", account=SECOND, first_on=first)
        b.clock.on(LATER)
        await b.dispose()
        assert await due(b) == set()
        assert await b.reads(customer)

    live(database, tmp_path, life)


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [
        (date(2011, 1, 1), None, {"transactions/2011", "transactions/2012"}),
        (None, date(2010, 12, 31), {"transactions/2010"}),
        (date(2011, 1, 1), date(2011, 12, 31), {"transactions/2011"}),
        # A day inside of a year holds that year, one between its bookings and the next none.
        (date(2011, 4, 1), date(2011, 4, 1), {"transactions/2011"}),
        (date(2011, 4, 2), date(2012, 2, 29), set()),
    ],
)
def test_a_hold_on_a_period_keeps_its_years_and_whose_they_are(
    first: date | None, last: date | None, kept: set[str], database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010, 2011, 2012), await b.open_case()
        days = {
            "first_on": first.toordinal() if first else 0,
            "last_on": last.toordinal() if last else 0,
        }
        await place(b, case, customer, "A prosecutor", **days)
        b.clock.on(LATER)
        years = {f"transactions/{year}" for year in (2010, 2011, 2012)}
        assert await due(b) == years - kept
        await b.dispose()
        # And it is so when it is carried out: the identity is there, and what is held.
        assert await b.reads(customer)

    live(database, tmp_path, life)


def test_a_hold_on_a_single_transaction_keeps_it_and_its_year_and_the_customer(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer = await b.customer()
        early = await b.book(customer, date(2010, 3, 1))
        held = await b.book(customer, date(2011, 3, 1))
        beside = await b.book(customer, date(2011, 9, 1))
        await b.end(customer, date(2012, 6, 30))
        case = await b.open_case()
        await place(b, case, customer, "A court", records=(held,))
        b.clock.on(LATER)
        done = await b.dispose()
        assert done.counts == {"DONE": 1, "BLOCKED": 2}
        assert await b.reads_transaction(customer, held)
        assert await b.reads_transaction(customer, beside)
        assert await b.reads(customer)
        with pytest.raises(NotFound):
            await b.reads_transaction(customer, early)

    live(database, tmp_path, life)


def test_of_two_authorities_holds_the_release_of_one_keeps_the_file(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer = await former(b, 2010)
        courts, taxes = await b.open_case(), await b.open_case()
        for case in (courts, taxes):
            await b.join(case)
        of_court = await place(b, courts, customer, "A court")
        again = await place(b, courts, customer, "Another court")
        of_taxes = await place(b, taxes, customer, "A tax office", account=FIRST)
        b.clock.on(LATER)
        for case, hold in ((courts, of_court), (taxes, of_taxes)):
            assert await due(b) == set()
            await b.release(case, hold)
        # One stands still, in the compartment that has released another.
        assert await due(b) == set()
        await b.release(courts, again)
        assert await due(b) == {"transactions/2010", "identity"}

    live(database, tmp_path, life)


def test_each_of_two_holds_keeps_its_own_and_the_release_of_one_frees_that_alone(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010, 2011, 2012), await b.open_case()
        await b.join(case)
        holds = {
            year: await place(
                b,
                case,
                customer,
                authority,
                first_on=date(year, 1, 1).toordinal(),
                last_on=date(year, 12, 31).toordinal(),
            )
            for year, authority in ((2010, "A court"), (2012, "A tax office"))
        }
        b.clock.on(LATER)
        assert await due(b) == {"transactions/2011"}
        await b.release(case, holds[2012])
        assert await due(b) == {"transactions/2011", "transactions/2012"}
        await b.release(case, holds[2010])
        assert "identity" in await due(b)

    live(database, tmp_path, life)


def test_a_release_that_one_person_has_proposed_keeps_the_file(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await former(b, 2010), await b.open_case()
        await b.join(case)
        hold = await place(b, case, customer, "A court")
        b.clock.on(LATER)
        propose = b.call("detective", Action.HOLDS_PROPOSE_RELEASE)
        shown = await b.holding.propose_release(propose, BANK, case, hold, "Over.")
        assert await due(b) == set()
        alone = b.call("detective", Action.HOLDS_AGREE_RELEASE)
        with pytest.raises(HoldRefused):
            await b.holding.agree_release(alone, BANK, case, hold, shown.etag)
        assert await due(b) == set()
        second = b.call("inspector", Action.HOLDS_AGREE_RELEASE)
        done = await b.holding.agree_release(second, BANK, case, hold, shown.etag)
        assert done.body.state is HoldState.RELEASED
        assert (done.body.proposer, done.body.released_by) == ("detective", "inspector")
        assert await due(b) == {"transactions/2010", "identity"}

    live(database, tmp_path, life)
