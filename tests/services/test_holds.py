"""What a hold keeps, against a model that was written another way; and who releases one."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.disposal import BANK, Bank, bank
from tests.support.use_cases import run
from vault.access import Action
from vault.rules.retention import Facts, RecordKind, RuleBook
from vault.rules.retention_files import read_rule_sets
from vault.services.compartments.entry import ChangeRefused, HoldRefused
from vault.services.compartments.hold_rows import HoldBody, HoldState
from vault.services.errors import NotFound
from vault.services.retention.blocking import Kept
from vault.store import Database
from vault.store.holds import Stamp
from vault.store.scopes import ScopeRow

_YEARS = range(2015, 2020)
_DAYS = st.integers(date(2014, 6, 1).toordinal(), date(2020, 6, 1).toordinal())
_BOOK: RuleBook = read_rule_sets()


@st.composite
def bodies(draw: st.DrawFn) -> HoldBody:
    first, last = draw(st.just(0) | _DAYS), draw(st.just(0) | _DAYS)
    if first and last and first > last:
        first, last = last, first
    return HoldBody(
        customer=draw(st.sampled_from(["a", "b"])),
        authority="A court",
        first_on=first,
        last_on=last,
        scopes=draw(
            st.sets(st.sampled_from([f"transactions/{y}" for y in _YEARS]), max_size=2).map(
                lambda s: tuple(sorted(s))
            )
        ),
        state=draw(st.sampled_from(HoldState)),
    )


@st.composite
def rows(draw: st.DrawFn) -> ScopeRow:
    customer, year = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(_YEARS))
    if draw(st.booleans()):
        return ScopeRow(BANK, customer, "identity", ended_on=draw(_DAYS))
    low, high = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    days = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    return ScopeRow(BANK, customer, f"transactions/{year}", days[0], days[1])


def _model_held(hold: HoldBody, row: ScopeRow) -> bool:
    """Day by day: some day of the scope's is one of the hold's."""
    if hold.customer != row.customer or hold.state is HoldState.RELEASED:
        return False
    if row.scope == "identity":
        return True
    if hold.scopes and row.scope not in hold.scopes:
        return False
    held = range(hold.first_on or 1, (hold.last_on or 10**7) + 1)
    return bool(range(max(held.start, row.first_on), min(held.stop, row.last_on + 1)))


@settings(max_examples=300, deadline=None)
@given(st.lists(bodies(), max_size=4), st.sets(st.sampled_from(["a", "b"])), rows(), _DAYS)
def test_nothing_goes_under_a_hold_or_before_its_longest_minimum_and_the_rest_goes(
    placed: list[HoldBody], investigated: set[str], row: ScopeRow, later: int
) -> None:
    by_customer = {
        customer: tuple(one for one in placed if one.customer == customer and one.stands)
        for customer in ("a", "b")
    }
    kept = Kept(Stamp(0, 0, 0), frozenset(investigated), by_customer)
    held = row.customer in investigated or any(_model_held(one, row) for one in placed)
    assert kept.keeps(row) == held
    day = date.fromordinal(later + 3_700)
    kind = RecordKind.IDENTITY if row.scope == "identity" else RecordKind.TRANSACTIONS
    start = row.ended_on or row.last_on
    facts = Facts(
        kind,
        frozenset(["CN"]),
        relationship_end=date.fromordinal(row.ended_on) if row.ended_on else None,
        last_booking=date.fromordinal(row.last_on) if row.last_on else None,
    )
    goes = _BOOK.assess(facts, day).standing.due and not kept.keeps(row)
    over = date.fromordinal(start)
    # In force since 2025, when none of these days was ten years back yet.
    years = 10 if day >= date(2025, 1, 1) else 5
    free = day.year - over.year - ((day.month, day.day) <= (over.month, over.day)) >= years
    if years == 10:
        assert goes == (free and not held)
    elif goes:
        assert free
        assert not held


def live(database: Database, folder: Path, life: Callable[[Bank], Awaitable[None]]) -> None:
    async def main() -> None:
        async with bank(database, folder, date(2026, 1, 5)) as made:
            await life(made)

    run(main)


def test_one_person_releases_no_hold_and_a_stranger_finds_none(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await b.customer(), await b.open_case()
        hold = await b.hold(case, customer)
        propose = b.call("detective", Action.HOLDS_PROPOSE_RELEASE)
        shown = await b.holding.propose_release(propose, BANK, case, hold, "Over.")
        agree = b.call("detective", Action.HOLDS_AGREE_RELEASE)
        with pytest.raises(HoldRefused):
            await b.holding.agree_release(agree, BANK, case, hold, shown.etag)
        stranger = b.call("inspector", Action.HOLDS_AGREE_RELEASE)
        with pytest.raises(NotFound):
            await b.holding.agree_release(stranger, BANK, case, hold, shown.etag)
        with pytest.raises(NotFound):
            await b.holding.page(b.call("inspector", Action.HOLDS_LIST), BANK, case, "", 10)
        await b.join(case)
        with pytest.raises(HoldRefused):
            await b.holding.propose_release(propose, BANK, case, hold, "Again.")
        done = await b.holding.agree_release(stranger, BANK, case, hold, shown.etag)
        assert done.body.state is HoldState.RELEASED
        assert done.body.released_by == "inspector"

    live(database, tmp_path, life)


def test_a_release_by_one_who_is_no_member_any_more_is_proposed_anew(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        case = await b.open_case()
        await b.join(case)
        await b.join(case, "p-sleuth")
        hold = await b.hold(case, await b.customer())

        async def propose(who: str) -> str:
            call = b.call(who, Action.HOLDS_PROPOSE_RELEASE)
            return (await b.holding.propose_release(call, BANK, case, hold, "Over.")).etag

        async def agree(who: str, etag: str) -> HoldState:
            call = b.call(who, Action.HOLDS_AGREE_RELEASE)
            return (await b.holding.agree_release(call, BANK, case, hold, etag)).body.state

        seen = await propose("detective")
        await b.leave(case, "p-detective", by="inspector")
        with pytest.raises(HoldRefused, match="no member any more"):
            await agree("sleuth", seen)
        seen = await propose("inspector")
        with pytest.raises(HoldRefused, match="proposed already"):
            await propose("sleuth")
        assert await agree("sleuth", seen) is HoldState.RELEASED

    live(database, tmp_path, life)


def test_a_compartment_is_not_closed_over_a_hold(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        customer, case = await b.customer(), await b.open_case()
        await b.join(case)
        hold = await b.hold(case, customer)
        close = b.call("detective", Action.COMPARTMENTS_CLOSE)
        with pytest.raises(ChangeRefused):
            await b.cases.close(close, BANK, case)
        await b.release(case, hold)
        assert (await b.cases.close(close, BANK, case)).body.closed
        with pytest.raises(ChangeRefused):
            await b.hold(case, customer)

    live(database, tmp_path, life)


def test_no_event_and_no_row_of_a_hold_names_the_customer(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, case = await b.customer(), await b.open_case()
        await b.hold(case, customer, reference="2 O 17/26", account="6222020000000000000")
        events = [e for e in b.events() if e.action == Action.HOLDS_PLACE]
        assert len(events) == 1
        assert customer not in repr(events)
        dump = b.database.read_sync(
            lambda conn: b"".join(
                bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode()
                for row in conn.exec_driver_sql("SELECT * FROM compartment_holds").all()
                for v in row
            )
        )
        assert customer.encode() not in dump
        assert b"6222020000000000000" not in dump

    live(database, tmp_path, life)


def test_a_hold_on_a_transaction_is_of_its_customer_and_holds_its_year(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        customer, other, case = await b.customer(), await b.customer("C2"), await b.open_case()
        record = await b.book(customer, date(2026, 1, 2))
        hold = await b.hold(case, customer, records=(record,))
        page, _ = await b.holding.page(b.call("detective", Action.HOLDS_LIST), BANK, case, "", 10)
        assert [(one.hold, one.body.scopes) for one in page] == [(hold, ("transactions/2026",))]
        with pytest.raises(NotFound):
            await b.hold(case, other, records=(record,))

    live(database, tmp_path, life)


def test_the_same_request_places_one_hold(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        from vault.services.compartments import NewHold
        from vault.services.replays import Request

        customer, case = await b.customer(), await b.open_case()
        request = Request(Action.HOLDS_PLACE.value, str(uuid.uuid4()), b"the same")
        call = b.call("detective", Action.HOLDS_PLACE)
        new = NewHold(customer, "A court")
        first = await b.holding.place(call, BANK, case, new, request)
        assert await b.holding.place(call, BANK, case, new, request) == first

    live(database, tmp_path, life)


def test_what_is_held_of_a_customer_is_held_of_every_file_that_is_his() -> None:
    hold = HoldBody(customer="a", authority="A court")
    row = ScopeRow(BANK, "b", "identity", ended_on=1)
    kept = Kept(Stamp(0, 0, 0), frozenset(), {"a": (hold,)})
    assert not kept.keeps(row)

    def kin(_institution: str, customer: str) -> frozenset[str]:
        return frozenset(("a", "b")) if customer in "ab" else frozenset((customer,))

    assert replace(kept, kin=kin).keeps(row)
    assert not replace(kept, kin=kin).keeps(replace(row, customer="c"))
