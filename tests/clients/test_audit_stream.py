"""The audit stream takes itself up after a loss: every entry once, in order, none left out."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault.audit.v1.event_pb2 import LogEntry
from recordsvault_client import (
    AsyncVaultClient,
    PermissionDenied,
    ProtocolError,
    RetryPolicy,
    ServerFault,
    Unavailable,
    VaultClient,
    event_filter,
)
from recordsvault_client.events import Cursor
from recordsvault_masked.recovery import Recovery
from tests.clients.fake_vault import FakeVault, Refused, unavailable


@given(
    size=st.integers(0, 40),
    chunk=st.integers(1, 7),
    start=st.integers(0, 45),
    cuts=st.lists(st.integers(0, 10), max_size=20),
    wanted=st.sets(st.integers(0, 40)),
)
def test_however_often_it_is_cut_every_wanted_entry_comes_once_and_in_order(
    size: int, chunk: int, start: int, cuts: list[int], wanted: set[int]
) -> None:
    """The vault sends messages of `chunk` positions; each life of the stream ends after a cut."""
    cursor = Cursor(pb.StreamEventsRequest(from_position=start))
    got: list[int] = []

    def messages(request: pb.StreamEventsRequest) -> Iterator[pb.StreamEventsResponse]:
        assert not request.from_end
        position = request.from_position
        while position < size:
            until = min(position + chunk, size)
            entries = [LogEntry(position=at) for at in range(position, until) if at in wanted]
            yield pb.StreamEventsResponse(entries=entries, next_position=until)
            position = until

    for cut in [*cuts, 1000]:
        taken = 0
        for message in messages(cursor.request()):
            for entry in cursor.take(message):
                got.append(entry.position)
                taken += 1
                if taken >= cut:
                    break
            if taken >= cut:
                break
    assert got == [at for at in range(start, size) if at in wanted]


def test_a_log_that_became_shorter_is_reported_not_waited_for() -> None:
    cursor = Cursor(pb.StreamEventsRequest(from_position=10))
    with pytest.raises(ProtocolError, match="backup"):
        list(cursor.take(pb.StreamEventsResponse(next_position=3)))


def _fill(fake: FakeVault, count: int) -> None:
    for _ in range(count):
        fake.append()


def test_a_stream_without_following_ends_where_the_log_ends(
    fake: FakeVault, vault: VaultClient
) -> None:
    _fill(fake, 10)
    positions = [entry.position for entry in vault.audit.stream(follow=False)]
    assert positions == list(range(10))


@pytest.mark.parametrize(
    "accident",
    [
        unavailable(),
        Refused(grpc.StatusCode.UNAVAILABLE, "Socket closed", plain=True),
        Refused(grpc.StatusCode.CANCELLED, "shutting down", plain=True),
        Refused(grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", plain=True),
        Refused(grpc.StatusCode.UNKNOWN, "Stream removed", plain=True),
    ],
    ids=lambda accident: accident.code.name,
)
def test_a_lost_stream_goes_on_without_loss_or_repetition(
    fake: FakeVault, vault: VaultClient, accident: Refused
) -> None:
    _fill(fake, 20)
    fake.fail("StreamEvents.cut", accident, accident, accident)
    seen: list[str] = []
    stream = vault.audit.stream(on_interrupt=lambda error, pause: seen.append(type(error).__name__))
    with stream:
        positions = [entry.position for entry in islice(stream, 20)]
    assert positions == list(range(20))
    assert len(seen) == 3
    assert [request.from_position for request in fake.called("StreamEvents")] == [0, 3, 6, 9]


def test_a_vault_that_restarts_is_followed_on(fake: FakeVault, vault: VaultClient) -> None:
    _fill(fake, 5)
    with vault.audit.stream() as stream:
        positions = [entry.position for entry in islice(stream, 5)]
        fake.stop()
        _fill(fake, 5)
        threading.Timer(0.3, fake.start).start()
        positions += [entry.position for entry in islice(stream, 5)]
        assert stream.next_position == 10
    assert positions == list(range(10))


def test_new_entries_come_as_they_are_appended(fake: FakeVault, vault: VaultClient) -> None:
    _fill(fake, 3)
    with vault.audit.stream(from_end=True) as stream:
        threading.Timer(0.2, _fill, (fake, 2)).start()
        assert [entry.position for entry in islice(stream, 2)] == [3, 4]


def test_a_stream_from_the_end_resumes_from_the_position_that_it_learnt(
    fake: FakeVault, vault: VaultClient
) -> None:
    _fill(fake, 4)
    fake.fail("StreamEvents.cut", unavailable())
    with vault.audit.stream(from_end=True) as stream:
        threading.Timer(0.2, _fill, (fake, 6)).start()
        assert [entry.position for entry in islice(stream, 6)] == [4, 5, 6, 7, 8, 9]
    first, *others = fake.called("StreamEvents")
    assert first.from_end
    assert others
    assert not any(request.from_end for request in others)


def test_a_denial_is_not_tried_again(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("StreamEvents", Refused(grpc.StatusCode.PERMISSION_DENIED))
    with pytest.raises(PermissionDenied):
        next(vault.audit.stream())
    assert len(fake.called("StreamEvents")) == 1


def test_a_fault_that_the_vault_explains_is_not_tried_again(
    fake: FakeVault, vault: VaultClient
) -> None:
    from google.rpc.error_details_pb2 import ErrorInfo

    fake.fail("StreamEvents", Refused(grpc.StatusCode.INTERNAL, "x", ErrorInfo(reason="INTERNAL")))
    with pytest.raises(ServerFault):
        next(vault.audit.stream())


def test_patience_comes_to_an_end(fake: FakeVault, vault: VaultClient) -> None:
    _fill(fake, 1)
    with vault.audit.stream(patience=0.5) as stream:
        next(stream)
        fake.stop()
        started = time.monotonic()
        with pytest.raises(Unavailable):
            next(stream)
    assert 0.3 < time.monotonic() - started < 3


def test_closing_ends_a_stream_that_waits(fake: FakeVault, vault: VaultClient) -> None:
    stream = vault.audit.stream()
    threading.Timer(0.2, stream.close).start()
    assert list(stream) == []


def test_a_stream_whose_last_time_is_past_ends_when_the_vault_ends_it(
    fake: FakeVault, vault: VaultClient
) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    cursor = Cursor(pb.StreamEventsRequest(follow=True, filter=event_filter(to_time=past)))
    assert cursor.ends(datetime.now(UTC))
    assert not cursor.ends(past - timedelta(seconds=1))
    assert not Cursor(pb.StreamEventsRequest(follow=True)).ends(datetime.now(UTC))
    assert Cursor(pb.StreamEventsRequest()).ends(datetime.now(UTC))


def test_filters_are_sent_as_given(fake: FakeVault, vault: VaultClient) -> None:
    _fill(fake, 2)
    fake.append(actor="somebody", decision=2)
    wanted = event_filter(actor="somebody", decisions=["DENIED"], actions=["masked.*"])
    assert [entry.position for entry in vault.audit.stream(follow=False, filter=wanted)] == [2]
    assert [entry.position for entry in vault.audit.query(filter=wanted)] == [2]
    assert list(fake.called("QueryEvents")[0].filter.actions) == ["masked.*"]
    with pytest.raises(ValueError, match="UNAUTHENTICATED"):
        event_filter(decisions=["MAYBE"])


def test_a_query_reads_all_pages_in_the_order_asked_for(
    fake: FakeVault, vault: VaultClient
) -> None:
    _fill(fake, 7)
    newest = [entry.position for entry in vault.audit.query(newest_first=True, page_size=3)]
    assert newest == [6, 5, 4, 3, 2, 1, 0]


def test_the_asyncio_stream_does_the_same(fake: FakeVault, fast: RetryPolicy) -> None:
    from recordsvault_client import Profile

    _fill(fake, 12)
    fake.fail("StreamEvents.cut", unavailable(), unavailable())

    async def read() -> list[int]:
        async with AsyncVaultClient(Profile.load(fake.profile()), retry=fast) as vault:
            got = []
            stream = vault.audit.stream()
            async for entry in stream:
                got.append(entry.position)
                if len(got) == 12:
                    break
            assert stream.next_position == 12
            newest = vault.audit.query(newest_first=True, page_size=5)
            assert [entry.position async for entry in newest] == list(range(11, -1, -1))
            return got

    assert asyncio.run(read()) == list(range(12))


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stream_that_stood_quiet_for_an_hour_has_its_whole_patience_when_it_is_lost() -> None:
    clock = Clock()
    recovery = Recovery(60, clock=clock, draw=lambda: 0.5)
    recovery.begin()
    clock.now += 3600
    error = Unavailable({"en": "lost"})
    recovery.pause_after(error)
    recovery.begin()
    clock.now += 30
    recovery.pause_after(error)
    recovery.begin()
    clock.now += 40
    recovery.begin()
    with pytest.raises(Unavailable):
        recovery.pause_after(error)


def test_a_vault_that_was_never_there_is_given_up_soon_however_patient_the_caller() -> None:
    clock = Clock()
    recovery = Recovery(None, clock=clock, draw=lambda: 0.5)
    error = Unavailable({"en": "not there"})
    with pytest.raises(Unavailable):
        for _ in range(1000):
            recovery.begin()
            clock.now += recovery.pause_after(error)
    assert 5 < clock.now < 12
