"""Files that were merged, over the years: taken apart again by two persons as long as they are
there, and not once what pointed was disposed of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.services.test_disposal import live
from tests.support.disposal import BANK, Bank, bank
from vault.access import Action
from vault.access.proposals import Proposal
from vault.services.access_errors import StepRefused
from vault.services.errors import NotFound, Shredded
from vault.services.merging.errors import Merged, MergeRefused
from vault.services.retention.errors import NotAtThatStage
from vault.store import Database

GONE = (NotFound, Shredded)
BEGAN, ENDED, OVER = date(2026, 1, 5), date(2026, 6, 30), date(2036, 7, 1)


async def propose(b: Bank, old: str, into: str) -> Proposal:
    call = b.call("keeper", Action.MERGES_PROPOSE)
    return await b.merging.propose(call, BANK, old, into, "Opened twice.")


async def propose_apart(b: Bank, old: str) -> Proposal:
    call = b.call("keeper", Action.MERGES_PROPOSE_APART)
    return await b.merging.propose_apart(call, BANK, old, "Twins.")


async def agree(b: Bank, made: Proposal, who: str = "compliance") -> None:
    call = b.call(who, Action.MERGES_APPROVE)
    await b.merging.approve(call, BANK, made.identifier, made.etag, "Seen.")


async def two(b: Bank) -> tuple[str, str]:
    """Two files, the first of which points to the second."""
    old, kept = await b.customer("C1"), await b.customer("C2")
    await b.document(old)
    await agree(b, await propose(b, old, kept))
    return old, kept


def test_two_persons_merge_and_two_take_apart_again(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        old, kept = await b.customer("C1"), await b.customer("C2")
        before = await b.reads(old)
        for step, stands in ((propose(b, old, kept), True), (propose_apart(b, old), False)):
            made = await step
            with pytest.raises(StepRefused):
                await agree(b, made, "keeper")
            assert (old in b.merging._merges.of(BANK)) != stands
            await agree(b, made)
            assert (old in b.merging._merges.of(BANK)) == stands
        assert await b.reads(old) == before
        with pytest.raises(MergeRefused):
            await propose_apart(b, old)

    live(database, tmp_path, life, BEGAN)


def test_what_was_disposed_of_is_not_taken_apart(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank) -> None:
        # Another process, which has not heard of the merge yet, ends the first relationship.
        async with bank(database, tmp_path, BEGAN) as late:
            old, kept = await two(b)
            late.clock.on(date(2026, 7, 1))
            await late.end(old, ENDED)
        b.clock.on(date(2036, 6, 30))
        waits = await propose_apart(b, old)
        b.clock.on(OVER)
        shown = await b.plan()
        assert b.planned(shown) == [(old, "identity", "DUE", "")]
        await b.approve(shown)
        await b.begin(shown)
        await b.runner.look()
        with pytest.raises(GONE):
            await propose_apart(b, old)
        # Nor by what was proposed while it was there.
        with pytest.raises(GONE):
            await agree(b, waits)
        assert b.merging._merges.of(BANK)[old].into == kept
        assert await b.reads(kept)

    live(database, tmp_path, life, BEGAN)


def test_when_the_surviving_file_is_gone_the_other_stands_for_itself_and_goes_in_its_time(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank) -> None:
        old, kept = await two(b)
        b.clock.on(date(2026, 7, 1))
        await b.end(kept, ENDED)
        b.clock.on(OVER)
        assert b.planned(await b.dispose()) == [(kept, "identity", "DONE", "")]
        with pytest.raises(Merged):
            await b.end(old, ENDED)
        await agree(b, await propose_apart(b, old))
        assert await b.reads(old)
        # Nobody is merged into what is gone, nor what is gone into anybody.
        for pair in ((old, kept), (kept, old)):
            with pytest.raises(GONE):
                await propose(b, *pair)
        await b.end(old, ENDED)
        assert b.planned(await b.dispose()) == [(old, "identity", "DONE", "")]

    live(database, tmp_path, life, BEGAN)


@pytest.mark.parametrize("held", [0, 1], ids=["on_the_old", "on_the_surviving"])
def test_a_hold_on_either_file_keeps_both(database: Database, tmp_path: Path, held: int) -> None:
    async def life(b: Bank) -> None:
        old, kept = await two(b)
        b.clock.on(date(2026, 7, 1))
        await agree(b, await propose_apart(b, old))
        for one in (old, kept):
            await b.book(one, ENDED)
        await agree(b, await propose(b, old, kept))
        case = await b.open_case()
        await b.join(case)
        hold = await b.hold(case, (old, kept)[held])
        b.clock.on(OVER)
        with pytest.raises(NotAtThatStage, match="2 items are blocked"):
            await b.plan()
        await b.release(case, hold)
        assert (await b.dispose()).counts == {"DONE": 2}

    live(database, tmp_path, life, BEGAN)
