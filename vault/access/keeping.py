"""Who may keep files: a person whom the policies let hand files over.

It is a question to the policies, so that a role which comes later may keep files, too.
"""

from __future__ import annotations

from vault.access.actions import Action
from vault.access.decision import ResourceRef
from vault.access.policy import PolicyEngine
from vault.access.principals import Principal


def may_keep(policy: PolicyEngine, who: Principal | None) -> bool:
    """Whether somebody may keep files of his institution. None is nobody, and keeps none."""
    if who is None or not who.person or not who.institution:
        return False
    action = Action.FILES_HAND_OVER
    resource = ResourceRef(who.institution, "", action.kind)
    return policy.decide(who, action, resource, person=True).allowed
