"""Whether a call may go on: somebody known is calling, the vault is open, and policy allows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vault.access import Action, Decision, Directory, PolicyEngine, Principal, ResourceRef, both
from vault.rpc.errors import denied, unauthenticated
from vault.rpc.methods import Target
from vault.services.call import Call
from vault.services.gate import Gate


def known(call: Call) -> Principal:
    """The principal that calls. Raises Refusal when there is none."""
    if call.principal is None:
        raise unauthenticated(
            "The client certificate names no principal of this vault. "
            "An operator adds its URI to the principals file.",
            "客户端证书未对应本保险库的任何主体。请由运维人员将其 URI 加入主体文件。",
            "UNKNOWN_PRINCIPAL" if call.workload else "CERTIFICATE_WITHOUT_URI",
        )
    return call.principal


Standing = Callable[[Call, Target], Awaitable[bool]]
"""Whether the check-out that a request names is open, the caller's, and covers what he asks for.
Raises what refuses the call when it must say more than no."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What every decision is made with. ``standing`` is asked where a request names a check-out;
    without it no check-out stands."""

    directory: Directory
    policy: PolicyEngine
    gate: Gate
    standing: Standing | None = None

    async def decide(self, call: Call, target: Target) -> None:
        """Ask policy about the call's principal, and about the person whose token he carries: both
        must be allowed. Raises Refusal when it says no."""
        workload = known(call)
        lent = False
        if target.check_out and self.standing is not None:
            lent = await self.standing(call, target)
        decision = self._ask(call, target, workload, lent)
        if call.bearer is not None:
            decision = both(decision, self._ask(call, target, call.bearer, lent))
        call.decision = decision
        if not decision.allowed:
            reason = str(decision.reason or "DENIED")
            raise denied(reason, decision.en, decision.zh, decision.policies)

    def _ask(self, call: Call, target: Target, who: Principal, lent: bool) -> Decision:
        action = Action(call.action)
        return self.policy.decide(
            who,
            action,
            ResourceRef(target.institution, target.customer, action.kind),
            target.purpose,
            bool(target.case_reference),
            person=call.person is not None,
            check_out=lent,
        )

    async def decide_again(self, call: Call, target: Target) -> None:
        """Before each further message of a stream: whoever was taken out of the principals file or
        has lost the role meanwhile is served no longer."""
        admitted = known(call)
        self.gate.require_open(call.action)
        principal = self.directory.lookup(admitted.workload)
        if principal is None:
            raise unauthenticated(
                "The principal was taken out of this vault's principals file.",
                "该主体已从本保险库的主体文件中移除。",
                "UNKNOWN_PRINCIPAL",
            )
        if principal is not admitted:
            call.principal = principal
            await self.decide(call, target)
