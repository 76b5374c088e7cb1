"""Who may do what - policies and principals, seen, explained and changed: the blocking client."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import access_admin_pb2_grpc as stubs
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.purposes import purpose_of

_PREFIX = "PROPOSAL_KIND_"


def proposal_kinds() -> tuple[str, ...]:
    """What a proposal can change, without the prefix of the enum."""
    return tuple(name.removeprefix(_PREFIX) for name in pb.ProposalKind.keys()[1:])


def proposal_kind(name: str) -> pb.ProposalKind.ValueType:
    """The value of a kind, by its name; of an empty one that of all kinds. Raises ValueError."""
    short = name.upper().removeprefix(_PREFIX)
    if not short:
        return pb.PROPOSAL_KIND_UNSPECIFIED
    if short not in proposal_kinds():
        raise ValueError(f"a proposal is one of {', '.join(proposal_kinds())}")
    return pb.ProposalKind.Value(_PREFIX + short)


def policy_files(texts: Mapping[str, str]) -> list[pb.PolicyFile]:
    """Files of policies and their tests, by name."""
    return [pb.PolicyFile(name=name, text=text) for name, text in texts.items()]


def question(
    parent: str,
    principal: str,
    action: str,
    *,
    resource: str = "",
    purpose: str = "",
    case_reference: bool = False,
    check_out: bool = False,
    bearer: str = "",
) -> pb.ExplainAccessRequest:
    """What `explain` asks. Raises ValueError for a purpose that there is not."""
    return pb.ExplainAccessRequest(
        parent=parent,
        principal=principal,
        action=action,
        resource=resource,
        purpose=purpose_of(purpose or "UNSPECIFIED"),
        case_reference=case_reference,
        check_out=check_out,
        bearer=bearer,
    )


class AccessAdminClient:
    """Who may do what. Changes are proposed by one person and decided by another.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. What changes
    something is sent once and never tried again by itself: after Unavailable, `list_proposals`
    shows whether it was done. Comparing policies with those in force takes the vault some seconds.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.AccessAdminStub(channel)
        self._parent = parent
        self._call = call

    # -- policies ------------------------------------------------------------------------------

    def policies(self, *, timeout: float | None = None) -> pb.GetPoliciesResponse:
        """The policies in force, with their tests, and the roles that they name."""
        return self._call(self._stub.GetPolicies, pb.GetPoliciesRequest(), timeout)

    def test_policies(
        self, texts: Mapping[str, str], *, compare: bool = False, timeout: float | None = None
    ) -> pb.PolicyReport:
        """Try policies, by file name, without proposing them; `compare` their decisions with those
        in force too."""
        request = pb.TestPoliciesRequest(files=policy_files(texts), compare=compare)
        return self._call(self._stub.TestPolicies, request, timeout).report

    def propose_policies(
        self, texts: Mapping[str, str], *, reason: str, timeout: float | None = None
    ) -> pb.ProposePoliciesResponse:
        """Propose policies for the vault as a whole, in place of all that are in force."""
        request = pb.ProposePoliciesRequest(files=policy_files(texts), reason=reason)
        return self._call.once(self._stub.ProposePolicies, request, timeout)

    # -- principals ----------------------------------------------------------------------------

    def list_principals(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.ListedPrincipal]:
        """The institution's principals that are in force, by name."""

        def fetch(token: str) -> Page[pb.ListedPrincipal]:
            request = pb.ListPrincipalsRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListPrincipals, request, timeout)
            return Page(answer.principals, answer.next_page_token)

        return Pager(fetch, page_token)

    def propose_change(
        self,
        change: pb.DirectoryChange,
        *,
        reason: str,
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.Proposal:
        """Propose a change of an institution's principals. Answers the proposal with its etag."""
        request = pb.ProposeDirectoryChangeRequest(
            parent=parent or self._parent, change=change, reason=reason
        )
        return self._call.once(self._stub.ProposeDirectoryChange, request, timeout).proposal

    # -- proposals -----------------------------------------------------------------------------

    def get_proposal(self, name: str, *, timeout: float | None = None) -> pb.GetProposalResponse:
        """A proposal with its content; of policies that wait, with what is found of them now."""
        return self._call(self._stub.GetProposal, pb.GetProposalRequest(name=name), timeout)

    def list_proposals(
        self,
        *,
        kind: str = "",
        parent: str | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Proposal]:
        """Proposals without their contents, newest first; `kind` is a name of the enum, with or
        without its prefix. Those of the institution, or with an empty `parent` those of the vault
        as a whole. Raises ValueError for another kind."""
        wanted = proposal_kind(kind)

        def fetch(token: str) -> Page[pb.Proposal]:
            request = pb.ListProposalsRequest(
                parent=self._parent if parent is None else parent,
                kind=wanted,
                page_size=page_size,
                page_token=token,
            )
            answer = self._call(self._stub.ListProposals, request, timeout)
            return Page(answer.proposals, answer.next_page_token)

        return Pager(fetch, page_token)

    def approve(
        self, name: str, *, etag: str, comment: str = "", timeout: float | None = None
    ) -> pb.Proposal:
        """Agree to exactly what `get_proposal` has shown; it is in force when this returns. Raises
        Aborted if it, or the caller's own rights, have changed since."""
        request = pb.ApproveProposalRequest(name=name, etag=etag, comment=comment)
        return self._call.once(self._stub.ApproveProposal, request, timeout).proposal

    def reject(
        self, name: str, *, etag: str, comment: str = "", timeout: float | None = None
    ) -> pb.Proposal:
        """Refuse what `get_proposal` has shown. Raises Aborted as `approve`."""
        request = pb.RejectProposalRequest(name=name, etag=etag, comment=comment)
        return self._call.once(self._stub.RejectProposal, request, timeout).proposal

    def withdraw(self, name: str, *, timeout: float | None = None) -> pb.Proposal:
        """Take one's own proposal back."""
        request = pb.WithdrawProposalRequest(name=name)
        return self._call.once(self._stub.WithdrawProposal, request, timeout).proposal

    # -- why -----------------------------------------------------------------------------------

    def explain(
        self,
        principal: str,
        action: str,
        *,
        resource: str = "",
        purpose: str = "",
        case_reference: bool = False,
        check_out: bool = False,
        bearer: str = "",
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.ExplainAccessResponse:
        """How policy would decide a call of `principal`, which policies decide, and what is
        missing; `check_out` if he names one that covers the resource, `bearer` whose token he
        carries. Raises ValueError for a purpose that there is not."""
        request = question(
            parent or self._parent,
            principal,
            action,
            resource=resource,
            purpose=purpose,
            case_reference=case_reference,
            check_out=check_out,
            bearer=bearer,
        )
        return self._call(self._stub.ExplainAccess, request, timeout)

    def who_can(
        self, resource: str = "", *, action: str = "", timeout: float | None = None
    ) -> pb.WhoCanResponse:
        """Who may do something with a customer, or with any of the institution, and why; by
        default open him in full, with the check-outs by which he is open now."""
        request = pb.WhoCanRequest(resource=resource or self._parent, action=action)
        return self._call(self._stub.WhoCan, request, timeout)
