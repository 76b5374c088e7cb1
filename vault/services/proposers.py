"""Whether whoever proposed a change could still propose it.

A proposal is half of what two persons agree to. It counts when the other one agrees only while its
giver could give it again: the directory has a principal of that name, of that person, and policy
lets him propose just that. So who was removed, or has lost the role, leaves nothing behind that a
friend puts in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from vault.access import Action, PolicyEngine, Principal, ResourceRef
from vault.access.proposals import Kind, Proposal
from vault.services.proposal_content import altered

_BY_KIND: Final = {
    Kind.POLICY: Action.POLICIES_PROPOSE,
    Kind.DIRECTORY: Action.PRINCIPALS_PROPOSE,
    Kind.KEYS: Action.KEYS_PROPOSE,
}
# Of the other kinds the content says what is proposed.
_BY_WHAT: Final = {
    "rule_set": Action.RULE_SETS_PROPOSE,
    "ruling": Action.RULINGS_PROPOSE,
    "disposal": Action.DISPOSALS_PLAN,
    "merge": Action.MERGES_PROPOSE,
    "unmerge": Action.MERGES_PROPOSE_APART,
}


class _Content(msgspec.Struct, frozen=True):
    what: str


_content = msgspec.json.Decoder(_Content)


def proposed_by(proposal: Proposal) -> Action:
    """The action by which it was proposed. Raises StoreAltered."""
    known = _BY_KIND.get(proposal.kind)
    if known is not None:
        return known
    try:
        return _BY_WHAT[_content.decode(proposal.content).what]
    except (msgspec.MsgspecError, KeyError) as error:
        raise altered() from error


def proposer_of(
    proposal: Proposal, standing: Iterable[Principal], policy: PolicyEngine
) -> Principal | None:
    """Who proposed it, of those whom the directory finds now, if he could propose it now; else
    None. Of policies, which are of no institution, it may be anybody's. Raises StoreAltered."""
    who = next((one for one in standing if one.name == proposal.proposer), None)
    if who is None or who.person != proposal.proposer_person:
        return None
    # What is about all files of an institution is for nobody whom something keeps from a part.
    if proposal.kind is Kind.RETENTION and who.scope.limits:
        return None
    action = proposed_by(proposal)
    resource = ResourceRef(proposal.institution, "", action.kind)
    return who if policy.decide(who, action, resource, person=True).allowed else None
