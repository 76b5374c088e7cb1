"""The audit stream message by message goes on behind the last message that was handed out."""

from __future__ import annotations

import threading

import grpc
import pytest

from recordsvault_client import PermissionDenied, VaultClient
from tests.clients.fake_vault import FakeVault, Refused, unavailable


def test_a_lost_stream_goes_on_behind_the_last_message(fake: FakeVault, vault: VaultClient) -> None:
    for _ in range(12):
        fake.append()
    fake.fail("StreamEvents.cut", unavailable(), unavailable())
    with vault.audit.messages(follow=False, verifiable=True) as stream:
        got = list(stream)
    positions = [entry.position for message in got for entry in message.entries]
    assert positions == list(range(12))
    requests = fake.called("StreamEvents")
    assert [request.from_position for request in requests] == [0, 3, 6]
    assert all(request.verifiable for request in requests)


def test_closing_ends_a_stream_that_waits(fake: FakeVault, vault: VaultClient) -> None:
    stream = vault.audit.messages()
    threading.Timer(0.2, stream.close).start()
    assert all(not message.entries for message in stream)


def test_a_denial_is_not_tried_again(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("StreamEvents", Refused(grpc.StatusCode.PERMISSION_DENIED))
    with pytest.raises(PermissionDenied):
        next(vault.audit.messages())
    assert len(fake.called("StreamEvents")) == 1
