"""The calls that are streams: admitted once, opened and closed in the log, and asked again for
their right at every message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from vault.audit import Phase
from vault.rpc.admission import Admission
from vault.rpc.deciding import known
from vault.rpc.ending import Context, Ending
from vault.rpc.methods import BidiStream, ClientStream, ServerStream, Target
from vault.rpc.streams import Streams
from vault.services.call import Trace

# How long a stopping server waits for a further message of an import.
_PATIENCE_SECONDS = 1.0
# gRPC tells that no further request will come before it tells that the caller has cancelled. An
# import waits so long at its end, so that one that was broken off is not logged as ended.
_FAREWELL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class StreamCalls:
    """Serves them."""

    admission: Admission
    ending: Ending
    streams: Streams

    async def serve_server_stream(
        self, method: ServerStream, data: bytes, context: Context
    ) -> AsyncIterator[bytes]:
        """One request, many answers. The log has one event at the start and one at the end."""
        call = self.admission.begin(method.action, context)
        opened = closing = False
        try:
            command, target = await self.admission.admit(call, method, data)
            with self.streams.slot(call.actor) as held:
                deciding = self.admission.deciding
                held.attend(
                    lambda: deciding.changed(call), lambda: deciding.decide_again(call, target)
                )
                if method.begin is not None:
                    await method.begin(call, command)
                    opened = True
                    await self.ending.opened(call, context)
                else:
                    opened = True
                    await self.ending.open(call, context)
                messages = held.until_ended(method.handle(call, command))
                async with aclosing(messages):
                    async for message in messages:
                        deciding.decide_again(call, target)
                        yield message.SerializeToString()
                closing = True
                await self.ending.record(call, phase=Phase.CLOSED)
                self.ending.hand_over(call, context)
        except BaseException as error:
            # That the stream was opened has its own event; how it ended is one more.
            opened = opened or call.committed
            call.committed = call.committed and closing
            phase = Phase.CLOSED if opened else Phase.CALL
            await self.ending.fail(call, error, context, phase=phase)
            raise

    async def serve_client_stream(
        self, method: ClientStream, requests: AsyncIterator[bytes], context: Context
    ) -> bytes:
        """Many requests, one answer. The log has one event at the start, and one at the end, which
        is that of the write if there is one."""
        call = self.admission.begin(method.action, context)
        opened = False
        target: Target | None = None
        try:
            deciding = self.admission.deciding
            await deciding.settle(call)
            with self.streams.slot(known(call).name) as held:
                held.attend(
                    lambda: deciding.changed(call), lambda: deciding.decide_again(call, target)
                )
                messages = held.until_ended(requests, _PATIENCE_SECONDS)
                async with aclosing(messages):
                    # Who sends nothing at all asks for nothing that has a name.
                    first = await anext(messages, b"")
                    command, admitted = await self.admission.admit(call, method, first)
                    target = admitted
                    await self.ending.open(call, context)
                    opened = True
                    call.committed, call.phase = False, Phase.CLOSED

                    async def further() -> AsyncIterator[Any]:
                        async for data in messages:
                            yield self.admission.further_message(call, method, data, admitted)

                    answer = await method.handle(call, command, further())
                    if not call.committed:
                        await self.ending.record(call)
                    deciding.confirm(call, admitted)
                    self.ending.hand_over(call, context)
                    return answer.SerializeToString()
        except BaseException as error:
            phase = Phase.CLOSED if opened else Phase.CALL
            await self.ending.fail(call, error, context, phase=phase)
            raise

    async def serve_bidi_stream(
        self, method: BidiStream, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        """Many requests, an answer to each. Every message has an event of its own in between."""
        call = self.admission.begin(method.action, context)
        opened: Trace | None = None
        target: Target | None = None
        closing = False
        served = 0
        try:
            deciding = self.admission.deciding
            await deciding.settle(call)
            with self.streams.slot(known(call).name) as held:
                held.attend(
                    lambda: deciding.changed(call), lambda: deciding.decide_again(call, target)
                )
                messages = held.until_ended(requests, _PATIENCE_SECONDS)
                async with aclosing(messages):
                    async for data in messages:
                        if opened is None:
                            command, target = await self.admission.admit(call, method, data)
                            opened = call.trace
                            await self.ending.open(call, context)
                        else:
                            command, target = await self.admission.next_message(
                                call, method, data, opened
                            )
                        call.committed, call.phase = False, Phase.MESSAGE
                        answer = await method.handle(call, command)
                        if not call.committed:
                            await self.ending.record(call)
                        deciding.confirm(call, target)
                        served += call.trace.count
                        yield answer.SerializeToString()
                await asyncio.sleep(_FAREWELL_SECONDS)
                institution = opened.institution if opened else ""
                call.trace = Trace(institution=institution, count=served)
                call.request_id = ""
                closing = True
                await self.ending.record(call, phase=Phase.CLOSED if opened else Phase.CALL)
                self.ending.hand_over(call, context)
        except BaseException as error:
            # The messages have their own events; that the stream broke off is one more.
            call.committed = call.committed and closing
            if opened:
                call.touched(count=served)
            phase = Phase.CLOSED if opened else Phase.CALL
            await self.ending.fail(call, error, context, phase=phase)
            raise
