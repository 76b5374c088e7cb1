"""The service of access administration: policies and principals, seen, explained and changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from recordsvault.admin.v1 import access_admin_pb2 as pb
from vault.access import Action, ActionClass, ResourceRef
from vault.access.explaining import Circumstances
from vault.rpc.methods import Method, Target, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token, page_size, read_token
from vault.rpc.problems import Problems
from vault.rpc.servicers.targets import purpose_name
from vault.rpc.translate import check_outs
from vault.rpc.translate import proposals as translate
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.explaining import Explaining, Question
from vault.services.proposing import Proposing

_NAME = re.compile(r"(?:institutions/([a-z][a-z0-9-]{1,39})/)?proposals/([0-9a-z]{26})")
_MAX_FILES_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class AccessAdminUseCases:
    """What the service carries out."""

    proposing: Proposing
    explaining: Explaining
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Named:
    """A proposal, by its name; with what is said of it."""

    institution: str
    identifier: str
    request: Any


@dataclass(frozen=True, slots=True)
class _Files:
    files: dict[str, str]
    request: Any


@dataclass(frozen=True, slots=True)
class _Page:
    institution: str
    after: str
    limit: int
    request: Any


def methods(use: AccessAdminUseCases) -> dict[str, Method]:
    """The service's table."""
    return table(
        pb.DESCRIPTOR.services_by_name["AccessAdmin"],
        {**_proposing(use), **_deciding(use), **_showing(use)},
    )


def _proposing(use: AccessAdminUseCases) -> dict[str, Method]:
    proposing, clock = use.proposing, use.clock

    async def policies(call: Call, asked: _Files) -> Message:
        made, found = await proposing.policies(call, asked.files, asked.request.reason)
        return pb.ProposePoliciesResponse(
            proposal=translate.proposal(made, clock.now_micros(), whole=False),
            report=translate.report(found),
        )

    async def directory(call: Call, request: pb.ProposeDirectoryChangeRequest) -> Message:
        institution = target_of_parent(request.parent).institution
        content = translate.to_content(request.change)
        made = await proposing.directory(call, institution, content, request.reason)
        return pb.ProposeDirectoryChangeResponse(
            proposal=translate.proposal(made, clock.now_micros(), whole=True)
        )

    async def try_policies(call: Call, asked: _Files) -> Message:
        call.require(ActionClass.ACCESS_VIEW, "")
        found = await proposing.try_policies(asked.files, compare=asked.request.compare)
        call.touched(count=len(found.tests))
        return pb.TestPoliciesResponse(report=translate.report(found))

    return {
        "ProposePolicies": Unary(
            Action.POLICIES_PROPOSE, pb.ProposePoliciesRequest, _vault, _read_files, policies
        ),
        "ProposeDirectoryChange": Unary(
            Action.PRINCIPALS_PROPOSE,
            pb.ProposeDirectoryChangeRequest,
            lambda r: target_of_parent(r.parent),
            _as_it_is,
            directory,
        ),
        "TestPolicies": Unary(
            Action.POLICIES_TEST, pb.TestPoliciesRequest, _vault, _read_files, try_policies
        ),
    }


def _deciding(use: AccessAdminUseCases) -> dict[str, Method]:
    proposing, clock = use.proposing, use.clock

    async def approve(call: Call, n: _Named) -> Message:
        made = await proposing.approve(
            call, n.institution, n.identifier, n.request.etag, n.request.comment
        )
        shown = translate.proposal(made, clock.now_micros(), whole=False)
        return pb.ApproveProposalResponse(proposal=shown)

    async def reject(call: Call, n: _Named) -> Message:
        made = await proposing.reject(
            call, n.institution, n.identifier, n.request.etag, n.request.comment
        )
        shown = translate.proposal(made, clock.now_micros(), whole=False)
        return pb.RejectProposalResponse(proposal=shown)

    async def withdraw(call: Call, n: _Named) -> Message:
        made = await proposing.withdraw(call, n.institution, n.identifier)
        shown = translate.proposal(made, clock.now_micros(), whole=False)
        return pb.WithdrawProposalResponse(proposal=shown)

    async def get(call: Call, n: _Named) -> Message:
        found, said = await proposing.get(call, n.institution, n.identifier)
        return pb.GetProposalResponse(
            proposal=translate.proposal(found, clock.now_micros(), whole=True),
            report=translate.report(said) if said is not None else None,
        )

    async def page(call: Call, p: _Page) -> Message:
        kind = translate.KINDS[p.request.kind]
        found = await proposing.page(call, p.institution, kind, p.after, p.limit)
        call.touched(count=len(found))
        now = clock.now_micros()
        return pb.ListProposalsResponse(
            proposals=[translate.proposal(one, now, whole=False) for one in found],
            next_page_token=make_token(p.request, found[-1].identifier)
            if len(found) == p.limit
            else "",
        )

    def named(action: Action, request: type[Message], handle: Any) -> Unary:
        return Unary(action, request, _target, _read_name, handle)

    return {
        "ApproveProposal": named(Action.PROPOSALS_APPROVE, pb.ApproveProposalRequest, approve),
        "RejectProposal": named(Action.PROPOSALS_REJECT, pb.RejectProposalRequest, reject),
        "WithdrawProposal": named(Action.PROPOSALS_WITHDRAW, pb.WithdrawProposalRequest, withdraw),
        "GetProposal": named(Action.PROPOSALS_GET, pb.GetProposalRequest, get),
        "ListProposals": Unary(
            Action.PROPOSALS_LIST,
            pb.ListProposalsRequest,
            lambda r: target_of_parent(r.parent),
            _read_page,
            page,
        ),
    }


def _showing(use: AccessAdminUseCases) -> dict[str, Method]:
    explaining = use.explaining

    async def policies(call: Call, _request: Any) -> Message:
        found = explaining.policies(call)
        call.touched(count=len(found.texts))
        return pb.GetPoliciesResponse(
            files=translate.files(found.texts), proposal=found.proposal, roles=found.roles
        )

    async def principals(call: Call, p: _Page) -> Message:
        found = explaining.principals(call, p.institution, p.after, p.limit)
        call.touched(count=len(found))
        last = found[-1].entry.principal.name if len(found) == p.limit else ""
        return pb.ListPrincipalsResponse(
            principals=[translate.listed(one, explaining.known_roles) for one in found],
            next_page_token=make_token(p.request, last) if last else "",
        )

    async def explain(call: Call, asked: Question) -> Message:
        found = explaining.explain(call, asked)
        return pb.ExplainAccessResponse(
            allowed=all(one.allowed for one in found),
            explanations=map(translate.explanation, found),
        )

    async def who_can(call: Call, asked: tuple[ResourceRef, Action]) -> Message:
        resource, action = asked
        found = await explaining.who_can(call, resource, action)
        call.touched(
            count=len(found.able),
            resources=tuple(f"checkOuts/{one.out.identifier}" for one in found.open_now),
        )
        return pb.WhoCanResponse(
            able=[translate.able(one, resource.customer) for one in found.able],
            open_check_outs=map(check_outs.to_proto, found.open_now),
        )

    return {
        "GetPolicies": Unary(
            Action.POLICIES_GET, pb.GetPoliciesRequest, _vault, _as_it_is, policies
        ),
        "ListPrincipals": Unary(
            Action.PRINCIPALS_LIST,
            pb.ListPrincipalsRequest,
            lambda r: target_of_parent(r.parent),
            _read_names_page,
            principals,
        ),
        "ExplainAccess": Unary(
            Action.DECISIONS_EXPLAIN,
            pb.ExplainAccessRequest,
            lambda r: target_of_parent(r.parent),
            _read_question,
            explain,
        ),
        "WhoCan": Unary(
            Action.DECISIONS_WHO_CAN,
            pb.WhoCanRequest,
            lambda r: Target(target_of_parent(r.resource).institution, resource=r.resource),
            _read_who_can,
            who_can,
        ),
    }


# -- reading requests ------------------------------------------------------------------------------


def _vault(_request: Any) -> Target:
    return Target()


def _target(request: Any) -> Target:
    match = _NAME.fullmatch(request.name)
    return Target(match[1] or "", resource=request.name) if match else Target()


def _as_it_is(request: Any, _problems: Problems) -> Any:
    return request


def _read_name(request: Any, _problems: Problems) -> _Named:
    match = _NAME.fullmatch(request.name)
    # What is no name has been refused by the contract's own rule.
    return _Named(match[1] or "", match[2], request) if match else _Named("", "", request)


def _read_files(request: Any, problems: Problems) -> _Files:
    found: dict[str, str] = {}
    for n, file in enumerate(request.files):
        if file.name in found:
            with problems.under(f"files[{n}]"):
                problems.add("name", "DUPLICATE", "is there already", "已存在")
        found[file.name] = file.text
    if sum(len(text.encode()) for text in found.values()) > _MAX_FILES_BYTES:
        problems.add(
            "files",
            "MESSAGE_TOO_LARGE",
            f"are larger than {_MAX_FILES_BYTES} bytes together",
            f"合计超过 {_MAX_FILES_BYTES} 字节",
        )
    return _Files(found, request)


def _read_page(request: Any, problems: Problems) -> _Page:
    institution = target_of_parent(request.parent).institution
    after = read_token(request, request.page_token, problems)
    return _Page(institution, after, page_size(request.page_size), request)


def _read_names_page(request: Any, problems: Problems) -> _Page:
    institution = target_of_parent(request.parent).institution
    after = read_token(request, request.page_token, problems, name=True)
    return _Page(institution, after, page_size(request.page_size), request)


def _read_question(request: Any, problems: Problems) -> Question:
    action = _action(request.action, problems)
    return Question(
        target_of_parent(request.parent).institution,
        request.principal,
        request.bearer,
        action,
        ResourceRef(*_owners_of(request.resource), action.kind),
        Circumstances(
            purpose_name(request.purpose), request.case_reference, False, request.check_out
        ),
    )


def _read_who_can(request: Any, problems: Problems) -> tuple[ResourceRef, Action]:
    action = _action(request.action or Action.CUSTOMERS_GET.value, problems)
    target = target_of_parent(request.resource)
    return ResourceRef(target.institution, target.customer, action.kind), action


def _action(text: str, problems: Problems) -> Action:
    try:
        return Action(text)
    except ValueError:
        problems.add("action", "NO_SUCH_ACTION", "is no action of the vault", "不是保险库的操作")
        return Action.RPC_UNKNOWN


def _owners_of(resource: str) -> tuple[str, str]:
    """The institution and the customer whose a resource is; empty where it is nobody's."""
    _, institution, kind, identifier, *_ = *resource.split("/"), "", "", "", ""
    return institution, identifier if kind == "customers" else ""
