"""Streams: opened and closed in the log, ended with the right to them, sent home at a stop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2
from recordsvault.records.v1 import records_pb2 as pb
from tests.support.pipeline import (
    BANK,
    Refused,
    Rig,
    nothing_ever,
    replace_principals,
    several,
    uri,
)
from vault.access import Action
from vault.audit import Phase
from vault.rpc.methods import BidiStream, ServerStream
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import with_request_id
from vault.services.call import Call
from vault.services.errors import NotFound

OFFICER, BACKEND = uri("officer"), uri("backend")
FOLLOW = audit_pb2.StreamEventsRequest(parent=BANK, follow=True).SerializeToString()
PAGE = audit_pb2.StreamEventsResponse(next_position=1)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


def followed(pages: Callable[[Call], AsyncIterator[Message]]) -> ServerStream:
    return ServerStream(
        Action.AUDIT_STREAM,
        audit_pb2.StreamEventsRequest,
        lambda request: target_of_parent(request.parent),
        lambda _request, _problems: None,
        lambda call, _command: pages(call),
    )


async def without_end(call: Call) -> AsyncIterator[Message]:
    while True:
        call.touched(count=call.trace.count + 1)
        yield PAGE
        await asyncio.sleep(0)


async def idle(_call: Call) -> AsyncIterator[Message]:
    await asyncio.Event().wait()
    yield PAGE


def imported(handle: Any) -> BidiStream:
    def prepare(request: pb.ImportRecordsRequest, problems: Problems) -> pb.ImportRecordsRequest:
        problems.found.clear()
        return request

    return BidiStream(
        Action.IMPORT,
        pb.ImportRecordsRequest,
        with_request_id(target_of_parent, "parent"),
        prepare,
        handle,
    )


async def stored(call: Call, request: pb.ImportRecordsRequest) -> Message:
    if request.request_id == "bad":
        raise NotFound("The customer")
    call.touched(count=3)
    return pb.ImportRecordsResponse()


def message(parent: str = BANK, request_id: str = "") -> bytes:
    return pb.ImportRecordsRequest(parent=parent, request_id=request_id).SerializeToString()


def phases(rig: Rig) -> list[tuple[str, str, int]]:
    return [(e.phase.value, e.outcome, e.count) for e in rig.events]


async def answers(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [answer async for answer in stream]


# -- opened and closed ---------------------------------------------------------------------------


def test_a_stream_stands_in_the_log_before_its_first_message_and_again_at_its_end(
    tmp_path: Path,
) -> None:
    async def two(call: Call) -> AsyncIterator[Message]:
        assert phases(rig) == [("opened", "OK", 0)]
        yield PAGE
        call.touched(count=2)
        yield PAGE

    rig = Rig(tmp_path, followed(two), officer="security_officer")

    async def main() -> None:
        assert len(await answers(rig.stream(FOLLOW, OFFICER))) == 2

    run(main)
    assert phases(rig) == [("opened", "OK", 0), ("closed", "OK", 2)]
    assert len({e.call_id for e in rig.events}) == 1


def test_a_stream_that_may_not_be_opened_makes_one_event(tmp_path: Path) -> None:
    rig = Rig(tmp_path, followed(without_end), crm="crm_viewer")

    async def main() -> None:
        with pytest.raises(Refused, match="PERMISSION_DENIED"):
            await answers(rig.stream(FOLLOW, uri("crm")))

    run(main)
    assert phases(rig) == [("call", "PERMISSION_DENIED", 0)]


def test_a_reader_who_goes_away_between_two_messages_closes_the_stream(tmp_path: Path) -> None:
    rig = Rig(tmp_path, followed(without_end), officer="security_officer")

    async def main() -> None:
        stream = rig.stream(FOLLOW, OFFICER)
        await anext(stream)
        await anext(stream)
        await cast(Any, stream).aclose()

    run(main)
    assert phases(rig) == [("opened", "OK", 0), ("closed", "CANCELLED", 2)]


@pytest.mark.parametrize("at", [Phase.OPENED, Phase.CLOSED])
def test_a_reader_who_goes_away_while_the_log_is_written_opens_and_closes_once(
    tmp_path: Path, at: Phase
) -> None:
    async def one(_call: Call) -> AsyncIterator[Message]:
        yield PAGE
        if at is Phase.CLOSED:
            rig.log.gate = asyncio.Event()

    rig = Rig(tmp_path, followed(one), officer="security_officer")

    async def main() -> None:
        rig.log.gate = asyncio.Event() if at is Phase.OPENED else None
        reading = asyncio.ensure_future(answers(rig.stream(FOLLOW, OFFICER)))
        await rig.log.held.wait()
        reading.cancel()
        await asyncio.sleep(0)
        assert rig.log.gate is not None
        rig.log.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.sleep(0.01)

    run(main)
    outcome = "CANCELLED" if at is Phase.OPENED else "OK"
    assert sorted(phases(rig)) == [("closed", outcome, 0), ("opened", "OK", 0)]


def test_each_message_of_an_import_makes_one_event_and_the_end_counts_them(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def main() -> None:
        stream = rig.bidi(several(message(), message()), BACKEND)
        assert len(await answers(stream)) == 2

    run(main)
    assert phases(rig) == [
        ("opened", "OK", 0),
        ("message", "OK", 3),
        ("message", "OK", 3),
        ("closed", "OK", 6),
    ]


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (message(request_id="bad"), "NOT_FOUND"),
        (message(parent="institutions/other-bank"), "INVALID_ARGUMENT"),
        (b"\xff\xff", "INVALID_ARGUMENT"),
    ],
    ids=["refused", "another parent", "no message"],
)
def test_a_message_that_fails_ends_the_import_with_what_was_delivered(
    tmp_path: Path, second: bytes, outcome: str
) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def main() -> None:
        with pytest.raises(Refused, match=outcome):
            await answers(rig.bidi(several(message(), second, message()), BACKEND))

    run(main)
    assert phases(rig) == [("opened", "OK", 0), ("message", "OK", 3), ("closed", outcome, 3)]


def test_an_import_without_a_message_is_one_event(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def main() -> None:
        assert await answers(rig.bidi(several(), BACKEND)) == []

    run(main)
    assert phases(rig) == [("call", "OK", 0)]


# -- the right to a stream -----------------------------------------------------------------------


def test_a_stranger_is_refused_before_he_has_sent_anything(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def main() -> None:
        with pytest.raises(Refused, match="UNAUTHENTICATED"):
            await answers(rig.bidi(nothing_ever(), uri("stranger")))

    run(main)
    assert phases(rig) == [("call", "UNAUTHENTICATED", 0)]


@pytest.mark.parametrize(
    ("roles", "outcome"),
    [({"other": "operator"}, "UNAUTHENTICATED"), ({"officer": "operator"}, "PERMISSION_DENIED")],
    ids=["taken out of the file", "lost the role"],
)
def test_whoever_may_no_longer_read_gets_no_further_message(
    tmp_path: Path, roles: dict[str, str], outcome: str
) -> None:
    rig = Rig(tmp_path, followed(without_end), officer="security_officer")

    async def main() -> None:
        stream = rig.stream(FOLLOW, OFFICER)
        await anext(stream)
        replace_principals(rig.path, roles)
        with pytest.raises(Refused, match=outcome):
            await anext(stream)

    run(main)
    assert [e.outcome for e in rig.events] == ["OK", outcome]
    assert rig.events[-1].actor == "officer"


def test_whoever_may_no_longer_write_has_no_further_message_taken(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def requests() -> AsyncIterator[bytes]:
        yield message()
        replace_principals(rig.path, {"other": "operator"})
        yield message()

    async def main() -> None:
        stream = rig.bidi(requests(), BACKEND)
        await anext(stream)
        with pytest.raises(Refused, match="UNAUTHENTICATED"):
            await anext(stream)

    run(main)
    assert [e.phase.value for e in rig.events] == ["opened", "message", "closed"]


def test_a_caller_holds_only_so_many_streams_and_others_are_not_kept_out(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path, followed(without_end), officer="security_officer", second="security_officer"
    )

    async def main() -> None:
        streams = [rig.stream(FOLLOW, OFFICER) for _ in range(rig.streams_per_caller)]
        for stream in streams:
            await anext(stream)
        with pytest.raises(Refused, match="RESOURCE_EXHAUSTED") as refused:
            await anext(rig.stream(FOLLOW, OFFICER))
        assert refused.value.reason == "TOO_MANY_STREAMS"
        await anext(rig.stream(FOLLOW, uri("second")))
        await cast(Any, streams[0]).aclose()
        await anext(rig.stream(FOLLOW, OFFICER))

    run(main)


# -- the end of the server -----------------------------------------------------------------------


def test_followers_are_sent_home_when_the_server_stops(tmp_path: Path) -> None:
    rig = Rig(tmp_path, followed(idle), officer="security_officer")

    async def main() -> None:
        following = asyncio.ensure_future(answers(rig.stream(FOLLOW, OFFICER)))
        while not rig.events:  # noqa: ASYNC110  # what the log has is all there is to see
            await asyncio.sleep(0)
        rig.pipeline.stop()
        with pytest.raises(Refused, match="UNAVAILABLE") as refused:
            await following
        assert refused.value.reason == "STOPPING"

    run(main)
    assert phases(rig) == [("opened", "OK", 0), ("closed", "UNAVAILABLE", 0)]


def test_a_follower_who_comes_while_the_server_stops_is_sent_home(tmp_path: Path) -> None:
    rig = Rig(tmp_path, followed(idle), officer="security_officer")

    async def main() -> None:
        rig.pipeline.stop()
        with pytest.raises(Refused, match="UNAVAILABLE"):
            await answers(rig.stream(FOLLOW, OFFICER))

    run(main)
    assert phases(rig) == [("opened", "OK", 0), ("closed", "UNAVAILABLE", 0)]


def test_an_import_that_goes_on_is_finished_when_the_server_stops(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def requests() -> AsyncIterator[bytes]:
        yield message()
        rig.pipeline.stop()
        yield message()

    async def main() -> None:
        assert len(await answers(rig.bidi(requests(), BACKEND))) == 2

    run(main)
    assert phases(rig)[-1] == ("closed", "OK", 6)


def test_an_import_that_is_idle_is_sent_home_when_the_server_stops(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor")

    async def requests() -> AsyncIterator[bytes]:
        yield message()
        rig.pipeline.stop()
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(Refused, match="UNAVAILABLE"):
            await answers(rig.bidi(requests(), BACKEND))

    run(main)
    assert phases(rig)[-1] == ("closed", "UNAVAILABLE", 3)


# -- whoever is taken out while he waits ----------------------------------------------------------


class Idling:
    """A stream that brings nothing, and tells when it was begun."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, _call: Call) -> AsyncIterator[Message]:
        self.begun.set()
        await asyncio.Event().wait()
        yield PAGE


def test_a_stream_that_waits_ends_within_a_second_of_its_caller_being_taken_out(
    tmp_path: Path,
) -> None:
    idling = Idling()
    rig = Rig(tmp_path, followed(idling), officer="security_officer", backend="ingestor")

    async def main() -> None:
        stream = rig.stream(FOLLOW, OFFICER)
        waiting = asyncio.ensure_future(anext(stream))
        await idling.begun.wait()
        taken_out = asyncio.get_running_loop().time()
        replace_principals(rig.path, {"backend": "ingestor"})
        with pytest.raises(Refused) as refused:
            await waiting
        assert asyncio.get_running_loop().time() - taken_out < 1
        assert refused.value.reason == "UNKNOWN_PRINCIPAL"

    run(main)
    opened, closed = rig.events
    assert (opened.phase, closed.phase) == (Phase.OPENED, Phase.CLOSED)
    assert (closed.actor, closed.outcome, closed.reason) == (
        "officer",
        "UNAUTHENTICATED",
        "UNKNOWN_PRINCIPAL",
    )


def test_a_stream_that_waits_ends_when_its_caller_has_lost_the_role(tmp_path: Path) -> None:
    idling = Idling()
    rig = Rig(tmp_path, followed(idling), officer="security_officer")

    async def main() -> None:
        waiting = asyncio.ensure_future(anext(rig.stream(FOLLOW, OFFICER)))
        await idling.begun.wait()
        replace_principals(rig.path, {"officer": "crm_viewer"})
        with pytest.raises(Refused) as refused:
            await waiting
        assert refused.value.reason == "ROLE_MISSING"

    run(main)


def test_a_stream_goes_on_when_somebody_else_is_taken_out(tmp_path: Path) -> None:
    idling = Idling()
    rig = Rig(tmp_path, followed(idling), officer="security_officer", backend="ingestor")

    async def main() -> None:
        waiting = asyncio.ensure_future(anext(rig.stream(FOLLOW, OFFICER)))
        await idling.begun.wait()
        replace_principals(rig.path, {"officer": "security_officer"})
        done, _ = await asyncio.wait((waiting,), timeout=0.5)
        assert not done
        waiting.cancel()
        await asyncio.wait((waiting,))

    run(main)


def test_an_import_that_waits_for_its_first_message_ends_with_its_caller(tmp_path: Path) -> None:
    rig = Rig(tmp_path, imported(stored), backend="ingestor", officer="security_officer")

    async def main() -> None:
        waiting = asyncio.ensure_future(anext(rig.bidi(nothing_ever(), BACKEND)))
        await asyncio.sleep(0.05)
        replace_principals(rig.path, {"officer": "security_officer"})
        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(waiting, 1)
        assert refused.value.reason == "UNKNOWN_PRINCIPAL"

    run(main)


def test_nobody_looks_when_no_stream_is_open(tmp_path: Path) -> None:
    idling = Idling()
    rig = Rig(tmp_path, followed(idling), officer="security_officer")

    async def main() -> None:
        before = len(asyncio.all_tasks())
        waiting = asyncio.ensure_future(anext(rig.stream(FOLLOW, OFFICER)))
        await idling.begun.wait()
        waiting.cancel()
        await asyncio.wait((waiting,))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before

    run(main)
