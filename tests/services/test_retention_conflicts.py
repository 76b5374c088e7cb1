"""Where one law forbids to keep what another asks for, two persons rule which of them prevails;
until they have, the records stay, and the plan names the conflict."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from tests.support.retention_rules import law, rule
from vault.access import Action
from vault.records import Relationship
from vault.rules.retention import RecordKind
from vault.services.access_errors import StepRefused
from vault.services.retention.errors import NotAtThatStage, RulesRefused
from vault.services.retention.judging import why_in
from vault.store import Database, disposals

BEGAN, ENDED = date(2020, 1, 6), date(2028, 1, 31)
# China asks for ten years, the Union for deletion after five.
OF_THE_UNION, OF_BOTH, OF_CHINA = date(2033, 2, 1), date(2038, 2, 1), date(2038, 1, 31)
CN, EU = "cn/identity", "eu/identity"


async def three(b: Bank) -> tuple[str, str, str]:
    """Two customers of both jurisdictions and one of the Union alone, all ended on one day."""
    found = []
    for number, where in (("C1", ("CN", "DE")), ("C2", ("CN", "DE")), ("C3", ("DE",))):
        found.append(await b.customer(number, relationship=Relationship(jurisdictions=where)))
    b.clock.on(date(2028, 2, 1))
    for customer in found:
        await b.end(customer, ENDED)
    b.clock.on(OF_THE_UNION)
    return found[0], found[1], found[2]


async def planned(b: Bank) -> dict[str, tuple[str, str, tuple[str, ...], str]]:
    """Stage, cause, conflicts and standing of each customer's identity file in a plan of today."""
    shown = await b.plan()
    rows = b.database.read_sync(
        lambda conn: list(
            disposals.every_item(conn, shown.disposal.institution, shown.disposal.identifier)
        )
    )
    whys = [(row, why_in(row)) for row in rows]
    return {
        row.customer: (row.stage, why.cause.value, why.conflicts, why.standing) for row, why in whys
    }


CONFLICT = ("BLOCKED", "CONFLICT", (f"{EU} < {CN}",), "CONFLICT")
GOES = ("DUE", "", (), "MUST_GO")


def test_a_conflict_blocks_until_two_persons_have_ruled_and_for_whom_they_have(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        one, other, union = await three(b)
        named = {one: CONFLICT, other: CONFLICT, union: GOES}
        assert await planned(b) == named
        ruling = await b.propose_ruling(EU, CN, one)
        assert await planned(b) == named  # one person alone rules nothing
        with pytest.raises(AssertionError):
            await b.changing.approve(
                b.call("keeper", Action.RULES_APPROVE), BANK, ruling.identifier, ruling.etag, ""
            )
        await b.agree_rules(ruling)
        assert await planned(b) == named | {one: GOES}
        shown = await b.dispose()
        assert shown.counts == {"DONE": 2, "BLOCKED": 1}
        assert await b.reads(other)

    live(database, tmp_path, life, BEGAN)


def test_what_is_ruled_to_be_kept_is_kept_for_the_whole_of_its_minimum(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        one, other, union = await three(b)
        await b.agree_rules(await b.propose_ruling(CN, EU))
        assert await planned(b) == {union: GOES}
        await b.dispose()
        b.clock.on(OF_CHINA)
        with pytest.raises(NotAtThatStage):
            await b.plan()
        b.clock.on(OF_BOTH)
        assert await planned(b) == {one: GOES, other: GOES}

    live(database, tmp_path, life, BEGAN)


def test_without_a_ruling_a_conflict_ends_when_the_minimum_does(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        one, other, union = await three(b)
        b.clock.on(OF_CHINA)
        assert await planned(b) == {one: CONFLICT, other: CONFLICT, union: GOES}
        b.clock.on(OF_BOTH)
        found = await planned(b)
        assert {row[:2] for row in found.values()} == {("DUE", "")}
        assert found[one][2] == (f"{EU} < {CN}",)  # named still

    live(database, tmp_path, life, BEGAN)


@pytest.mark.parametrize("for_all", [(EU, CN), (CN, EU)], ids=["goes", "stays"])
def test_what_was_ruled_of_one_customer_counts_before_what_was_ruled_of_all(
    database: Database, tmp_path: Path, for_all: tuple[str, str]
) -> None:
    """Of the two, what destroys cannot be taken back."""

    async def life(b: Bank) -> None:
        one, other, union = await three(b)
        prevails, yields = for_all
        await b.agree_rules(await b.propose_ruling(prevails, yields))
        await b.agree_rules(await b.propose_ruling(yields, prevails, one))
        goes = other if for_all == (EU, CN) else one
        assert await planned(b) == {goes: GOES, union: GOES}

    live(database, tmp_path, life, BEGAN)


def test_a_conflict_that_comes_after_the_approval_stops_disposal_too(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        _, _, union = await three(b)
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        longer = law("tax", rule(RecordKind.IDENTITY, 8), where=("DE",))
        made, effect = await b.propose_rules(longer)
        # All three are kept by it for as long as China asks, or for three years more.
        assert (effect.later, effect.same, effect.conflicts, effect.shortens) == (1, 2, 1, False)
        await b.agree_rules(made)
        await b.runner.look()
        assert (await b.get(shown)).counts == {"PASSED": 1, "BLOCKED": 2}
        assert await b.reads(union)

    live(database, tmp_path, life, BEGAN)


def test_what_nobody_can_mean_is_not_ruled(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        one, _, _ = await three(b)
        for prevails, yields in ((EU, "cn/nothing"), ("nowhere/identity", CN), (CN, CN)):
            with pytest.raises(RulesRefused):
                await b.propose_ruling(prevails, yields)
        # Two that say the opposite wait: the first that is agreed to stands, for him or for all.
        for customer in ("", one):
            first, second = [
                await b.propose_ruling(*pair, customer) for pair in ((EU, CN), (CN, EU))
            ]
            await b.agree_rules(first)
            with pytest.raises(RulesRefused):
                await b.agree_rules(second)
            with pytest.raises(RulesRefused):
                await b.propose_ruling(CN, EU, customer)
            with pytest.raises(StepRefused):
                await b.agree_rules(first)

    live(database, tmp_path, life, BEGAN)
