"""The walk of a call, in one place: nothing is served that does not go this way.

For every call, in this order:

    1. identify   the caller, from the verified client certificate
    2. parse      the request's bytes, after their size
    3. target     what the request is about
    4. decide     by policy, deny by default
    5. prepare    the command of the domain; every problem of the request at once
    6. handle     the use case
    7. log        one event, durable; a write's event is durable with the write itself
    8. answer     with the receipt of that event in the trailing metadata

Whatever goes wrong on the way is logged all the same, and a call whose event cannot be made durable
gets UNAVAILABLE and nothing else. Requests arrive here as bytes, so that even one that cannot be
parsed, or a method that does not exist, makes its event.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from grpc import aio

from vault.access import (
    Action,
    Directory,
    PolicyEngine,
    Principal,
    ResourceKind,
    ResourceRef,
    is_principal_name,
)
from vault.audit import AuditEvent, AuditLog, LogUnavailable, Phase
from vault.records import new_ulid
from vault.rpc.authenticate import identify
from vault.rpc.errors import (
    STATUS_BYTES,
    Fault,
    Refusal,
    denied,
    fault_of,
    internal,
    unauthenticated,
)
from vault.rpc.methods import BidiStream, Method, ServerStream, Target, Unary
from vault.rpc.problems import Problems
from vault.rpc.streams import Streams
from vault.rpc.turns import Turns
from vault.rpc.validating import contract_violations
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.errors import FieldViolation, InvalidArgument
from vault.services.gate import OPEN, Gate

_log = structlog.get_logger("vault.rpc")

# As the contract's rule for request ids has it (protovalidate, string.uuid).
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
# How long a stopping server waits for a further message of an import.
_PATIENCE_SECONDS = 1.0
_STATUS_DETAILS = "grpc-status-details-bin"
RECEIPT = "vault-receipt-bin"
_OUTCOMES = {code: code.name for code in grpc.StatusCode}

Context = aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What the pipeline stands on."""

    tier: str
    directory: Directory
    policy: PolicyEngine
    log: AuditLog
    clock: Clock
    case_commitment: Callable[[str, str, str], Awaitable[bytes]]
    max_request_bytes: int
    streams_per_caller: int
    gate: Gate = OPEN


class Pipeline(grpc.GenericRpcHandler):
    """Serves exactly the declared methods, each call along the walk above."""

    def __init__(self, parts: PipelineParts, methods: Mapping[str, Method]) -> None:
        self._parts = parts
        self._streams = Streams(parts.streams_per_caller)
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
            return grpc.unary_stream_rpc_method_handler(partial(self._serve_server_stream, method))
        return grpc.stream_stream_rpc_method_handler(partial(self._serve_bidi_stream, method))

    # -- the three kinds of call -------------------------------------------------------------

    async def _serve_unary(self, method: Unary, data: bytes, context: Context) -> bytes:
        turn = self._turns.enter()
        try:
            if turn is not None:
                await turn
        except asyncio.CancelledError as error:
            await self._fail(self._identify(method.action, context), error, context)
            raise
        else:
            return await self._serve_in_turn(method, data, context)
        finally:
            self._turns.leave()

    async def _serve_in_turn(self, method: Unary, data: bytes, context: Context) -> bytes:
        call = self._identify(method.action, context)
        try:
            command, _ = await self._admit(call, method, data)
            answer = (await method.handle(call, command)).SerializeToString()
            if not call.committed:
                await self._record(call)
            if call.receipt:
                context.set_trailing_metadata(((RECEIPT, call.receipt),))
            return answer
        except BaseException as error:
            await self._fail(call, error, context)
            raise

    async def _serve_server_stream(
        self, method: ServerStream, data: bytes, context: Context
    ) -> AsyncIterator[bytes]:
        call = self._identify(method.action, context)
        opened = closing = False
        try:
            command, target = await self._admit(call, method, data)
            with self._streams.slot(call.actor):
                opened = True
                await self._open(call, context)
                messages = self._streams.until_stopped(method.handle(call, command))
                async with aclosing(messages):
                    async for message in messages:
                        self._decide_again(call, target)
                        yield message.SerializeToString()
                closing = True
                await self._record(call, phase=Phase.CLOSED)
                if call.receipt:
                    context.set_trailing_metadata(((RECEIPT, call.receipt),))
        except BaseException as error:
            # That the stream was opened has its own event; how it ended is one more.
            call.committed = call.committed and closing
            await self._fail(call, error, context, phase=Phase.CLOSED if opened else Phase.CALL)
            raise

    async def _serve_bidi_stream(
        self, method: BidiStream, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        call = self._identify(method.action, context)
        opened: Trace | None = None
        closing = False
        served = 0
        try:
            with self._streams.slot(self._known(call).name):
                messages = self._streams.until_stopped(requests, _PATIENCE_SECONDS)
                async with aclosing(messages):
                    async for data in messages:
                        if opened is None:
                            command, _ = await self._admit(call, method, data)
                            opened = call.trace
                            await self._open(call, context)
                        else:
                            command = self._next_message(call, method, data, opened)
                        call.committed, call.phase = False, Phase.MESSAGE
                        answer = await method.handle(call, command)
                        if not call.committed:
                            await self._record(call)
                        served += call.trace.count
                        yield answer.SerializeToString()
                institution = opened.institution if opened else ""
                call.trace = Trace(institution=institution, count=served)
                call.request_id = ""
                closing = True
                await self._record(call, phase=Phase.CLOSED if opened else Phase.CALL)
                if call.receipt:
                    context.set_trailing_metadata(((RECEIPT, call.receipt),))
        except BaseException as error:
            # The messages have their own events; that the stream broke off is one more.
            call.committed = call.committed and closing
            if opened:
                call.touched(count=served)
            await self._fail(call, error, context, phase=Phase.CLOSED if opened else Phase.CALL)
            raise

    async def _serve_unknown(self, _requests: AsyncIterator[bytes], context: Context) -> None:
        call = self._identify(Action.RPC_UNKNOWN, context)
        error = Refusal(
            Fault(
                grpc.StatusCode.UNIMPLEMENTED,
                "UNKNOWN_METHOD",
                "This tier serves no such method.",
                "本层不提供该方法。",
                {},
            )
        )
        await self._fail(call, error, context)
        raise error

    # -- the steps ---------------------------------------------------------------------------

    def _identify(self, action: Action, context: Context) -> Call:
        caller = identify(context.auth_context(), context.peer(), self._parts.directory)
        return Call(
            call_id=new_ulid(self._parts.clock.now_micros() // 1000),
            tier=self._parts.tier,
            action=action.value,
            peer=caller.peer,
            workload=caller.workload,
            principal=caller.principal,
        )

    async def _admit(self, call: Call, method: Method, data: bytes) -> tuple[Any, Target]:
        """Steps 2 to 5. Sets what the log needs before anything can be refused."""
        request = self._parse(method, data)
        target = self._aim(call, method, request)
        principal = self._known(call)
        self._parts.gate.require_open(call.action)
        problems = Problems()
        if not target.institution and method.action.kind is not ResourceKind.VAULT:
            # Nothing can be decided about a resource that has no valid name.
            contract_violations(request, problems)
            _require_name(request, problems)
            raise InvalidArgument(problems.unique())
        self._decide(call, principal, target)
        contract_violations(request, problems)
        if target.on_behalf_of:
            # The word of a node that may speak for others, and of nobody else.
            if is_principal_name(target.on_behalf_of):
                call.on_behalf_of = target.on_behalf_of
            else:
                problems.found.append(_NO_PRINCIPAL)
        if target.case_reference and not problems:
            call.case_commitment = await self._parts.case_commitment(
                target.institution, call.call_id, target.case_reference
            )
        return self._prepare(method, request, problems), target

    @staticmethod
    def _known(call: Call) -> Principal:
        if call.principal is None:
            raise unauthenticated(
                "The client certificate names no principal of this vault. "
                "An operator adds its URI to the principals file.",
                "客户端证书未对应本保险库的任何主体。请由运维人员将其 URI 加入主体文件。",
                "UNKNOWN_PRINCIPAL" if call.workload else "CERTIFICATE_WITHOUT_URI",
            )
        return call.principal

    def _next_message(self, call: Call, method: BidiStream, data: bytes, opened: Trace) -> Any:
        """A later message of a stream whose first one was admitted."""
        call.trace = opened
        request = self._parse(method, data)
        target = self._aim(call, method, request)
        if target.institution != opened.institution:
            raise InvalidArgument([_OTHER_PARENT])
        self._decide_again(call, target)
        problems = Problems()
        contract_violations(request, problems)
        return self._prepare(method, request, problems)

    @staticmethod
    def _aim(call: Call, method: Method, request: Message) -> Target:
        target = method.target(request)
        call.trace = Trace(
            institution=target.institution, customer=target.customer, resource=target.resource
        )
        call.purpose = target.purpose
        # The log is never shredded: text that a caller made up has no place in it.
        call.request_id = target.request_id if _is_uuid(target.request_id) else ""
        return target

    def _parse(self, method: Method, data: bytes) -> Any:
        limit = self._parts.max_request_bytes
        if len(data) > limit:
            raise InvalidArgument(
                [
                    FieldViolation(
                        "",
                        "MESSAGE_TOO_LARGE",
                        f"the message is larger than {limit} bytes; send fewer items a message",
                        f"消息超过 {limit} 字节；请减少每条消息中的项目",
                    )
                ]
            )
        request = method.request()
        try:
            request.ParseFromString(data)
        except DecodeError:
            raise InvalidArgument([_NOT_A_MESSAGE]) from None
        return request

    def _decide(self, call: Call, principal: Principal, target: Target) -> None:
        action = Action(call.action)
        decision = self._parts.policy.decide(
            principal,
            action,
            ResourceRef(target.institution, target.customer, action.kind),
            target.purpose,
            bool(target.case_reference),
        )
        call.decision = decision
        if not decision.allowed:
            reason = str(decision.reason or "DENIED")
            raise denied(reason, decision.en, decision.zh, decision.policies)

    def _decide_again(self, call: Call, target: Target) -> None:
        """Before each further message of a stream: whoever was taken out of the principals file or
        has lost the role meanwhile is served no longer."""
        admitted = self._known(call)
        self._parts.gate.require_open(call.action)
        principal = self._parts.directory.lookup(admitted.workload)
        if principal is None:
            raise unauthenticated(
                "The principal was taken out of this vault's principals file.",
                "该主体已从本保险库的主体文件中移除。",
                "UNKNOWN_PRINCIPAL",
            )
        if principal is not admitted:
            call.principal = principal
            self._decide(call, principal, target)

    @staticmethod
    def _prepare(method: Method, request: Message, problems: Problems) -> Any:
        command = method.prepare(request, problems)
        if problems:
            raise InvalidArgument(problems.unique())
        return command

    # -- the log -----------------------------------------------------------------------------

    async def _open(self, call: Call, context: Context) -> None:
        """Log that a stream begins; its receipt goes out at once, since the end may never come."""
        await self._record(call, phase=Phase.OPENED)
        if call.receipt:
            await context.send_initial_metadata(((RECEIPT, call.receipt),))

    async def _record(self, call: Call, *, phase: Phase | None = None) -> None:
        now = self._parts.clock.now_micros()
        event = call.event(now, phase=phase)
        # The log has it from here on: a caller who goes away meanwhile does not take it back.
        call.committed = True
        try:
            await self._append(call, event)
        except Exception:
            call.committed = False
            raise

    async def _append(self, call: Call, event: AuditEvent) -> None:
        """Into the log; into the server's own where the vault's must not be written to."""
        if self._parts.gate.unwritable():
            _unlogged(event)
        else:
            await self._parts.log.record(event, receive=call.receive)

    async def _fail(
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
        if cancelled:
            outcome, reason = "CANCELLED", "CANCELLED"
            fault = None
        else:
            fault = fault_of(error, call.call_id)
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
            now = self._parts.clock.now_micros()
            event = call.event(now, outcome=outcome, reason=reason, phase=phase)
            recording = asyncio.ensure_future(self._append(call, event))
            try:
                await asyncio.shield(recording)
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


def _unlogged(event: AuditEvent) -> None:
    """Tell the server's own log of a call."""
    _log.warning(
        "call outside the log",
        action=event.action,
        actor=event.actor,
        outcome=event.outcome,
        reason=event.reason,
    )


def _require_name(request: Message, problems: Problems) -> None:
    """Report that the request names no resource, unless a rule of the contract said so."""
    fields = request.DESCRIPTOR.fields_by_name
    # An update names its record inside the record, which is its first field.
    field = next(
        (name for name in ("name", "parent") if name in fields),
        f"{request.DESCRIPTOR.fields[0].name}.name",
    )
    if all(v.field != field for v in problems.found):
        problems.add(field, "RESOURCE_NAME", "must be the resource's name", "必须为资源名称")


def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def _retrieve(task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the event of a cancelled call could not be written")


def _where(error: BaseException) -> str:
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return f"{tb.tb_frame.f_code.co_name}:{tb.tb_lineno}" if tb is not None else ""


_NOT_A_MESSAGE = FieldViolation(
    "",
    "NOT_A_MESSAGE",
    "the request is not a message of this method; generate the client from the same protos",
    "请求不是该方法的消息；请使用相同的 proto 生成客户端",
)
_NO_PRINCIPAL = FieldViolation(
    "on_behalf_of",
    "PRINCIPAL_NAME",
    "must be a principal's name as the principals file has it",
    "必须为主体文件中的主体名称",
)
_OTHER_PARENT = FieldViolation(
    "parent",
    "PARENT_CHANGED",
    "must be the same in every message of a stream",
    "同一流中的每条消息必须相同",
)
