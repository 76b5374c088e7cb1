"""Customers who are none: the blocking client."""

from __future__ import annotations

import grpc

from recordsvault.admin.v1 import watch_pb2 as pb
from recordsvault.admin.v1 import watch_pb2_grpc as stubs
from recordsvault_masked.calls import Caller


class DecoysClient:
    """Decoys (诱饵客户): whoever opens one, or looks at one, raises an alert before he is answered.

    Asked by a security officer in person. Every method takes `timeout` in seconds, over all
    attempts, and raises VaultError. What is said twice changes nothing, so it is tried again.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.WatchStub(channel)
        self._parent = parent
        self._call = call

    def add(self, name: str, *, timeout: float | None = None) -> None:
        """Say that the customer `name` is a decoy. He is created before, like any other."""
        self._call(self._stub.SetDecoy, pb.SetDecoyRequest(name=name, decoy=True), timeout)

    def remove(self, name: str, *, timeout: float | None = None) -> None:
        """Say that the customer `name` is a decoy no longer."""
        self._call(self._stub.SetDecoy, pb.SetDecoyRequest(name=name, decoy=False), timeout)

    def list(self, *, parent: str = "", timeout: float | None = None) -> tuple[str, ...]:
        """Names of the decoys, in order; at most a thousand."""
        request = pb.ListDecoysRequest(parent=parent or self._parent)
        return tuple(self._call(self._stub.ListDecoys, request, timeout).decoys)
