"""Whether a call may go on: somebody known is calling, the vault is open, and policy allows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vault.access import (
    Action,
    Decision,
    PolicyEngine,
    Principal,
    Recogniser,
    ResourceRef,
    both,
)
from vault.rpc.errors import denied
from vault.rpc.methods import Target
from vault.rpc.unrecognised import unrecognised
from vault.services.call import Call, scope_of
from vault.services.closed import ScopeChanged
from vault.services.gate import Gate


def known(call: Call) -> Principal:
    """The principal that calls. Raises Refusal when there is none, or his token does not hold."""
    if call.refused:
        raise unrecognised(call.refused)
    if call.principal is None:
        raise unrecognised("UNKNOWN_PRINCIPAL" if call.workload else "CERTIFICATE_WITHOUT_URI")
    return call.principal


Standing = Callable[[Call, Target], Awaitable[bool]]
"""Whether the check-out that a request names is open, the caller's, and covers what he asks for.
Raises what refuses the call when it must say more than no."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What every decision is made with. ``now`` is in microseconds since the epoch; ``standing`` is
    asked where a request names a check-out; without it no check-out stands."""

    recogniser: Recogniser
    policy: PolicyEngine
    gate: Gate
    now: Callable[[], int]
    standing: Standing | None = None

    async def settle(self, call: Call) -> None:
        """Before anything else of a call that may wait: a token whose key its issuer has published
        only just is looked at again when the keys were read again."""
        if call.seen is not None and call.seen.missing:
            await self.recogniser.renewed(call.seen.missing)
            call.recognised(self.recogniser.recognise(call.shown))

    async def decide(self, call: Call, target: Target) -> None:
        """Ask policy about the call's principal, and about the person whose token he carries: both
        must be allowed. Raises Refusal when it says no."""
        known(call)
        lent = False
        if target.check_out and self.standing is not None:
            lent = await self.standing(call, target)
        self._decide(call, target, lent)

    def _decide(self, call: Call, target: Target, lent: bool) -> None:
        decision = self._ask(call, target, known(call), lent)
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

    def changed(self, call: Call) -> bool:
        """Whether the caller may be somebody else by now, or nobody. Cheap."""
        seen = call.seen
        return seen is not None and (
            seen.generation != self.recogniser.generation or self.now() >= seen.ends
        )

    def confirm(self, call: Call, target: Target | None) -> None:
        """Whoever was taken out, has lost the role, or whose token has ended meanwhile is served no
        longer. Of a call whose first message is still to come there is no target. Raises Refusal;
        ScopeChanged, where what was found was held against a wider reach than the caller's.

        A check-out that stood stands for this: what is about to be answered may have used it up.
        Streams look at it again themselves (services/borrowing.py).
        """
        if not self.changed(call):
            return
        found = self.recogniser.recognise(call.shown)
        if found.refused:
            # Whom the log names stays who it was.
            raise unrecognised(found.refused)
        if not call.scope.within(scope_of(found.principal, found.bearer)):
            raise ScopeChanged
        call.principal, call.bearer = found.principal, found.bearer
        if target is not None:
            # Though he be the same: the policies may be others.
            self._decide(call, target, call.lent is not None)
        # At last: whoever was refused once is refused again.
        call.recognised(found)

    def decide_again(self, call: Call, target: Target | None) -> None:
        """Before each further message of a stream. Raises Refusal, VaultError."""
        self.gate.require_open(call.action)
        self.confirm(call, target)
