"""A tier that is told to stop: nobody who only waits holds it up, and every stream is closed."""

import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from recordsvault.audit.v1 import audit_pb2, audit_pb2_grpc
from tests.support.running_vault import RunningVault
from vault.audit import Phase, decode
from vault.audit.reader import read
from vault.server.settings import TierName
from vault.store import Database

BANK = "institutions/demo-bank"


def test_followers_and_watchers_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vault.db"
    with RunningVault(tmp_path, url) as vault:
        channel = vault.channel("officer", TierName.FULL)
        follow = audit_pb2_grpc.AuditStub(channel).StreamEvents(
            audit_pb2.StreamEventsRequest(parent=BANK, follow=True)
        )
        assert next(follow).entries
        # The stub's types leave Watch out.
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING

        began = time.monotonic()
        process = vault.terminate(TierName.FULL)
        took = time.monotonic() - began

        assert process.returncode == 0
        assert took < 5
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        for stream in (watch, follow):
            with pytest.raises(grpc.RpcError) as ended:
                for _ in stream:
                    pass
            assert ended.value.code() is grpc.StatusCode.UNAVAILABLE

    database = Database(url)
    try:
        events = [
            decode(e.leaf) for e in database.read_sync(lambda conn: read(conn, 0, 100)).events
        ]
    finally:
        database.dispose()
    opened = {e.call_id for e in events if e.phase is Phase.OPENED}
    closed = {e.call_id for e in events if e.phase is Phase.CLOSED}
    assert len(opened) == 2
    assert opened == closed


def test_a_tier_that_is_told_to_stop_while_it_starts_ends_in_order(tmp_path: Path) -> None:
    with RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db") as vault:
        assert vault.terminate(TierName.FULL).returncode == 0
        for _ in range(3):
            vault.start(TierName.FULL)
            assert vault.terminate(TierName.FULL).returncode == 0
            assert vault.log_text(TierName.FULL).rstrip().endswith("tier=full")
