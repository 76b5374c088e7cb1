"""The oracle's budgets: an index that can be enumerated is asked only so often."""

from pathlib import Path

import pytest

from tests.support.use_cases import BANK, SteppedClock, allowed, run, use_cases
from vault.access import Action, GrantMismatch
from vault.records import IndexKind
from vault.services.call import Behind, Call
from vault.services.errors import Exhausted
from vault.services.lookup import Budget
from vault.services.masked import Lookup
from vault.store import Database


def spent(budget: Budget, principal: str, bank: str = BANK) -> int:
    """How many look-ups there were left."""
    for n in range(1_000):
        try:
            budget.spend(bank, principal)
        except Exhausted:
            return n
    raise AssertionError("no end")


def test_a_principal_has_a_minutes_look_ups_at_once_and_no_more() -> None:
    budget = Budget(60, SteppedClock())
    assert spent(budget, "crm") == 60
    assert spent(budget, "crm") == 0


def test_the_budget_comes_back_with_time_up_to_a_minutes_worth() -> None:
    clock = SteppedClock()
    budget = Budget(60, clock)
    spent(budget, "crm")
    clock.seconds += 5
    assert spent(budget, "crm") == 5
    clock.seconds += 3_600
    assert spent(budget, "crm") == 60


def test_one_principals_budget_is_not_anothers() -> None:
    budget = Budget(3, SteppedClock())
    assert [spent(budget, "crm"), spent(budget, "other")] == [3, 3]
    assert spent(budget, "crm", "other-bank") == 3


def node(on_behalf_of: str, behind: Behind | None = None) -> Call:
    call = allowed(Action.INDEX_LOOKUP, role="masked_node", name="node", on_behalf_of=on_behalf_of)
    call.behind = behind
    return call


LOOKUP = Lookup(BANK, IndexKind.PHONE, "+8613800138000", "", 10)


def test_a_node_that_makes_up_names_does_not_get_round_the_budget(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path, searches=5, searches_of_a_node=20) as vault:
            with pytest.raises(Exhausted):
                for n in range(21):
                    await vault.oracle.look_up(node(f"name-{n}"), LOOKUP)
            vault.clock.seconds += 60
            assert await vault.oracle.look_up(node("crm"), LOOKUP) == []

    run(main)


def test_one_person_at_a_front_end_does_not_use_up_the_searches_of_the_others(
    database: Database, tmp_path: Path
) -> None:
    one, other = Behind("li", "p-1"), Behind("wang", "p-2")
    account = Behind("li-at-night", "p-1")

    async def main() -> None:
        async with use_cases(database, tmp_path, searches=3) as vault:
            for _ in range(3):
                await vault.oracle.look_up(node("crm", one), LOOKUP)
            for again in (one, account):
                with pytest.raises(Exhausted):
                    await vault.oracle.look_up(node("crm", again), LOOKUP)
            # Through whichever front end, it is his.
            with pytest.raises(Exhausted):
                await vault.oracle.look_up(node("branch-app", one), LOOKUP)
            for mine in (other, None):
                for _ in range(3):
                    await vault.oracle.look_up(node("crm", mine), LOOKUP)

    run(main)


def test_a_node_that_makes_up_persons_is_held_to_its_own_budget(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path, searches=5, searches_of_a_node=20) as vault:
            for n in range(20):
                await vault.oracle.look_up(node("crm", Behind(f"name-{n}", f"p-{n}")), LOOKUP)
            with pytest.raises(Exhausted):
                await vault.oracle.look_up(node("crm", Behind("name-20", "p-20")), LOOKUP)

    run(main)


def test_a_lookup_needs_the_grant_for_it(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            with pytest.raises(GrantMismatch):
                elsewhere = Lookup("other-bank", IndexKind.PHONE, "+8613800138000", "", 10)
                await vault.oracle.look_up(node("crm"), elsewhere)

    run(main)
