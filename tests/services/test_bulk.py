"""An export of all customers on a real store of both kinds: its use, its pages, and its end."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.services.test_borrowing import PHONES, SetClock, borrowing, put, versions
from tests.services.test_reading import let_go_of_keys
from tests.services.test_storing import create, person
from tests.support.borrowing import HOUR, lending
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, SteppedClock, UseCases, allowed, run, use_cases
from vault.access import Action, GrantMismatch, PolicyEngine, ResourceRef
from vault.access.lending import CheckOut, Stage
from vault.audit import Phase
from vault.services.bulk import BulkExport
from vault.services.call import Call, Trace
from vault.services.closed import CheckOutNotActive, OutsideScope
from vault.services.recording import Recorder
from vault.store import Database

_POLICY = PolicyEngine.load()
NOBODY = f"institutions/{BANK}/customers/{'0' * 26}"


def lent(vault: UseCases) -> CheckOut:
    """All files, for an hour."""
    one = lending(NOBODY, PHONES, person="p-auditor", purpose="INTERNAL_AUDIT", one_time=True)
    return put(vault, replace(one, customer=""))


def a_call(
    out: CheckOut | None,
    *,
    own_files: Iterable[str] = (),
    branches: Iterable[str] | None = None,
) -> Call:
    """An auditor's, who has the check-out."""
    auditor = principal_of("compliance", person="p-auditor", own_files=own_files, branches=branches)
    action = Action.CUSTOMERS_EXPORT
    decision = _POLICY.decide(
        auditor,
        action,
        ResourceRef(BANK, "", action.kind),
        "INTERNAL_AUDIT",
        person=True,
        check_out=True,
    )
    assert decision.allowed
    return Call(
        call_id="01jd0000000000000000000000",
        tier="full",
        action=action.value,
        peer="127.0.0.1:5000",
        principal=auditor,
        decision=decision,
        purpose="INTERNAL_AUDIT",
        check_out=out.identifier if out else "",
        lent=out,
        trace=Trace(institution=BANK),
    )


def exporting(vault: UseCases, clock: SteppedClock) -> BulkExport:
    return BulkExport(
        vault.database,
        vault.keys,
        borrowing(vault, clock),
        Recorder(vault.log, clock),
        clock,
    )


def page_of(call: Call) -> Trace:
    return replace(call.trace, rows=(), fields=("phones",), count=1)


async def exported(bulk: BulkExport, call: Call, limit: int = 2, *, views: bool = False) -> Any:
    """All that the pages have."""
    found, after, further = [], "", True
    while further:
        batch = await bulk.batch(call, BANK, after, limit, views=views)
        assert len(batch.opened) <= limit
        found += batch.opened
        after, further = batch.further, bool(batch.further)
    return found


def test_of_exports_at_once_one_begins_with_the_event_that_uses_the_check_out_up(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = lent(vault)
            bulk = exporting(vault, SetClock(out.starts_at))

            async def begin() -> bool:
                try:
                    await bulk.begin(a_call(out), BANK)
                except CheckOutNotActive:
                    return False
                return True

            assert sum(await asyncio.gather(*(begin() for _ in range(8)))) == 1
            assert [one.stage for one in versions(vault, out)] == [Stage.ACTIVE, Stage.USED]
            (event,) = vault.events()
            assert (event.phase, event.check_out) == (Phase.OPENED, out.identifier)
            assert [row.name for row in event.rows] == [f"checkOuts/{out.identifier}@2"]

    run(main)


def test_whom_a_part_of_the_files_is_kept_from_begins_no_export_and_uses_nothing_up(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = lent(vault)
            bulk = exporting(vault, SetClock(out.starts_at))
            for branches in (["north"], []):
                with pytest.raises(OutsideScope):
                    await bulk.begin(a_call(out, branches=branches), BANK)
            with pytest.raises(CheckOutNotActive):
                await bulk.begin(a_call(None), BANK)
            # A grant to read a page of customers is none to export them.
            with pytest.raises(GrantMismatch):
                await bulk.begin(allowed(Action.CUSTOMERS_LIST), BANK)
            with pytest.raises(GrantMismatch):
                await bulk.batch(allowed(Action.CUSTOMERS_LIST), BANK, "", 2, views=False)
            with pytest.raises(GrantMismatch):
                await bulk.begin(a_call(out), "other-bank")
            assert [one.stage for one in versions(vault, out)] == [Stage.ACTIVE]
            assert not vault.events()

    run(main)


@pytest.mark.parametrize("views", [False, True])
def test_every_customer_leaves_once_but_for_ones_own_file_and_those_that_were_destroyed(
    database: Database, tmp_path: Path, views: bool
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            stored = await create(vault, *(person(f"C{n}") for n in range(7)))
            ids = sorted(one.customer for one in stored)
            let_go_of_keys(vault, ids[1])
            let_go_of_keys(vault, ids[4])
            let_go_of_keys(vault, ids[5])
            out = lent(vault)
            bulk = exporting(vault, SetClock(out.starts_at))
            call = a_call(out, own_files=[ids[3]])
            found = await exported(bulk, call, views=views)
            assert [one.customer for one in found] == [ids[0], ids[2], ids[6]]
            assert all((one.view is not None) is views for one in found)

    run(main)


@pytest.mark.parametrize("stage", [Stage.RETURNED, Stage.REVOKED])
def test_a_page_that_was_read_does_not_leave_after_the_end(
    database: Database, tmp_path: Path, stage: Stage
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = lent(vault)
            clock = SetClock(out.starts_at)
            bulk, call = exporting(vault, clock), a_call(out)
            await bulk.begin(call, BANK)
            await bulk.hand_out(call, page_of(call))
            clock.at = out.ends_at - 1
            await bulk.hand_out(call, page_of(call))
            clock.at = out.ends_at
            with pytest.raises(CheckOutNotActive):
                await bulk.hand_out(call, page_of(call))
            assert not call.committed
            clock.at = out.starts_at
            await bulk.hand_out(call, page_of(call))
            used = versions(vault, out)[-1]
            put(vault, replace(used, version=3, stage=stage))
            with pytest.raises(CheckOutNotActive):
                await bulk.hand_out(call, page_of(call))
            phases = [event.phase for event in vault.events()]
            assert phases == [Phase.OPENED, *[Phase.MESSAGE] * 3]

    run(main)


def test_no_page_leaves_by_a_check_out_that_no_export_has_begun_with(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = lent(vault)
            single = put(vault, lending(NOBODY, PHONES, one_time=True, lasts=HOUR))
            bulk = exporting(vault, SetClock(out.starts_at))
            for one in (out, single):
                with pytest.raises(CheckOutNotActive):
                    await bulk.hand_out(a_call(one), Trace(institution=BANK))
            assert not vault.events()

    run(main)
