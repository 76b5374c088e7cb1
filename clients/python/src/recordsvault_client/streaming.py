"""Streams of answers that are taken once, and not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import grpc

from recordsvault_masked.status import from_rpc_error


class Cancellable(Protocol):
    """A call, blocking or of asyncio."""

    def cancel(self) -> bool:
        """End it."""


C = TypeVar("C", bound=Cancellable)


@contextmanager
def ending(call: C) -> Iterator[C]:
    """A call whose answers are taken within; whatever ends that, ends the call. Raises
    VaultError."""
    try:
        yield call
    except grpc.RpcError as failure:
        raise from_rpc_error(failure) from None
    finally:
        call.cancel()
