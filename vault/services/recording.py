"""A write and the event that tells of it, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from vault.audit import AuditLog
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.watching import Watch

T = TypeVar("T")


class Recorder:
    """Commits writes together with their call's event, and with what the watch says of it."""

    def __init__(self, log: AuditLog, clock: Clock, watch: Watch | None = None) -> None:
        self._log = log
        self._clock = clock
        self._watch = watch

    async def commit(
        self,
        call: Call,
        work: Callable[[Connection], T],
        trace: Callable[[T], Trace],
        *,
        weight: int = 1,
    ) -> T:
        """Run ``work`` and log ``call`` with what it touched, durable together on return.

        Raises what ``work`` does, BudgetExhausted, LogUnavailable. When the caller goes away
        meanwhile, the write goes on: its event stands with it, or, if it is refused, the call has
        left none yet.
        """
        now = self._clock.now_micros()
        made = self._watch.reckon(call, call.event(now)) if self._watch is not None else None
        if made is None:
            writing = self._log.commit(
                work,
                lambda done: (call.event(now, trace=trace(done)),),
                weight=weight,
                receive=call.receive,
            )
        else:

            def both(conn: Connection) -> T:
                # In this order: who spends waits for his turn before he takes anything else.
                made.work(conn)
                return work(conn)

            writing = self._log.commit(
                both,
                lambda done: (*made.alerts, call.event(now, trace=trace(done))),
                weight=weight,
                turn=made.turn,
                receive=call.receive,
            )
        committing = asyncio.ensure_future(writing)
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
        if made is not None:
            made.stands()
        call.trace = trace(result)
        return result
