"""Whether a call may go on: somebody known is calling, the vault is open, and policy allows it."""

from __future__ import annotations

from dataclasses import dataclass

from vault.access import Action, Directory, PolicyEngine, Principal, ResourceRef
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


@dataclass(frozen=True, slots=True)
class Deciding:
    """What every decision is made with."""

    directory: Directory
    policy: PolicyEngine
    gate: Gate

    def decide(self, call: Call, target: Target) -> None:
        """Ask policy about the call's principal. Raises Refusal when it says no."""
        action = Action(call.action)
        decision = self.policy.decide(
            known(call),
            action,
            ResourceRef(target.institution, target.customer, action.kind),
            target.purpose,
            bool(target.case_reference),
        )
        call.decision = decision
        if not decision.allowed:
            reason = str(decision.reason or "DENIED")
            raise denied(reason, decision.en, decision.zh, decision.policies)

    def decide_again(self, call: Call, target: Target) -> None:
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
            self.decide(call, target)
