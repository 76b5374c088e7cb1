"""Calls are taken up together when there are many, and none is lost on the way."""

import asyncio
from pathlib import Path

import pytest

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import PURPOSE_ONBOARDING_CDD
from tests.rpc.test_pipeline import COMPLIANCE, reading
from tests.support.pipeline import CUSTOMER, Rig
from vault.rpc.turns import FEW, WINDOW, Turns

REQUEST = pb.GetCustomerRequest(name=CUSTOMER, purpose=PURPOSE_ONBOARDING_CDD).SerializeToString()


def test_few_callers_wait_for_nothing() -> None:
    turns = Turns(few=3)
    assert [turns.enter() for _ in range(3)] == [None, None, None]
    turns.leave()
    assert turns.enter() is None


def test_many_callers_are_taken_up_together() -> None:
    async def main() -> list[int]:
        turns, order = Turns(window=0.001, few=0), []
        first, second = turns.enter(), turns.enter()
        assert first is not None and second is not None

        async def wait(turn: "asyncio.Future[None]", number: int) -> None:
            await turn
            order.append(number)

        await asyncio.gather(wait(first, 1), wait(second, 2))
        third = turns.enter()
        assert third is not None and third is not first
        await asyncio.wait_for(third, 5)
        return order

    assert asyncio.run(main()) == [1, 2]


@pytest.mark.parametrize("callers", [FEW, 4 * FEW])
def test_every_call_of_many_is_answered_and_leaves_its_event(tmp_path: Path, callers: int) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> list[bytes]:
        return await asyncio.gather(*(rig.unary(REQUEST, COMPLIANCE) for _ in range(callers)))

    assert len(asyncio.run(main())) == callers
    assert [e.outcome for e in rig.events] == ["OK"] * callers


def test_a_caller_who_goes_away_before_his_turn_leaves_one_event(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading())

    async def main() -> None:
        rig.log.gate = asyncio.Event()
        holding = [asyncio.ensure_future(rig.unary(REQUEST, COMPLIANCE)) for _ in range(FEW)]
        await rig.log.held.wait()
        gone = asyncio.ensure_future(rig.unary(REQUEST, COMPLIANCE))
        await asyncio.sleep(0)  # it waits for its turn
        gone.cancel()
        rig.log.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await asyncio.gather(*holding)
        await asyncio.sleep(2 * WINDOW)  # the turn of the one who has gone passes

    asyncio.run(main())
    outcomes = sorted(e.outcome for e in rig.events)
    assert outcomes == ["CANCELLED"] + ["OK"] * FEW
    (cancelled,) = (e for e in rig.events if e.outcome == "CANCELLED")
    assert (cancelled.actor, cancelled.action) == ("compliance", "records.customers.get")
