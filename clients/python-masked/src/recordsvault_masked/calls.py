"""One unary call, from request to answer or typed error: deadline, attempts, translation."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import grpc
from grpc import aio

from recordsvault_masked.errors import VaultError
from recordsvault_masked.retry import NO_RETRY, Attempts, RetryPolicy
from recordsvault_masked.status import from_rpc_error

DEFAULT_TIMEOUT = 10.0
"""Seconds that a call may take, all its attempts together."""

Q = TypeVar("Q")
R = TypeVar("R")


class Caller:
    """Makes blocking unary calls; may be shared by threads."""

    def __init__(self, timeout: float = DEFAULT_TIMEOUT, retry: RetryPolicy | None = None) -> None:
        """Keep the deadline in seconds and the retry policy of calls that name none."""
        self.timeout = timeout
        self.retry = retry or RetryPolicy()

    def __call__(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout: float | None = None,
    ) -> R:
        """Call `method`, again where a failure passes. Raises VaultError.

        Every request that comes here is safe to repeat: a read, or a write with a request_id.
        """
        attempts = Attempts(self.retry, self.timeout if timeout is None else timeout)
        while True:
            try:
                return method(request, timeout=attempts.remaining())
            except grpc.RpcError as failure:
                pause = _pause(attempts, failure, request)
            time.sleep(pause)

    def once(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout: float | None = None,
    ) -> R:
        """Call `method`, which is not safe to repeat. Raises VaultError."""
        return Caller(self.timeout, NO_RETRY)(method, request, timeout)


class AsyncCaller:
    """Makes asyncio unary calls."""

    def __init__(self, timeout: float = DEFAULT_TIMEOUT, retry: RetryPolicy | None = None) -> None:
        """Keep the deadline in seconds and the retry policy of calls that name none."""
        self.timeout = timeout
        self.retry = retry or RetryPolicy()

    async def __call__(
        self,
        method: aio.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> R:
        """As `Caller.__call__`."""
        attempts = Attempts(self.retry, self.timeout if timeout is None else timeout)
        while True:
            try:
                return await method(request, timeout=attempts.remaining())
            except grpc.RpcError as failure:
                pause = _pause(attempts, failure, request)
            await asyncio.sleep(pause)

    async def once(
        self,
        method: aio.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout: float | None = None,  # noqa: ASYNC109 - becomes the deadline of the RPC
    ) -> R:
        """As `Caller.once`."""
        return await AsyncCaller(self.timeout, NO_RETRY)(method, request, timeout)


def _pause(attempts: Attempts, failure: grpc.RpcError, request: object) -> float:
    error = from_rpc_error(failure)
    error.request_id = getattr(request, "request_id", "")
    try:
        return attempts.pause_after(error)
    except VaultError as final:
        # Its cause is left out: gRPC's text is for developers and not known to be free of values.
        raise final from None
