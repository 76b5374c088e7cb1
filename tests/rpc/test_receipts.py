"""Every answer carries the receipt of the event that stands for it, an error too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import PURPOSE_ONBOARDING_CDD
from tests.e2e import people
from tests.support.pipeline import BANK, CUSTOMER, Refused, Rig, receipt_of, several, uri
from vault.access import Action
from vault.audit import AuditLog, Phase
from vault.rpc.methods import BidiStream, ServerStream, Unary
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.pipeline import RECEIPT
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import with_purpose
from vault.sealing import SystemClock
from vault.services.call import Call, Trace
from vault.services.errors import NotFound
from vault.services.recording import Recorder

GET = pb.GetCustomerRequest(name=CUSTOMER, purpose=PURPOSE_ONBOARDING_CDD).SerializeToString()
OFFICER, COMPLIANCE, BACKEND = uri("officer"), uri("compliance"), uri("backend")


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


def nothing_prepared(_request: Any, _problems: Problems) -> None:
    return None


def reading(handle: Any) -> Unary:
    target = with_purpose(target_of, "name")
    return Unary(Action.CUSTOMERS_GET, pb.GetCustomerRequest, target, nothing_prepared, handle)


async def found(_call: Call, _command: Any) -> Message:
    return pb.GetCustomerResponse()


async def missing(_call: Call, _command: Any) -> Message:
    raise NotFound(CUSTOMER)


def test_an_answer_carries_the_receipt_of_its_event(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading(found))

    async def main() -> None:
        await rig.unary(GET, COMPLIANCE)

    run(main)
    assert rig.context.trailing == {RECEIPT: receipt_of(rig.events[0])}
    assert rig.context.initial == {}


@pytest.mark.parametrize("caller", [(COMPLIANCE,), (uri("stranger"),), ()])
def test_an_error_carries_the_receipt_of_its_event(tmp_path: Path, caller: tuple[str, ...]) -> None:
    rig = Rig(tmp_path, reading(missing))

    async def main() -> None:
        with pytest.raises(Refused) as refused:
            await rig.unary(GET, *caller)
        assert refused.value.metadata[RECEIPT] == receipt_of(rig.events[0])

    run(main)


def test_a_method_that_does_not_exist_is_refused_with_a_receipt(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading(found))

    async def main() -> None:
        with pytest.raises(Refused, match="UNIMPLEMENTED") as refused:
            await cast(Any, rig.bidi(several(), COMPLIANCE, method="/test.Service/Other"))
        assert refused.value.metadata[RECEIPT] == receipt_of(rig.events[0])

    run(main)


def test_a_write_carries_the_receipt_of_the_event_that_stands_with_it(tmp_path: Path) -> None:
    clock = SystemClock()

    async def handle(call: Call, _command: Any) -> Message:
        recorder = Recorder(cast(AuditLog, rig.log), clock)
        await recorder.commit(call, lambda _: 1, lambda _: Trace(institution="demo-bank"))
        return pb.GetCustomerResponse()

    rig = Rig(tmp_path, reading(handle))

    async def main() -> None:
        await rig.unary(GET, COMPLIANCE)

    run(main)
    assert len(rig.events) == 1
    assert rig.context.trailing == {RECEIPT: receipt_of(rig.events[0])}


def test_what_could_not_be_logged_carries_no_receipt(tmp_path: Path) -> None:
    rig = Rig(tmp_path, reading(found))
    rig.log.away = True

    async def main() -> None:
        with pytest.raises(Refused) as refused:
            await rig.unary(GET, COMPLIANCE)
        assert refused.value.reason == "LOG_UNAVAILABLE"
        assert RECEIPT not in refused.value.metadata

    run(main)


# -- streams -----------------------------------------------------------------------------------


def following(handle: Any) -> ServerStream:
    return ServerStream(
        Action.AUDIT_STREAM,
        ap.StreamEventsRequest,
        lambda r: target_of_parent(r.parent),
        nothing_prepared,
        handle,
    )


async def two(_call: Call, _command: Any) -> AsyncIterator[Message]:
    yield ap.StreamEventsResponse()
    yield ap.StreamEventsResponse()


FOLLOW = ap.StreamEventsRequest(parent=BANK).SerializeToString()


def test_a_stream_begins_with_the_receipt_of_its_opening_and_ends_with_that_of_its_close(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, following(two), officer="security_officer")

    async def main() -> None:
        async with aclosing(cast(Any, rig.stream(FOLLOW, OFFICER))) as answers:
            await anext(answers)
            assert rig.context.initial == {RECEIPT: receipt_of(rig.events[0])}
            assert rig.context.trailing == {}
            async for _ in answers:
                pass

    run(main)
    assert [e.phase for e in rig.events] == [Phase.OPENED, Phase.CLOSED]
    assert rig.context.trailing == {RECEIPT: receipt_of(rig.events[1])}


def test_a_stream_that_breaks_off_ends_with_the_receipt_of_its_end(tmp_path: Path) -> None:
    async def breaks(call: Call, command: Any) -> AsyncIterator[Message]:
        async for message in two(call, command):
            yield message
        raise NotFound(CUSTOMER)

    rig = Rig(tmp_path, following(breaks), officer="security_officer")

    async def main() -> None:
        with pytest.raises(Refused, match="NOT_FOUND") as refused:
            async for _ in rig.stream(FOLLOW, OFFICER):
                pass
        assert refused.value.metadata[RECEIPT] == receipt_of(rig.events[1])

    run(main)


def test_the_receipt_of_an_opening_is_not_passed_off_as_that_of_the_end(tmp_path: Path) -> None:
    async def breaks(_call: Call, _command: Any) -> AsyncIterator[Message]:
        yield ap.StreamEventsResponse()
        rig.log.away = True

    rig = Rig(tmp_path, following(breaks), officer="security_officer")

    async def main() -> None:
        with pytest.raises(Refused) as refused:
            async for _ in rig.stream(FOLLOW, OFFICER):
                pass
        assert refused.value.reason == "LOG_UNAVAILABLE"
        assert RECEIPT not in refused.value.metadata

    run(main)


def test_an_import_begins_and_ends_with_a_receipt(tmp_path: Path) -> None:
    async def handle(_call: Call, _command: Any) -> Message:
        return pb.ImportRecordsResponse()

    method = BidiStream(
        Action.IMPORT,
        pb.ImportRecordsRequest,
        lambda r: target_of_parent(r.parent),
        nothing_prepared,
        handle,
    )
    rig = Rig(tmp_path, method, backend="ingestor")
    message = pb.ImportRecordsRequest(
        parent=BANK, request_id=people.new_id(), items=[pb.ImportItem(new_customer=people.person())]
    )

    async def main() -> None:
        async for _ in rig.bidi(several(message.SerializeToString()), BACKEND):
            pass

    run(main)
    phases = [e.phase for e in rig.events]
    assert phases == [Phase.OPENED, Phase.MESSAGE, Phase.CLOSED]
    assert rig.context.initial == {RECEIPT: receipt_of(rig.events[0])}
    assert rig.context.trailing == {RECEIPT: receipt_of(rig.events[2])}
