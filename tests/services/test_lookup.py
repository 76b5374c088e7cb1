"""The oracle's budgets: an index that can be enumerated is asked only so often."""

from pathlib import Path

import pytest

from tests.support.use_cases import BANK, SteppedClock, allowed, run, use_cases
from vault.access import Action, GrantMismatch
from vault.records import IndexKind
from vault.services.call import Call
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


def node(on_behalf_of: str) -> Call:
    return allowed(Action.INDEX_LOOKUP, role="masked_node", name="node", on_behalf_of=on_behalf_of)


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


def test_a_lookup_needs_the_grant_for_it(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            with pytest.raises(GrantMismatch):
                elsewhere = Lookup("other-bank", IndexKind.PHONE, "+8613800138000", "", 10)
                await vault.oracle.look_up(node("crm"), elsewhere)

    run(main)
