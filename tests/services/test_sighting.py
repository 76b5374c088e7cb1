"""What the rules remember holds over processes and restarts, and stands or falls with the event."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.support.principals import principal_of
from tests.support.use_cases import BANK
from tests.support.watching import Process, Run, call_of, opening, person, refused, runner
from vault.access import Action, ActionClass, Principal
from vault.access.detection import By, Rules, Seen, read_rules
from vault.services.call import Call, Trace
from vault.services.sighting import from_row, to_row
from vault.store.sightings import FULL, MASKED, Sighting

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
_RULES = """\
[[sequence]]
id = "in-order"
severity = "alert"
callers = "persons"
count = 4
within = "10m"

[[refusals]]
id = "refused"
severity = "warning"
count = 3
within = "10m"

[[similar]]
id = "one-family"
severity = "alert"
callers = "persons"
by = "surname"
count = 3
within = "1h"

[[following]]
id = "no-business"
severity = "warning"
callers = "persons"
roles = ["compliance"]
count = 2
after = "30m"
followed_by = ["write", "lending"]
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    path = tmp_path_factory.mktemp("rules") / "detection.toml"
    path.write_text(_RULES, "utf-8")
    return read_rules(path)


@pytest.fixture
def run(migrated_url: str, tmp_path: Path, rules: Rules) -> Iterator[Run]:
    """Run a test with so many processes on a database, under the rules above."""
    for started in runner(migrated_url, tmp_path):
        yield partial(started, rules=rules)


def family(who: Principal, customer: str, name: str = "x") -> Call:
    """A read of a customer of a family."""
    call = opening(who, customer)
    call.alike = ((By.SURNAME, name),)
    return call


def rows(process: Process, table: str = "full_sightings") -> int:
    def counted(conn: Connection) -> int:
        return int(conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    return process.database.read_sync(counted)


def test_an_order_is_noticed_over_two_processes(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        one, other = made
        who = person("one")
        assert await one.record(opening(who, "a")) == []
        assert await other.record(opening(who, "b")) == []
        assert await one.record(opening(who, "c")) == []
        assert await other.record(opening(who, "d")) == ["IN_ORDER"]
        # It begins anew in both: with d, and e, f, g.
        assert await one.record(opening(who, "e")) == []
        assert await other.record(opening(who, "f")) == []
        assert await one.record(opening(who, "g")) == ["IN_ORDER"]
        # It stands in front of the call's own event, in one transaction with it.
        last = one.events()[-2:]
        assert [(e.action, e.reason, e.customer) for e in last] == [
            ("watch.alert", "IN_ORDER", "g"),
            ("records.customers.get", "", "g"),
        ]
        assert last[0].call_id == last[1].event_id

    run(test, 2)


def test_what_was_seen_before_a_restart_counts_after_it(run: Run) -> None:
    who = person("one")

    async def first(made: list[Process]) -> None:
        assert await made[0].record(family(who, "z")) == []
        assert await made[0].record(family(who, "a")) == []

    async def second(made: list[Process]) -> None:
        assert await made[0].record(family(who, "b")) == ["ONE_FAMILY"]

    async def third(made: list[Process]) -> None:
        assert made[0].alerts() == ["ONE_FAMILY"]
        # The family was told of and begins anew, the order goes on: a, b, c, d.
        assert await made[0].record(family(who, "c")) == []
        assert await made[0].record(family(who, "d")) == ["IN_ORDER"]
        assert await made[0].record(family(who, "c")) == []
        assert await made[0].record(family(who, "0")) == ["ONE_FAMILY"]

    for test in (first, second, third):
        run(test)


def test_refusals_are_counted_over_processes_and_an_allowed_call_anywhere_ends_the_row(
    run: Run,
) -> None:
    async def test(made: list[Process]) -> None:
        one, other = made
        who = person("one")
        assert await one.record(refused(who, "a")) == []
        assert await other.record(refused(who, "a")) == []
        assert await one.record(refused(who, "a")) == ["REFUSED"]
        assert await one.record(refused(who, "a")) == []
        assert await one.record(refused(who, "a")) == []
        # The other one has not refused him lately, and knows that somebody has.
        other.clock.ahead = 2 * SECOND
        assert await other.record(call_of(who, "", Action.MASKED_CUSTOMERS_LIST, "")) == []
        one.clock.ahead = 3 * SECOND
        assert await one.record(refused(who, "a")) == []
        assert await one.record(refused(who, "a")) == []
        assert await other.record(refused(who, "a")) == ["REFUSED"]

    run(test, 2)


def test_business_in_another_process_follows_an_opened_file(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        one, other = made
        who = person("one")
        for customer in "ace":
            await one.record(opening(who, customer))
        business = call_of(who, "a", Action.CHECK_OUTS_REQUEST, "")
        await other.record(business)
        one.clock.ahead = other.clock.ahead = 31 * MINUTE
        assert await other.record(opening(who, "c")) == ["NO_BUSINESS"]
        assert other.events()[-2].count == 2

    run(test, 2)


def test_many_calls_at_once_in_two_processes_raise_as_many_alerts_as_in_one(run: Run) -> None:
    """No call is lost, and none counted twice: every third customer of the family raises one."""

    async def test(made: list[Process]) -> None:
        people = [person(f"n{number}") for number in range(4)]
        customers = [f"c{number:02}" for number in range(18)]

        async def all_of(process: Process, mine: list[str]) -> list[str]:
            told = await asyncio.gather(
                *(process.record(family(who, customer)) for customer in mine for who in people)
            )
            return [reason for reasons in told for reason in reasons]

        both = await asyncio.gather(
            all_of(made[0], customers[::2]), all_of(made[1], customers[1::2])
        )
        told = [reason for reasons in both for reason in reasons if reason == "ONE_FAMILY"]
        assert len(told) == len(people) * len(customers) // 3
        assert made[0].alerts().count("ONE_FAMILY") == len(told)
        assert rows(made[0]) == len(people) * len(customers)

    run(test, 2)


def test_what_was_not_committed_was_not_seen(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("one")

        def fail(_conn: Connection) -> None:
            raise LookupError

        for customer in "ab":
            await one.record(opening(who, customer))
        for customer in "cd":
            with pytest.raises(LookupError):
                await one.recorder.commit(opening(who, customer), fail, lambda _: Trace(BANK))
        assert rows(one) == 2
        assert one.alerts() == []
        # c is the third, not the fifth.
        assert await one.record(opening(who, "c")) == []
        assert await one.record(opening(who, "d")) == ["IN_ORDER"]

    run(test)


def test_whom_no_rule_is_about_leaves_no_row_and_costs_nothing(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,) = made
        program = principal_of("compliance", name="batch")
        for customer in "abcdef":
            call = opening(program, customer)
            await one.watch.admit(call)
            made_of_it = one.watch.reckon(call, call.event(one.clock.now_micros()))
            # Once a minute one removes what is old.
            assert made_of_it is None or (made_of_it.prune and made_of_it.turn is None)
            await one.record(call)
        assert rows(one) == 0
        # Refusals are about everybody; what he is allowed ends the row, and then is his own again.
        await one.record(refused(program, "a"))
        for customer in "abc":
            await one.record(opening(program, customer))
        assert rows(one) == 2

    run(test)


def test_a_second_look_within_a_minute_leaves_no_row(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("one")
        for _ in range(3):
            await one.record(opening(who, "a"))
        assert rows(one) == 1
        # What is new of him is seen, and so is he after a while.
        await one.record(family(who, "a"))
        await one.record(family(who, "a"))
        assert rows(one) == 2
        one.clock.ahead = 2 * MINUTE
        await one.record(opening(who, "a"))
        assert rows(one) == 3

    run(test)


def test_what_is_too_old_to_matter_is_removed_from_both_tiers(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("one")
        old = one.clock.now_micros() - 50 * HOUR
        for number, what in enumerate(("opened", "refused", "done"), 1):
            row = Sighting(number, old, "full_read", "a", what, "", "", "")
            for table in (FULL, MASKED):
                one.database.write_sync(lambda c, t=table, r=row: t.add(c, BANK, "person/p", r))  # type: ignore[misc]  # defaults
        for customer in "ab":
            await one.record(opening(who, customer))
        assert rows(one) == 2
        assert rows(one, "masked_sightings") == 0
        # A caller whose rows are all gone begins with the first number again.
        one.clock.ahead = 60 * HOUR
        await one.record(opening(person("other"), "a"))
        assert rows(one) == 1
        for customer in "cde":
            assert await one.record(opening(who, customer)) == []
        assert await one.record(opening(who, "f")) == ["IN_ORDER"]

    run(test)


def test_each_tier_sees_in_a_table_of_its_own(run: Run) -> None:
    async def test(made: list[Process]) -> None:
        (one,), who = made, person("one")
        raised = []
        for customer in "abcd":
            raised += await one.record(call_of(who, customer, Action.MASKED_CUSTOMERS_GET, ""))
        assert raised == ["IN_ORDER"]
        assert (rows(one), rows(one, "masked_sightings")) == (0, 4)

    run(test, full=False)


def test_rows_that_say_nothing_are_passed_over(run: Run) -> None:
    """Whoever has the masked tier's credentials can add some."""

    async def test(made: list[Process]) -> None:
        (one,), who = made, person("one")
        now = one.clock.now_micros()
        for number, action_class in enumerate(("nonsense", "full_read"), 1):
            row = Sighting(number, now, action_class, "b", "opened", "", "", "shoe-size:9")
            one.database.write_sync(lambda c, r=row: FULL.add(c, BANK, "person/p-one", r))  # type: ignore[misc]  # a default
        for customer in "abc":
            assert await one.record(opening(who, customer)) == []
        assert await one.record(opening(who, "d")) == ["IN_ORDER"]

    run(test)


@given(
    seen=st.builds(
        Seen,
        roles=st.frozensets(st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True), max_size=3),
        person=st.booleans(),
        action_class=st.sampled_from(ActionClass),
        customer=st.text("0123abc", max_size=4),
        opened=st.booleans(),
        refused=st.booleans(),
        at=st.integers(0, 2**62),
        alike=st.lists(
            st.tuples(st.sampled_from(By), st.text("0123456789abcdef", max_size=8)), max_size=3
        ).map(tuple),
    ),
    raised=st.lists(st.from_regex(r"[a-z][a-z-]{0,9}", fullmatch=True), max_size=2),
)
def test_a_call_comes_back_from_its_row(seen: Seen, raised: list[str]) -> None:
    if seen.refused:
        seen = seen._replace(opened=False)
    row = to_row(7, seen, raised)
    who = "person/p" if seen.person else "principal/p"
    assert from_row(row, who) == seen
    assert row.raised.split() == raised
    assert replace(row, number=8) != row
