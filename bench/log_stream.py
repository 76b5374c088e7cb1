"""How fast the stream delivers a stored log, to one follower and to several at once.

Followers take the bytes of the messages and read them afterwards, so that it is the vault that is
measured; they share the cores that the vault does not have.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from grpc import aio

from bench.log_results import Delivered
from bench.material import PARENT
from bench.meters import Meter
from recordsvault.audit.v1 import audit_pb2
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

_STREAM = "/recordsvault.audit.v1.Audit/StreamEvents"
_OPTIONS = [("grpc.max_receive_message_length", 64 * 1024 * 1024)]


def delivered(
    vault: RunningVault,
    meter: Callable[[], Meter],
    start: int,
    followers: int,
    *,
    verifiable: bool = False,
) -> Delivered:
    """One round, of all entries behind `start`. Raises RuntimeError if followers saw different
    things."""
    request = audit_pb2.StreamEventsRequest(
        parent=PARENT, from_position=start, verifiable=verifiable
    ).SerializeToString()
    with meter().run() as metered:
        began = time.perf_counter()
        kept = asyncio.run(_followed(vault, request, followers))
        seconds = time.perf_counter() - began
    entries = [_entries(messages, start) for messages in kept]
    if not min(entries):
        raise RuntimeError("a follower saw nothing")
    total = sum(entries)
    return Delivered(
        followers, verifiable, min(entries), total / seconds,
        metered.server_cpu / total * 1e6, metered.others_cores,
    )  # fmt: skip


async def _followed(vault: RunningVault, request: bytes, followers: int) -> list[list[bytes]]:
    credentials = vault.credentials("officer")

    async def follow(channel: aio.Channel) -> list[bytes]:
        method: Any = channel.unary_stream(_STREAM)
        return [message async for message in method(request)]

    target = vault.target(TierName.FULL)
    async with aio.secure_channel(target, credentials, options=_OPTIONS) as channel:
        return list(await asyncio.gather(*(follow(channel) for _ in range(followers))))


def _entries(messages: list[bytes], start: int) -> int:
    """How many entries came. Raises RuntimeError unless they came in order, each once."""
    positions = [
        entry.position
        for message in messages
        for entry in audit_pb2.StreamEventsResponse.FromString(message).entries
    ]
    if positions != sorted(set(positions)) or (positions and positions[0] < start):
        raise RuntimeError("entries came out of order, or twice")
    return len(positions)
