"""A call in flight whose caller is taken out meanwhile: it gets no answer."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as pb
from tests.support.pipeline import (
    BANK,
    Refused,
    Rig,
    replace_principals,
    uri,
    write_principals,
)
from vault.access import Action, Credentials, PolicyEngine, Recogniser
from vault.access.lending import CheckOut
from vault.audit import Decision
from vault.rpc.deciding import Deciding
from vault.rpc.errors import Refusal
from vault.rpc.methods import Target, Unary
from vault.rpc.names import target_of_parent
from vault.services.call import Call
from vault.services.gate import OPEN

OFFICER = uri("officer")
QUERY = pb.QueryEventsRequest(parent=BANK).SerializeToString()
ANSWER = pb.QueryEventsResponse(next_page_token="seen")


class Slow:
    """A use case that goes on when it is told to."""

    def __init__(self, *, writes: bool = False) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self._writes = writes

    async def __call__(self, call: Call, _command: object) -> Message:
        self.entered.set()
        await self.go_on.wait()
        call.committed = self._writes
        return ANSWER

    def method(self) -> Unary:
        return Unary(
            Action.AUDIT_QUERY,
            pb.QueryEventsRequest,
            lambda request: target_of_parent(request.parent),
            lambda _request, _problems: None,
            self,
        )


async def answered(rig: Rig, slow: Slow, roles: dict[str, str]) -> bytes:
    """The answer of a call during which the principals change."""
    call = asyncio.ensure_future(rig.unary(QUERY, OFFICER))
    await slow.entered.wait()
    replace_principals(rig.path, roles)
    slow.go_on.set()
    return await call


def test_whoever_is_taken_out_gets_no_answer_and_the_log_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        slow = Slow()
        rig = Rig(tmp_path, slow.method(), officer="security_officer")
        with pytest.raises(Refused) as refused:
            await answered(rig, slow, {"operator": "operator"})
        assert refused.value.reason == "UNKNOWN_PRINCIPAL"
        (event,) = rig.events
        # It was he who asked, and what he asked was allowed when he did.
        assert (event.actor, event.outcome) == ("officer", "UNAUTHENTICATED")
        assert event.reason == "UNKNOWN_PRINCIPAL"

    asyncio.run(main())


def test_whoever_has_lost_the_role_gets_no_answer(tmp_path: Path) -> None:
    async def main() -> None:
        slow = Slow()
        rig = Rig(tmp_path, slow.method(), officer="security_officer")
        with pytest.raises(Refused) as refused:
            await answered(rig, slow, {"officer": "crm_viewer"})
        assert refused.value.reason == "ROLE_MISSING"
        (event,) = rig.events
        assert (event.decision.value, event.outcome) == ("denied", "PERMISSION_DENIED")

    asyncio.run(main())


def test_whoever_is_taken_out_behind_his_write_gets_no_answer_either(tmp_path: Path) -> None:
    async def main() -> None:
        slow = Slow(writes=True)
        rig = Rig(tmp_path, slow.method(), officer="security_officer")
        with pytest.raises(Refused) as refused:
            await answered(rig, slow, {"operator": "operator"})
        assert refused.value.reason == "UNKNOWN_PRINCIPAL"
        # Its event stands with the write.
        assert rig.events == []

    asyncio.run(main())


def test_whoever_is_taken_out_while_his_event_is_written_gets_no_answer(tmp_path: Path) -> None:
    async def main() -> None:
        slow = Slow()
        rig = Rig(tmp_path, slow.method(), officer="security_officer")
        rig.log.gate = asyncio.Event()
        call = asyncio.ensure_future(rig.unary(QUERY, OFFICER))
        slow.go_on.set()
        await rig.log.held.wait()
        replace_principals(rig.path, {"operator": "operator"})
        rig.log.gate.set()
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.reason == "UNKNOWN_PRINCIPAL"
        # Rather one answer too many in the log than one too few.
        (event,) = rig.events
        assert event.outcome == "OK"

    asyncio.run(main())


def test_whoever_stays_is_answered_though_others_are_taken_out(tmp_path: Path) -> None:
    async def main() -> None:
        slow = Slow()
        rig = Rig(tmp_path, slow.method(), officer="security_officer", operator="operator")
        answer = await answered(rig, slow, {"officer": "security_officer"})
        assert pb.QueryEventsResponse.FromString(answer) == ANSWER
        (event,) = rig.events
        assert event.outcome == "OK"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("before", "after", "narrower"),
    [
        ("", 'branches = ["a"]', True),
        ('branches = ["a", "b"]', 'branches = ["a"]', True),
        ('branches = ["a"]', 'branches = ["b"]', True),
        ('branches = ["a"]', "classes = []", True),
        ('classes = ["VIP"]', 'classes = ["VIP"]\nbranches = ["a"]', True),
        ('branches = ["a"]', "", False),
        ('branches = ["a"]', 'branches = ["a", "b"]', False),
        ("branches = []", 'classes = ["VIP"]', False),
        ("", "", False),
    ],
)
def test_what_was_found_within_a_reach_that_is_narrower_now_does_not_leave(
    tmp_path: Path, before: str, after: str, narrower: bool
) -> None:
    roles = {"officer": "security_officer"}

    async def main() -> None:
        slow = Slow()
        rig = Rig(tmp_path, slow.method(), **roles)
        replace_principals(rig.path, roles, before)
        call = asyncio.ensure_future(rig.unary(QUERY, OFFICER))
        await slow.entered.wait()
        replace_principals(rig.path, roles, after)
        slow.go_on.set()
        if not narrower:
            assert await call == ANSWER.SerializeToString()
            return
        with pytest.raises(Refused) as refused:
            await call
        assert (refused.value.code.name, refused.value.reason) == ("ABORTED", "SCOPE_CHANGED")
        (event,) = rig.events
        assert (event.decision, event.reason) == (Decision.DENIED, "SCOPE_CHANGED")
        # The next call is held to what he has now.
        assert await rig.unary(QUERY, OFFICER) == ANSWER.SerializeToString()

    asyncio.run(main())


def test_a_refusal_is_for_good_and_a_check_out_is_asked_for_once(tmp_path: Path) -> None:
    """A one-time check-out is used up by the read itself: it is not asked for again behind it."""
    asked: list[Call] = []

    async def standing(call: Call, _target: Target) -> bool:
        asked.append(call)
        call.lent = _LENT
        return True

    directory = write_principals(tmp_path / "principals.toml", {"teller": "teller"})
    recogniser = Recogniser(directory)
    deciding = Deciding(recogniser, PolicyEngine.load(), OPEN, lambda: 0, standing)
    shown = Credentials(uri("teller"))
    call = Call("id", "full", Action.CUSTOMERS_GET, "peer", uri("teller"), shown=shown)
    call.recognised(recogniser.recognise(shown))
    target = Target("demo-bank", "c", purpose="CUSTOMER_SERVICE", check_out="x")
    asyncio.run(deciding.decide(call, target))
    # The same again, in another file.
    replace_principals(tmp_path / "principals.toml", {"teller": "teller", "crm": "crm_viewer"})
    assert deciding.changed(call)
    deciding.confirm(call, target)
    assert len(asked) == 1
    replace_principals(tmp_path / "principals.toml", {"teller": "operator"})
    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            deciding.confirm(call, target)
        assert refused.value.fault.reason == "ROLE_MISSING"


_LENT = cast(CheckOut, object())
