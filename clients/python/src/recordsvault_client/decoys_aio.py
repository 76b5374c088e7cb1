"""Customers who are none: the asyncio client."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from grpc import aio

from recordsvault.admin.v1 import watch_pb2 as pb
from recordsvault.admin.v1 import watch_pb2_grpc as stubs
from recordsvault_masked.calls import AsyncCaller


class AsyncDecoysClient:
    """Decoys (诱饵客户): whoever opens one, or looks at one, raises an alert before he is answered.

    Asked by a security officer in person. Every method takes `timeout` in seconds, over all
    attempts, and raises VaultError. What is said twice changes nothing, so it is tried again.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.WatchStub(channel)
        self._parent = parent
        self._call = call

    async def add(self, name: str, *, timeout: float | None = None) -> None:
        """Say that the customer `name` is a decoy. He is created before, like any other."""
        await self._call(self._stub.SetDecoy, pb.SetDecoyRequest(name=name, decoy=True), timeout)

    async def remove(self, name: str, *, timeout: float | None = None) -> None:
        """Say that the customer `name` is a decoy no longer."""
        await self._call(self._stub.SetDecoy, pb.SetDecoyRequest(name=name, decoy=False), timeout)

    async def list(self, *, parent: str = "", timeout: float | None = None) -> tuple[str, ...]:
        """Names of the decoys, in order; at most a thousand."""
        request = pb.ListDecoysRequest(parent=parent or self._parent)
        return tuple((await self._call(self._stub.ListDecoys, request, timeout)).decoys)
