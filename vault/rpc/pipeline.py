"""The walk of a call, in one place: nothing is served that does not go this way.

For every call, in this order:

    1. identify   the caller: the verified client certificate, a token       authenticate.py
    2. parse      the request's bytes, after their size                      parsing.py
    3. target     what the request is about                                  parsing.py
    4. decide     by policy, deny by default                                 deciding.py
    5. prepare    the command of the domain; every problem of it at once     parsing.py
    6. budget     is there room for it, before anybody looks                 services/watching.py
    7. handle     the use case                                               servicers/
    8. log        one event, durable; a write's is durable with the write    ending.py
    9. answer     with the receipt of that event in the trailing metadata    ending.py

Steps 1 to 5 are `Admission`, which holds their order; streams walk in stream_calls.py.

Whatever goes wrong on the way is logged all the same, and a call whose event cannot be made durable
gets UNAVAILABLE and nothing else. Requests arrive here as bytes, so that even one that cannot be
parsed, or a method that does not exist, makes its event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc

from vault.access import Action, Directory, PolicyEngine, Recogniser
from vault.access.tokens import Tokens
from vault.audit import AuditLog
from vault.rpc.admission import Admission, CaseCommitment
from vault.rpc.deciding import Deciding, Standing
from vault.rpc.ending import RECEIPT, Context, Ending
from vault.rpc.errors import Fault, Refusal
from vault.rpc.methods import ClientStream, Method, ServerStream, Unary
from vault.rpc.stream_calls import StreamCalls
from vault.rpc.streams import Streams
from vault.rpc.turns import Turns
from vault.sealing import Clock
from vault.services.gate import OPEN, Gate
from vault.services.watching import Watch

__all__ = ["RECEIPT", "Pipeline", "PipelineParts"]


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What the pipeline stands on."""

    tier: str
    directory: Directory
    policy: PolicyEngine
    log: AuditLog
    clock: Clock
    case_commitment: CaseCommitment
    max_request_bytes: int
    streams_per_caller: int
    gate: Gate = OPEN
    tokens: Tokens | None = None
    standing: Standing | None = None
    watch: Watch | None = None


class Pipeline(grpc.GenericRpcHandler):
    """Serves exactly the declared methods, each call along the walk above."""

    def __init__(self, parts: PipelineParts, methods: Mapping[str, Method]) -> None:
        self._admission = Admission(
            tier=parts.tier,
            deciding=Deciding(
                Recogniser(parts.directory, parts.tokens),
                parts.policy,
                parts.gate,
                parts.clock.now_micros,
                parts.standing,
            ),
            clock=parts.clock,
            case_commitment=parts.case_commitment,
            max_request_bytes=parts.max_request_bytes,
        )
        self._watch = parts.watch
        self._ending = Ending(parts.log, parts.clock, parts.gate, parts.watch)
        self._streams = Streams(parts.streams_per_caller)
        self._stream_calls = StreamCalls(self._admission, self._ending, self._streams)
        self._turns = Turns()
        self._handlers = {path: self._handler(method) for path, method in methods.items()}
        # As a stream, so that it is refused without a message to wait for.
        self._unknown: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
            self._serve_unknown
        )

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method; one that logs and refuses, for a method that does not exist."""
        return self._handlers.get(handler_call_details.method, self._unknown)

    def stop(self) -> None:
        """Send home whoever only waits on a stream: the server is about to stop."""
        self._streams.stop()

    def _handler(self, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
        # gRPC looks at the function itself to see what it is, and through a partial.
        if isinstance(method, Unary):
            return grpc.unary_unary_rpc_method_handler(partial(self._serve_unary, method))
        if isinstance(method, ServerStream):
            return grpc.unary_stream_rpc_method_handler(
                partial(self._stream_calls.serve_server_stream, method)
            )
        if isinstance(method, ClientStream):
            return grpc.stream_unary_rpc_method_handler(
                partial(self._stream_calls.serve_client_stream, method)
            )
        return grpc.stream_stream_rpc_method_handler(
            partial(self._stream_calls.serve_bidi_stream, method)
        )

    async def _serve_unary(self, method: Unary, data: bytes, context: Context) -> bytes:
        turn = self._turns.enter()
        try:
            if turn is not None:
                await turn
        except asyncio.CancelledError as error:
            await self._ending.fail(self._admission.begin(method.action, context), error, context)
            raise
        else:
            return await self._serve_in_turn(method, data, context)
        finally:
            self._turns.leave()

    async def _serve_in_turn(self, method: Unary, data: bytes, context: Context) -> bytes:
        call = self._admission.begin(method.action, context)
        try:
            command, target = await self._admission.admit(call, method, data)
            if self._watch is not None:
                await self._watch.admit(call)
            answer = (await method.handle(call, command)).SerializeToString()
            deciding = self._admission.deciding
            if not call.committed:
                deciding.confirm(call, target)
                await self._ending.record(call)
            # Whoever was taken out meanwhile gets no answer, though the log may say that he did.
            deciding.confirm(call, target)
            self._ending.hand_over(call, context)
            return answer
        except BaseException as error:
            await self._ending.fail(call, error, context)
            raise

    async def _serve_unknown(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        call = self._admission.begin(Action.RPC_UNKNOWN, context)
        error = Refusal(
            Fault(
                grpc.StatusCode.UNIMPLEMENTED,
                "UNKNOWN_METHOD",
                "This tier serves no such method.",
                "本层不提供该方法。",
                {},
            )
        )
        await self._ending.fail(call, error, context)
        raise error
