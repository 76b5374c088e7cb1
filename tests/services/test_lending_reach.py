"""The lending register of who is held to branches or classes, on a real store: what is of other
files is not there for him, and is not his to ask for or to decide."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.services import test_lending as register_tests
from tests.services.test_lending import HOUR, Lending, call, lending
from tests.services.test_reach import HERE, THERE, VIP, move
from tests.services.test_storing import create, person
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, run
from vault.access import Action, Principal
from vault.access.lending import Stage, State
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import Customer, is_ulid, new_ulid, ulid_ms
from vault.services.call import Call
from vault.services.check_out_rows import Words, from_row, to_row
from vault.services.closed import CheckOutNotFound, OutsideScope
from vault.services.lending import Ask, Shown, Wanted, Watching
from vault.services.replays import Request
from vault.store import Database, check_outs

Main = Callable[[Lending], Coroutine[Any, Any, None]]


@pytest.fixture
def on_a_register(database: Database, tmp_path: Path) -> Callable[[Main], None]:
    """Runs a test's coroutine on the register's use cases."""

    def run_test(test: Main) -> None:
        async def main() -> None:
            async with lending(database, tmp_path) as lent:
                await test(lent)

        run(main)

    return run_test


def held(made: Call, **limits: Any) -> Call:
    """The call, of a person who is held to branches or classes; the directory has him so too."""
    was = made.principal
    assert was is not None
    made.principal = limit(was, **limits)
    return made


def limit(who: Principal, **limits: Any) -> Principal:
    """Have the directory hold somebody to branches or classes."""
    known: dict[str, Principal] = register_tests._PEOPLE
    known[who.name] = principal_of(*who.roles, name=who.name, person=who.person, **limits)
    return known[who.name]


async def ask(lent: Lending, made: Call, customer: str, **more: Any) -> Shown:
    """Ask for a file by this call."""
    wanted = Ask(
        institution=BANK,
        customer=customer,
        record="",
        fields=("customer.phones",),
        purpose="CUSTOMER_SERVICE",
        duration=60_000_000,
        one_time=False,
        words=Words("Calls back", "K-1"),
    )
    return await lent.asking.request(made, replace(wanted, **more), Request("request", "", b""))


async def customers(lent: Lending, *records: Customer) -> list[str]:
    return [one.customer for one in await create(lent.vault, *records)]


async def pages(lent: Lending, size: int, **limits: Any) -> tuple[list[str], list[str]]:
    """The identifiers of a custodian's list, and where its pages ended."""
    seen: list[str] = []
    ends: list[str] = []
    before = ""
    while True:
        listing = held(call(Action.CHECK_OUTS_LIST, "custodian"), **limits)
        rows, before = await lent.looking.rows(listing, Wanted(BANK), before, size)
        seen += [row.check_out for row in rows]
        if not before:
            return seen, ends
        ends.append(before)


def test_nobody_asks_for_a_file_that_he_does_not_reach(on_a_register: Any) -> None:
    async def test(lent: Lending) -> None:
        ours, theirs, vip = await customers(
            lent,
            person("C1", branch=HERE),
            person("C2", branch=THERE),
            person("C3", branch=HERE, sensitivities=VIP),
        )
        limits = {"branches": [HERE], "classes": ["ORDINARY"]}

        def asking() -> Call:
            return held(call(Action.CHECK_OUTS_REQUEST, "teller"), **limits)

        await ask(lent, asking(), ours)
        for customer in (theirs, vip):
            with pytest.raises(OutsideScope):
                await ask(lent, asking(), customer)
            # Whatever of him it is, and whether or not that is there.
            with pytest.raises(OutsideScope):
                await ask(lent, asking(), customer, record=f"documents/{new_ulid(1)}")
        breaking = lent.asking.break_glass
        for customer in (theirs, vip):
            made = call(Action.BREAK_GLASS, "break_glass", customer=customer)
            with pytest.raises(OutsideScope):
                await breaking(held(made, **limits), BANK, customer, "CUSTOMER_SERVICE", "Fire")
        made = call(Action.BREAK_GLASS, "break_glass", customer=ours)
        await breaking(held(made, **limits), BANK, ours, "CUSTOMER_SERVICE", "Fire")

    on_a_register(test)


def test_all_customers_together_are_beyond_every_limit(on_a_register: Any) -> None:
    async def test(lent: Lending) -> None:
        whole: dict[str, Any] = {
            "purpose": "INTERNAL_AUDIT",
            "fields": ("customer",),
            "one_time": True,
        }

        def asking() -> Call:
            return call(Action.CHECK_OUTS_REQUEST, "compliance")

        made = await ask(lent, asking(), "", **whole)
        with pytest.raises(OutsideScope):
            await ask(lent, held(asking(), branches=[HERE]), "", **whole)
        getting = call(Action.CHECK_OUTS_GET, "custodian")
        assert (await lent.looking.get(getting, BANK, made.out.identifier)).out == made.out
        with pytest.raises(CheckOutNotFound):
            await lent.looking.get(held(getting, branches=[HERE]), BANK, made.out.identifier)

    on_a_register(test)


def test_entries_of_other_files_are_not_there_for_who_is_limited(on_a_register: Any) -> None:
    async def test(lent: Lending) -> None:
        ours, theirs, vip = await customers(
            lent,
            person("C1", branch=HERE),
            person("C2", branch=THERE),
            person("C3", branch=HERE, sensitivities=VIP),
        )
        mine, other, prominent = [await lent.ask(one, duration=HOUR) for one in (ours, theirs, vip)]
        for limits, there in (
            ({"branches": [HERE]}, [prominent, mine]),
            ({"classes": ["ORDINARY"]}, [other, mine]),
            ({"branches": [HERE], "classes": ["ORDINARY"]}, [mine]),
            ({"branches": []}, []),
        ):
            wanted = [one.out.identifier for one in there]
            assert await pages(lent, 10, **limits) == (wanted, [])
            seen, ends = await pages(lent, 1, **limits)
            assert (seen, set(ends) <= {*wanted}) == (wanted, True)
        limits = {"branches": [HERE]}
        identifier, etag = other.out.identifier, other.etag
        decide, look = lent.deciding, lent.looking
        custodian: dict[Action, Callable[[Call], Any]] = {
            Action.CHECK_OUTS_GET: lambda who: look.get(who, BANK, identifier),
            Action.CHECK_OUTS_APPROVE: lambda who: decide.approve(who, BANK, identifier, etag),
            Action.CHECK_OUTS_DENY: lambda who: decide.deny(who, BANK, identifier, etag),
            Action.CHECK_OUTS_REVOKE: lambda who: decide.revoke(who, BANK, identifier),
        }
        for action, do in custodian.items():
            with pytest.raises(CheckOutNotFound) as refused:
                await do(held(call(action, "custodian"), **limits))
            assert refused.value.denies
        row = lent.current(other)
        assert (row.version, row.stage) == (1, Stage.REQUESTED.value)
        approving = held(call(Action.CHECK_OUTS_APPROVE, "custodian"), **limits)
        approved = await decide.approve(approving, BANK, mine.out.identifier, mine.etag)
        assert approved.state is State.ACTIVE

    on_a_register(test)


def test_a_watcher_hears_of_files_within_his_reach_alone(on_a_register: Any) -> None:
    async def test(lent: Lending) -> None:
        ours, theirs = await customers(lent, person("C1", branch=HERE), person("C2", branch=THERE))
        first, _ = await lent.ask(ours), await lent.ask(theirs)
        history = History(lent.vault.database, Archive(None))
        watching = Watching(lent.register, lent.looking, history, lent.log)
        seen: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

        async def watch() -> None:
            following = held(call(Action.CHECK_OUTS_WATCH, "custodian"), branches=[HERE])
            async for shown in watching.watch(following, Wanted(BANK)):
                await seen.put((shown.out.identifier, shown.out.version))

        follower = asyncio.create_task(watch())
        assert await asyncio.wait_for(seen.get(), 10) == (first.out.identifier, 1)
        await lent.ask(theirs)
        later = await lent.ask(ours)
        assert await asyncio.wait_for(seen.get(), 10) == (later.out.identifier, 1)
        follower.cancel()
        await asyncio.wait([follower])
        assert seen.empty()

    on_a_register(test)


def test_who_asked_keeps_his_own_entry_and_may_return_it_but_renews_it_not(
    on_a_register: Any,
) -> None:
    async def test(lent: Lending) -> None:
        (customer,) = await customers(lent, person("C1", branch=HERE))
        out = await lent.approve(await lent.ask(customer))
        await move(lent.vault, customer, branch=THERE)
        limits = {"branches": [HERE]}
        getting = held(call(Action.CHECK_OUTS_GET, "teller"), **limits)
        seen = await lent.looking.get(getting, BANK, out.out.identifier)
        assert seen.state is State.ACTIVE
        renewing = held(call(Action.CHECK_OUTS_RENEW, "teller"), **limits)
        with pytest.raises(OutsideScope):
            await lent.asking.renew(
                renewing, BANK, out.out.identifier, 60_000_000, "Still", Request("renew", "", b"")
            )
        returning = held(call(Action.CHECK_OUTS_RETURN, "teller"), **limits)
        back = await lent.deciding.give_back(returning, BANK, out.out.identifier)
        assert back.state is State.RETURNED

    on_a_register(test)


def test_an_approval_falls_away_when_its_giver_reaches_the_file_no_more(on_a_register: Any) -> None:
    async def test(lent: Lending) -> None:
        (customer,) = await customers(lent, person("C1", branch=HERE, sensitivities=VIP))
        half = await lent.approve(await lent.ask(customer, duration=HOUR))
        assert half.state is State.REQUESTED
        assert [one.approver for one in half.out.approvals] == ["custodian"]
        known: dict[str, Principal] = register_tests._PEOPLE
        for limits, stands in (
            ({"branches": [HERE]}, True),
            ({"branches": [THERE]}, False),
            ({"classes": ["ORDINARY"]}, False),
            ({"classes": ["VIP", "ORDINARY"]}, True),
            ({"branches": []}, False),
        ):
            limit(known["custodian"], **limits)
            seen = await lent.look(half, "security_officer")
            assert bool(seen.out.approvals) is stands, limits
        # The second who agrees is the first of whom it counts.
        agreeing = call(Action.CHECK_OUTS_APPROVE, "compliance")
        now = await lent.deciding.approve(agreeing, BANK, half.out.identifier, half.etag)
        assert now.state is State.REQUESTED
        assert [one.approver for one in now.out.approvals] == ["compliance"]

    on_a_register(test)


def test_a_long_register_of_other_files_is_looked_through_in_parts_that_name_none_of_it(
    on_a_register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.lending.looking._WINDOW", 5)
    monkeypatch.setattr("vault.services.lending.looking._MOST", 10)

    async def test(lent: Lending) -> None:
        ours, theirs = await customers(lent, person("C1", branch=HERE), person("C2", branch=THERE))
        oldest, newest = await lent.ask(ours), await lent.ask(theirs)
        row = lent.current(newest)

        def fill(conn: Any) -> None:
            for n in range(45):
                out = replace(from_row(row), identifier=new_ulid(ulid_ms(row.check_out) + 1 + n))
                check_outs.insert(conn, to_row(out, row.sealed, row.recorded_at, "teller"))

        lent.vault.database.write_sync(fill)
        everything, _ = await pages(lent, 100)
        assert len(everything) == 47
        seen, ends = await pages(lent, 3, branches=[HERE])
        assert seen == [oldest.out.identifier]
        assert 4 <= len(ends) <= 6
        assert not {*ends} & {*everything}
        assert all(is_ulid(end) for end in ends)
        # What he may not know of moves no end: a page is as long with it as without it.
        hidden = replace(
            from_row(row),
            identifier=new_ulid(ulid_ms(row.check_out) + 3),
            confidential=True,
            needed_roles=("compliance",),
            seen_by=("compliance",),
        )
        lent.past_the_vault(row, hidden, row.sealed)
        _, again = await pages(lent, 3, branches=[HERE])
        assert len(again) == len(ends)

    on_a_register(test)
