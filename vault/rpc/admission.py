"""The steps of a call up to its command: who asks, for what, may they, and is it well-formed.

The order is the one that pipeline.py lists. Each step sets in the `Call` what the log has to know
before the next one can refuse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from grpc import aio

from vault.access import Action, ResourceKind, is_principal_name
from vault.records import new_ulid
from vault.rpc.authenticate import address, shown
from vault.rpc.deciding import Deciding, known
from vault.rpc.methods import BidiStream, ClientStream, Method, Target
from vault.rpc.parsing import aim, parse, prepare, require_name
from vault.rpc.problems import Problems
from vault.rpc.validating import contract_violations
from vault.sealing import Clock
from vault.services.call import Call, Trace
from vault.services.errors import FieldViolation, InvalidArgument

CaseCommitment = Callable[[str, str, str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets a call in, or raises what refuses it."""

    tier: str
    deciding: Deciding
    clock: Clock
    case_commitment: CaseCommitment
    max_request_bytes: int

    def begin(self, action: Action, context: aio.ServicerContext[bytes, bytes]) -> Call:
        """The call of whoever is calling. Never raises, so that a stranger's call is logged too."""
        credentials = shown(context.auth_context(), context.invocation_metadata() or ())
        call = Call(
            call_id=new_ulid(self.clock.now_micros() // 1000),
            tier=self.tier,
            action=action.value,
            peer=address(context.peer()),
            workload=credentials.workload[:300],
            shown=credentials,
        )
        call.recognised(self.deciding.recogniser.recognise(credentials))
        return call

    async def admit(self, call: Call, method: Method, data: bytes) -> tuple[Any, Target]:
        """The command of a call's first message, and what it is about. Raises Refusal, VaultError,
        and what the making of the case reference's commitment does."""
        await self.deciding.settle(call)
        request = parse(method, data, self.max_request_bytes)
        target = aim(call, method, request)
        known(call)
        self.deciding.gate.require_open(call.action)
        problems = Problems()
        if not target.institution and method.action.kind is not ResourceKind.VAULT:
            # Nothing can be decided about a resource that has no valid name.
            contract_violations(request, problems)
            require_name(request, problems)
            raise InvalidArgument(problems.unique())
        await self.deciding.decide(call, target)
        contract_violations(request, problems)
        if target.on_behalf_of:
            # The word of a node that may speak for others, and of nobody else.
            if is_principal_name(target.on_behalf_of):
                call.on_behalf_of = target.on_behalf_of
            else:
                problems.found.append(_NO_PRINCIPAL)
        if target.case_reference and not problems:
            call.case_commitment = await self.case_commitment(
                target.institution, call.call_id, target.case_reference
            )
        return prepare(method, request, problems), target

    def further_message(self, call: Call, method: ClientStream, data: bytes, target: Target) -> Any:
        """The request of a later message of a stream whose first one said what it is about. What is
        in it is its handler's to look at."""
        request = parse(method, data, self.max_request_bytes)
        self.deciding.decide_again(call, target)
        return request

    async def next_message(
        self, call: Call, method: BidiStream, data: bytes, opened: Trace
    ) -> tuple[Any, Target]:
        """The command of a later message of a stream whose first one was admitted, and what it is
        about."""
        call.trace = opened
        request = parse(method, data, self.max_request_bytes)
        target = aim(call, method, request)
        if target.institution != opened.institution:
            raise InvalidArgument([_OTHER_PARENT])
        self.deciding.decide_again(call, target)
        problems = Problems()
        contract_violations(request, problems)
        return prepare(method, request, problems), target


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
