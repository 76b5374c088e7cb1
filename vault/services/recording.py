"""A write and the event that tells of it, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from vault.audit import AuditLog
from vault.sealing import Clock
from vault.services.call import Call, Trace

T = TypeVar("T")


class Recorder:
    """Commits writes together with their call's event."""

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def commit(
        self,
        call: Call,
        work: Callable[[Connection], T],
        trace: Callable[[T], Trace],
        *,
        weight: int = 1,
    ) -> T:
        """Run ``work`` and log ``call`` with what it touched, durable together on return.

        When the caller goes away meanwhile, the write goes on: its event stands with it, or, if it
        is refused, the call has left none yet.
        """
        now = self._clock.now_micros()
        committing = asyncio.ensure_future(
            self._log.commit(
                work,
                lambda done: (call.event(now, trace=trace(done)),),
                weight=weight,
                receive=call.receive,
            )
        )
        call.committed = True
        try:
            result = await asyncio.shield(committing)
        except asyncio.CancelledError:
            await asyncio.wait((committing,))
            call.committed = committing.exception() is None
            raise
        except BaseException:
            call.committed = False
            raise
        call.trace = trace(result)
        return result
