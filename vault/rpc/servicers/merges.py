"""The service of files that are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from recordsvault.life.v1 import merges_pb2 as pb
from vault.access import Action
from vault.access.proposals import Proposal
from vault.records import CustomerName
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of, target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.translate.common import from_micros
from vault.services import sealer
from vault.services.call import Call
from vault.services.merging.content import UnmergeChange, change_in
from vault.services.merging.merging import Merging
from vault.services.merging.standing import Merges

_WAITING: Final = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    institution: str
    customer: str = ""
    into: str = ""
    identifier: str = ""
    request: Any = None
    after: str = ""


def methods(merging: Merging, merges: Merges) -> dict[str, Method]:
    """The service's table."""

    async def propose(call: Call, asked: _Asked) -> Message:
        made = await merging.propose(
            call, asked.institution, asked.customer, asked.into, asked.request.reason.strip()
        )
        return pb.ProposeMergeResponse(proposal=_proposal(made))

    async def apart(call: Call, asked: _Asked) -> Message:
        made = await merging.propose_apart(
            call, asked.institution, asked.customer, asked.request.reason.strip()
        )
        return pb.ProposeUnmergeResponse(proposal=_proposal(made))

    async def approve(call: Call, asked: _Asked) -> Message:
        r: pb.ApproveMergeRequest = asked.request
        made = await merging.approve(
            call, asked.institution, asked.identifier, r.etag, r.comment.strip()
        )
        return pb.ApproveMergeResponse(proposal=_proposal(made))

    async def page(call: Call, asked: _Asked) -> Message:
        institution, limit = asked.institution, page_size(asked.request.page_size)
        found = await merging.page(call, institution, asked.after, limit + 1)
        waiting = [] if asked.after else await merging.waiting(call, institution, _WAITING)
        kept = found[:limit]
        call.touched(resources=tuple(f"customers/{one.customer}" for one in kept), count=len(kept))
        named = [
            pb.Merge(
                customer=sealer.resource_name(institution, one.customer),
                into=sealer.resource_name(institution, one.into),
                survivor=sealer.resource_name(
                    institution, merges.survivor(institution, one.customer)
                ),
                proposal=one.by.name,
                proposed_by=one.by.proposer,
                approved_by=one.by.decided_by,
                approve_time=from_micros(one.by.decided_at),
            )
            for one in kept
        ]
        token = make_token(asked.request, kept[-1].customer) if len(found) > limit else ""
        return pb.ListMergesResponse(
            merges=named, waiting=[_proposal(one) for one in waiting], next_page_token=token
        )

    return table(
        pb.DESCRIPTOR.services_by_name["Merges"],
        {
            "ProposeMerge": Unary(
                Action.MERGES_PROPOSE, pb.ProposeMergeRequest, _of_file, _prepare_merge, propose
            ),
            "ProposeUnmerge": Unary(
                Action.MERGES_PROPOSE_APART,
                pb.ProposeUnmergeRequest,
                _of_file,
                _prepare_apart,
                apart,
            ),
            "ApproveMerge": Unary(
                Action.MERGES_APPROVE,
                pb.ApproveMergeRequest,
                lambda r: _of_proposal(r.name),
                _prepare_approval,
                approve,
            ),
            "ListMerges": Unary(
                Action.MERGES_LIST,
                pb.ListMergesRequest,
                lambda r: target_of_parent(r.parent),
                _prepare_page,
                page,
            ),
        },
    )


def _of_file(request: Any) -> Target:
    """It is about two files of the institution, of which the name is one."""
    found = target_of(request.name)
    return Target(found.institution, resource=found.resource)


def _of_proposal(text: str) -> Target:
    parts = text.split("/")
    if len(parts) != 4 or parts[0] != "institutions" or parts[2] != "proposals":
        return Target()
    return Target(parts[1], resource=text)


def _prepare_merge(request: pb.ProposeMergeRequest, problems: Problems) -> _Asked | None:
    _require_reason(request, problems)
    if problems:
        return None
    name, into = CustomerName.parse(request.name), CustomerName.parse(request.into)
    if name.institution != into.institution:
        problems.add(
            "into",
            "OTHER_PARENT",
            "must be of the same institution",
            "必须属于同一机构",
        )
        return None
    return _Asked(name.institution, name.customer, into.customer, request=request)


def _prepare_apart(request: pb.ProposeUnmergeRequest, problems: Problems) -> _Asked | None:
    _require_reason(request, problems)
    if problems:
        return None
    name = CustomerName.parse(request.name)
    return _Asked(name.institution, name.customer, request=request)


def _prepare_approval(request: pb.ApproveMergeRequest, problems: Problems) -> _Asked | None:
    if problems:
        return None
    return _Asked(
        _of_proposal(request.name).institution,
        identifier=request.name.rpartition("/")[2],
        request=request,
    )


def _prepare_page(request: pb.ListMergesRequest, problems: Problems) -> _Asked:
    after = read_token(request, request.page_token, problems)
    return _Asked(target_of_parent(request.parent).institution, request=request, after=after)


def _require_reason(request: Any, problems: Problems) -> None:
    if not request.reason.strip():
        problems.add("reason", "REQUIRED", "must say why", "必须说明理由")


def _proposal(one: Proposal) -> pb.MergeProposal:
    change = change_in(one.content)
    made = pb.MergeProposal(
        name=one.name,
        etag=one.etag,
        customer=sealer.resource_name(one.institution, change.customer),
        into=sealer.resource_name(one.institution, change.into),
        apart=isinstance(change, UnmergeChange),
        reason=one.reason,
        proposer=one.proposer,
        propose_time=from_micros(one.proposed_at),
        lapse_time=from_micros(one.lapses_at),
        decided_by=one.decided_by,
    )
    if one.decided_at:
        made.decide_time.CopyFrom(from_micros(one.decided_at))
    return made
