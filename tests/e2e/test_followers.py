"""The log followed by many at once, and by those who do not read what they are sent."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc import aio

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.audit.v1 import audit_pb2_grpc
from tests.e2e.people import PARENT
from tests.support.events import event
from tests.support.log_keys import clock
from tests.support.running_vault import RunningVault
from vault.audit import RowHash, encode
from vault.audit.append import append
from vault.server.settings import TierName
from vault.store import Database

FOLLOWERS = 100
CALLS = 60
MIB = 1024 * 1024


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[RunningVault]:
    """A vault of its own, whose callers may hold many streams."""
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    with RunningVault(tmp_path, url, limits="streams_per_caller = 250") as running:
        yield running


def memory(vault: RunningVault) -> float:
    """MiB that the full tier has in memory."""
    return float(psutil.Process(vault.pid(TierName.FULL)).memory_info().rss) / MIB


class Follower:
    """What one stream has brought."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bytes]] = []
        self.late: list[float] = []
        self.checkpoints: list[str] = []
        self.hashes = 0
        self.opened = asyncio.Event()

    async def follow(self, stub: Any, start: int, until: asyncio.Event, wanted: int) -> None:
        call = stub.StreamEvents(
            ap.StreamEventsRequest(parent=PARENT, from_position=start, follow=True, verifiable=True)
        )
        async for message in call:
            now = time.time()
            self.hashes += len(message.leaf_hashes)
            for entry in message.entries:
                self.seen.append((entry.position, entry.leaf))
                self.late.append(now - entry.append_time.ToNanoseconds() / 1e9)
            if len(self.seen) >= FOLLOWERS:
                self.opened.set()
            if message.checkpoint:
                self.checkpoints.append(message.checkpoint)
            if until.is_set() and message.checkpoint and len(self.seen) >= wanted:
                call.cancel()
                return


@pytest.mark.slow
@pytest.mark.alone
def test_a_hundred_followers_all_see_the_same_soon_and_cost_little(
    vault: RunningVault,
) -> None:
    before = memory(vault)

    async def main() -> list[Follower]:
        followers = [Follower() for _ in range(FOLLOWERS)]
        credentials = vault.credentials("officer")
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with aio.secure_channel(vault.target(TierName.FULL), credentials, options) as channel:
            stub: Any = audit_pb2_grpc.AuditStub(channel)
            done = asyncio.Event()
            # Each follower's own opening is an event that all of them are shown.
            wanted = FOLLOWERS + CALLS
            tasks = [asyncio.ensure_future(f.follow(stub, 0, done, wanted)) for f in followers]
            await asyncio.gather(*(f.opened.wait() for f in followers))
            for f in followers:
                f.late.clear()
            for _ in range(CALLS):
                await stub.QueryEvents(ap.QueryEventsRequest(parent=PARENT, page_size=1))
                await asyncio.sleep(0.02)
            done.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
        return followers

    followers = asyncio.run(main())
    first = followers[0].seen[: FOLLOWERS + CALLS]
    assert [position for position, _ in first] == list(range(FOLLOWERS + CALLS))
    assert all(f.seen[: len(first)] == first for f in followers)
    assert all(f.checkpoints and f.hashes >= len(first) for f in followers)
    late = sorted(itertools.chain.from_iterable(f.late for f in followers))
    p50, p99 = (late[int(len(late) * share)] for share in (0.5, 0.99))
    grown = memory(vault) - before
    told = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {grown:.0f} MiB more"
    print(f"{FOLLOWERS} followers: {told}")
    # Generous, for machines that are busy; a follower that polled would be later than this.
    assert p50 < 1.0, told
    assert grown < 100, told


@pytest.mark.slow
def test_readers_who_do_not_read_cost_the_vault_no_memory(vault: RunningVault) -> None:
    rows = tuple(
        RowHash(f"customers/{n:026}/transactions/{n:026}@1", bytes(32)) for n in range(440)
    )
    one = event(institution="demo-bank", resource=PARENT, customer="", rows=rows)
    leaf = encode(one)
    database = Database(vault.database, role="full")
    # 60 MiB that each reader would be sent, twice over: the leaf and what it says.
    database.write_sync(lambda conn: append(conn, [(one, leaf)] * 1000, clock()))
    database.dispose()
    audit = vault.audit()
    list(audit.StreamEvents(ap.StreamEventsRequest(parent=PARENT, from_position=900)))
    before = memory(vault)
    streams = [
        audit.StreamEvents(ap.StreamEventsRequest(parent=PARENT, follow=True, verifiable=True))
        for _ in range(20)
    ]
    for stream in streams:
        next(stream)
    highest = 0.0
    for _ in range(20):
        time.sleep(0.1)
        highest = max(highest, memory(vault) - before)
    print(f"20 readers who do not read: {highest:.0f} MiB more")
    # Of each no more than a few messages of some 500 KiB, in Python, gRPC and the kernel.
    assert highest < 20 * 5
    started = time.monotonic()
    audit.QueryEvents(ap.QueryEventsRequest(parent=PARENT, page_size=1))
    assert time.monotonic() - started < 2
    # And nothing is lost to who reads late.
    positions: list[int] = []
    for message in streams[0]:
        positions += [entry.position for entry in message.entries]
        if message.next_position >= 1000:
            break
    assert positions[-1] >= 999
    assert positions == list(range(positions[0], positions[-1] + 1))
    for stream in streams:
        assert isinstance(stream, grpc.Call)
        stream.cancel()
