"""How a call is written into the log and how it ends, with the receipt of its event.

No answer leaves before its event is durable, and a failure is an event like any other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from grpc import aio

from vault.audit import AuditEvent, AuditLog, LogUnavailable, Phase
from vault.rpc.errors import STATUS_BYTES, fault_of, internal
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.errors import VaultError
from vault.services.gate import Gate
from vault.services.spent_up import BudgetExhausted
from vault.services.watching import Watch

_log = structlog.get_logger("vault.rpc")

_STATUS_DETAILS = "grpc-status-details-bin"
RECEIPT = "vault-receipt-bin"
_OUTCOMES = {code: code.name for code in grpc.StatusCode}

Context = aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Ending:
    """Logs calls and ends them. ``watch`` says what they spend, and what they have noticed."""

    log: AuditLog
    clock: Clock
    gate: Gate
    watch: Watch | None = None

    async def open(self, call: Call, context: Context) -> None:
        """Log that a stream begins."""
        await self.record(call, phase=Phase.OPENED)
        await self.opened(call, context)

    @staticmethod
    async def opened(call: Call, context: Context) -> None:
        """Send the receipt of that event at once, since the end may never come."""
        if call.receipt:
            await context.send_initial_metadata(((RECEIPT, call.receipt),))

    async def record(self, call: Call, *, phase: Phase | None = None) -> None:
        """Log the call as it stands. Raises LogUnavailable, EventTooLarge, BudgetExhausted."""
        now = self.clock.now_micros()
        event = call.event(now, phase=phase)
        # The log has it from here on: a caller who goes away meanwhile does not take it back.
        call.committed = True
        try:
            await self._append(call, event)
        except Exception:
            call.committed = False
            raise

    @staticmethod
    def hand_over(call: Call, context: Context) -> None:
        """Send the receipt of the call's last event behind the answer."""
        if call.receipt:
            context.set_trailing_metadata(((RECEIPT, call.receipt),))

    async def fail(
        self,
        call: Call,
        error: BaseException,
        context: Context,
        *,
        phase: Phase | None = None,
    ) -> None:
        """Log the failure and end the call with its status. Returns only when the call was
        cancelled."""
        cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
        denied = False
        if cancelled:
            outcome, reason = "CANCELLED", "CANCELLED"
            fault = None
        else:
            fault = fault_of(error, call.call_id)
            denied = isinstance(error, VaultError) and error.denies
            if fault is None:
                # The message of an unforeseen exception may quote a value: only its type is kept.
                _log.error(
                    "call failed",
                    call_id=call.call_id,
                    action=call.action,
                    error=type(error).__name__,
                    where=_where(error),
                )
                fault = internal(call.call_id)
            outcome, reason = _OUTCOMES[fault.code], fault.reason
        if isinstance(error, LogUnavailable):
            # Of the call's end there is no event; a receipt of its beginning would look like one.
            call.receipt = b""
        elif not call.committed:
            recording = asyncio.ensure_future(
                self._append_failure(call, outcome, reason, phase, denied=denied)
            )
            try:
                over = await asyncio.shield(recording)
                if over is not None:
                    fault = fault_of(over, call.call_id)
            except LogUnavailable as log_error:
                fault = fault_of(log_error, call.call_id)
                call.receipt = b""
            except asyncio.CancelledError:
                # The caller is gone; the event is not given up for that.
                recording.add_done_callback(_retrieve)
                return
        if cancelled or fault is None:
            return
        trailing = [(_STATUS_DETAILS, fault.status(STATUS_BYTES).SerializeToString())]
        if call.receipt:
            trailing.append((RECEIPT, call.receipt))
        await context.abort(fault.code, fault.en, trailing_metadata=tuple(trailing))

    async def _append_failure(
        self, call: Call, outcome: str, reason: str, phase: Phase | None, *, denied: bool
    ) -> BudgetExhausted | None:
        """Log a failure. Where even to be told of it is beyond the caller's budget, that is logged
        instead, and returned."""
        now = self.clock.now_micros()
        try:
            event = call.event(now, outcome=outcome, reason=reason, phase=phase, denied=denied)
            await self._append(call, event)
        except BudgetExhausted as over:
            event = call.event(now, outcome=over.code, reason=over.reason, phase=phase)
            await self._append(call, event)
            return over
        return None

    async def _append(self, call: Call, event: AuditEvent) -> None:
        """Into the log; into the server's own where the vault's must not be written to."""
        if self.gate.unwritable():
            _unlogged(event)
            return
        made = self.watch.reckon(call, event) if self.watch is not None else None
        if made is None:
            await self.log.record(event, receive=call.receive)
            return
        await self.log.commit(
            made.work,
            lambda _: (*made.alerts, event),
            turn=made.turn,
            receive=call.receive,
        )
        made.stands()


def _unlogged(event: AuditEvent) -> None:
    """Tell the server's own log of a call."""
    _log.warning(
        "call outside the log",
        action=event.action,
        actor=event.actor,
        outcome=event.outcome,
        reason=event.reason,
    )


def _retrieve(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the event of a cancelled call could not be written")


def _where(error: BaseException) -> str:
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{tb.tb_frame.f_code.co_name}:{tb.tb_lineno}" if tb is not None else ""
