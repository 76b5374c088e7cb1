"""A customer's segment picks the rules of retention that his file is under, of that day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank
from vault.access import Action
from vault.records import Relationship
from vault.services.retention.content import RuleSetChange
from vault.store import Database

HOUSE = """\
name = "house"
version = 1
jurisdictions = ["*"]
effective_from = 2010-01-01

[[rule]]
name = "identity"
kind = "identity"
clock = "relationship_end"
minimum_years = 20
classes = ["private-banking", "HIGH"]
source = "house rule"
article = "7"
checked = true
"""


async def agreed(b: Bank, text: str) -> None:
    """Two persons agree to a rule set."""
    change = RuleSetChange(text, False)
    propose = b.call("keeper", Action.RULE_SETS_PROPOSE)
    made, _ = await b.changing.propose_set(propose, BANK, change, "House rule.")
    approve = b.call("compliance", Action.RULES_APPROVE)
    await b.changing.approve(approve, BANK, made.identifier, made.etag, "")


def test_the_segment_picks_the_longer_rule_and_leaving_it_the_shorter(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        segments = {
            "C1": ("private-banking", "retail"),
            "C2": ("retail",),
            "C3": (),
            # A word that a rule has must be the segment's, not a part of it.
            "C4": ("private-banking-abroad",),
        }
        names = {}
        for number, some in segments.items():
            names[number] = await b.customer(number, relationship=Relationship(segments=some))
            await b.end(names[number], date(2012, 6, 30))
        await agreed(b, HOUSE)
        b.clock.on(date(2024, 1, 3))

        async def planned() -> set[str]:
            shown = await b.plan()
            assert {stage for _, _, stage, _ in b.planned(shown)} == {"DUE"}
            return {customer for customer, _, _, _ in b.planned(shown)}

        assert await planned() == {names["C2"], names["C3"], names["C4"]}
        await b.end(names["C1"], date(2012, 6, 30), segments=("retail",))
        await b.end(names["C2"], date(2012, 6, 30), segments=("private-banking",))
        assert await planned() == {names["C1"], names["C3"], names["C4"]}
        b.clock.on(date(2032, 7, 2))
        assert await planned() == set(names.values())

    live(database, tmp_path, life)
