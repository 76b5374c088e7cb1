"""Another rule set shows its effect first, is agreed to by a second person, and shortens nothing
without saying so: neither when it is proposed, nor when it is agreed to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from tests.support.retention_rules import law, rule, text_of
from vault.access import Action
from vault.records import Relationship
from vault.rules.retention import RecordKind, RuleBook, RuleSet
from vault.services.errors import NotFound
from vault.services.retention import changing
from vault.services.retention.changing import Effect, Sample
from vault.services.retention.errors import NotAtThatStage, RulesRefused, RulesShorten
from vault.store import Database

BEGAN = date(2025, 1, 6)
IDENTITY, BOOKED = RecordKind.IDENTITY, RecordKind.TRANSACTIONS


def home(version: int, identity: int, booked: int, *where: str, begins: int = 2000) -> RuleSet:
    """The law at home: for how many years files and bookings are kept."""
    rules = (rule(IDENTITY, identity), rule(BOOKED, booked))
    begin = date(begins, 1, 1)
    return law("home", *rules, version=version, where=where or ("CN",), begins=begin)


ABROAD = law("abroad", rule(IDENTITY, 5, 6), where=("DE",))


def brought(b: Bank, *sets: RuleSet) -> None:
    """These rules, and no others, come with the release."""
    b.rules._brought = RuleBook(sets)


async def since(b: Bank, number: str, ended: date | None, *where: str) -> str:
    customer = await b.customer(number, relationship=Relationship(jurisdictions=where))
    if ended is not None:
        await b.end(customer, ended)
    return customer


def later(day: date, years: int) -> date:
    return day.replace(year=day.year + years)


def test_the_effect_is_what_becomes_of_each_scope(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "_CUSTOMERS", 2)

    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10), ABROAD)
        ended, day = date(2024, 3, 1), date(2024, 5, 6)
        one = await since(b, "C1", ended, "CN")
        await b.book(one, date(2024, 2, 2))
        await b.book(one, day)
        goes_on = await since(b, "C2", None, "CN")
        await b.book(goes_on, day)
        abroad = await since(b, "C3", ended, "DE")
        both = await since(b, "C4", ended, "CN", "DE")
        await since(b, "C5", ended, "US")
        # Twelve years for files, abroad as well, and eight for bookings.
        made = home(2, 12, 8, "CN", "DE")
        with pytest.raises(RulesShorten) as refused:
            await b.propose_rules(made)
        assert refused.value.metadata["earlier"] == "2"
        _, effect = await b.propose_rules(made, shortens=True)
        year = "transactions/2024"
        assert {(s.customer, s.scope): (s.before, s.after) for s in effect.samples} == {
            (one, "identity"): (later(ended, 10), later(ended, 12)),
            (one, year): (later(day, 10), later(day, 8)),
            (goes_on, year): (later(day, 10), later(day, 8)),
            (abroad, "identity"): (later(ended, 5), later(ended, 12)),
            (both, "identity"): (later(ended, 10), later(ended, 12)),
        }
        # The same: a file without an end, and one that no rule is for. In a conflict with the
        # maximum abroad is now who was not before; who was already is in none that is new.
        assert (effect.earlier, effect.later, effect.same) == (2, 3, 2)
        assert (effect.conflicts, effect.shortens) == (1, True)

    live(database, tmp_path, life, BEGAN)


def test_of_many_twenty_are_shown_and_all_are_counted(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10))
        days = [date(2024, 1, 1 + n) for n in range(23)]
        for n, day in enumerate(days):
            await b.end(await b.customer(f"C{n}"), day)
        made = home(2, 11, 10)
        call = b.call("keeper", Action.RULE_SETS_PREVIEW)
        effect = await b.changing.preview(call, BANK, text_of(made))
        assert (effect.earlier, effect.later, effect.same) == (0, 23, 0)
        assert len(effect.samples) == 20
        assert {s.before for s in effect.samples} <= {later(day, 10) for day in days}
        assert all(s.before and s.after == later(s.before, 1) for s in effect.samples)
        assert not effect.shortens
        # To look changes nothing.
        assert b.rules.book(BANK).sets == (home(1, 10, 10),)

    live(database, tmp_path, life, BEGAN)


def test_a_law_to_come_is_held_against_the_one_of_the_day_on_which_it_comes(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10), home(2, 15, 15, begins=2030))
        customer = await since(b, "C1", date(2024, 3, 1), "CN")
        made = home(3, 12, 12, begins=2031)
        with pytest.raises(RulesShorten):
            await b.propose_rules(made)
        _, effect = await b.propose_rules(made, shortens=True)
        before, after = date(2039, 3, 1), date(2036, 3, 1)
        assert effect == Effect(
            earlier=1, shortens=True, samples=[Sample(customer, "identity", before, after)]
        )

    live(database, tmp_path, life, BEGAN)


@pytest.mark.parametrize("customers", [0, 1], ids=["nobody_yet", "somebody"])
def test_what_did_not_shorten_when_it_was_proposed_is_not_agreed_to_if_it_does_by_then(
    database: Database, tmp_path: Path, customers: int
) -> None:
    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10))
        for n in range(customers):
            await since(b, f"C{n}", date(2024, 3, 1), "CN")
        waits, effect = await b.propose_rules(home(3, 11, 11, begins=2002))
        assert not effect.shortens
        first, _ = await b.propose_rules(home(2, 15, 15, begins=2001))
        await b.agree_rules(first)
        with pytest.raises(RulesShorten) as refused:
            await b.agree_rules(waits)
        assert refused.value.metadata["earlier"] == str(customers)
        assert [one.version for one in b.rules.book(BANK).sets] == [1, 2]
        # Whoever means it says so, and the second person agrees to what says so.
        said, effect = await b.propose_rules(home(3, 11, 11, begins=2002), shortens=True)
        assert (effect.earlier, effect.shortens) == (customers, True)
        await b.agree_rules(said)
        assert [one.version for one in b.rules.book(BANK).in_force(BEGAN)] == [3]
        # What it says of itself is not what is agreed to meanwhile: the first one waits in vain.
        with pytest.raises(RulesRefused):
            await b.agree_rules(waits)

    live(database, tmp_path, life, BEGAN)


def test_who_comes_meanwhile_is_not_let_go_earlier_silently(
    database: Database, tmp_path: Path
) -> None:
    """A law of its own shortens nothing by itself; for whom no other was, it ends the keeping."""

    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10))
        made = law("abroad", rule(IDENTITY, 5), where=("DE",))
        waits, effect = await b.propose_rules(made)
        assert effect == Effect()
        customer = await since(b, "C1", date(2024, 3, 1), "DE")
        with pytest.raises(RulesShorten) as refused:
            await b.agree_rules(waits)
        assert refused.value.metadata["earlier"] == "1"
        b.clock.on(date(2035, 1, 1))
        with pytest.raises(NotAtThatStage):
            await b.plan()
        assert await b.reads(customer)

    live(database, tmp_path, life, BEGAN)


def test_what_shortens_and_says_so_lets_go_earlier_once_it_is_agreed_to(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        brought(b, home(1, 10, 10))
        customer = await since(b, "C1", date(2024, 3, 1), "CN")
        made, _ = await b.propose_rules(home(2, 6, 6), shortens=True)
        b.clock.on(date(2030, 3, 2))
        with pytest.raises(NotAtThatStage):
            await b.plan()
        # A proposal waits for seven days.
        made, _ = await b.propose_rules(home(2, 6, 6), shortens=True)
        await b.agree_rules(made)
        shown = await b.plan()
        assert b.planned(shown) == [(customer, "identity", "DUE", "")]

    live(database, tmp_path, life, BEGAN)


def test_rules_are_agreed_to_where_rules_are_and_plans_where_plans_are(
    database: Database, tmp_path: Path
) -> None:
    """Each by those whose business it is, who see what they agree to."""

    async def life(b: Bank) -> None:
        brought(b, home(1, 1, 1))
        await since(b, "C1", date(2023, 3, 1), "CN")
        plan, (rules, _) = await b.plan(), await b.propose_rules(home(2, 2, 2))
        with pytest.raises(NotFound):
            await b.agree_rules(plan.proposal)
        assert (await b.agree_rules(rules)).identifier == rules.identifier
        with pytest.raises(NotAtThatStage):
            await b.begin(plan)

    live(database, tmp_path, life, BEGAN)
