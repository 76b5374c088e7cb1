"""Calls of access administration, for the commands of `vaultctl policy` and `vaultctl access`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import access_admin_pb2_grpc as stubs
from recordsvault_client import Tier
from recordsvault_masked.calls import Caller
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.session import session

_ID = re.compile(r"[0-9a-z]{26}")
_NAME = re.compile(r"(institutions/[a-z][a-z0-9-]{1,39}/)?proposals/[0-9a-z]{26}")
_COMPARING_SECONDS = 60.0


class Steward:
    """The service, as the profile's caller."""

    def __init__(self, context: typer.Context) -> None:
        """Take the profile of the command. Raises ProfileError, CommandError."""
        made = session(context)
        client = made.client()
        self.parent = client.profile.parent
        self._stub = stubs.AccessAdminStub(client.channel(Tier.FULL))
        self._call = Caller(made.timeout)
        # Decisions of two sets of policies are compared, which takes the vault some seconds.
        self._patience = max(made.timeout, _COMPARING_SECONDS)

    def in_force(self) -> pb.GetPoliciesResponse:
        """The policies that decide now. Raises VaultError, as all that follows."""
        return self._call(self._stub.GetPolicies, pb.GetPoliciesRequest())

    def compare(self, files: list[pb.PolicyFile]) -> pb.PolicyReport:
        """What is to be said of policies beside those in force."""
        request = pb.TestPoliciesRequest(files=files, compare=True)
        return self._call(self._stub.TestPolicies, request, self._patience).report

    def propose_policies(
        self, files: list[pb.PolicyFile], reason: str
    ) -> pb.ProposePoliciesResponse:
        """Propose policies."""
        request = pb.ProposePoliciesRequest(files=files, reason=reason)
        return self._call.once(self._stub.ProposePolicies, request)

    def propose_change(self, change: pb.DirectoryChange, reason: str) -> pb.Proposal:
        """Propose a change of the institution's principals."""
        request = pb.ProposeDirectoryChangeRequest(parent=self.parent, change=change, reason=reason)
        return self._call.once(self._stub.ProposeDirectoryChange, request).proposal

    def proposal(self, name: str) -> pb.GetProposalResponse:
        """A proposal with its content."""
        return self._call(self._stub.GetProposal, pb.GetProposalRequest(name=name), self._patience)

    def approve(self, seen: pb.Proposal, comment: str) -> pb.Proposal:
        """Agree to what was seen."""
        request = pb.ApproveProposalRequest(name=seen.name, etag=seen.etag, comment=comment)
        return self._call.once(self._stub.ApproveProposal, request).proposal

    def reject(self, seen: pb.Proposal, comment: str) -> pb.Proposal:
        """Refuse what was seen."""
        request = pb.RejectProposalRequest(name=seen.name, etag=seen.etag, comment=comment)
        return self._call.once(self._stub.RejectProposal, request).proposal

    def withdraw(self, name: str) -> pb.Proposal:
        """Take one's own back."""
        request = pb.WithdrawProposalRequest(name=name)
        return self._call.once(self._stub.WithdrawProposal, request).proposal

    def proposals(self, parent: str, kind: pb.ProposalKind.ValueType) -> Iterator[pb.Proposal]:
        """All of a kind, newest first; read as far as they are taken."""
        token = ""
        while True:
            request = pb.ListProposalsRequest(
                parent=parent, kind=kind, page_size=200, page_token=token
            )
            page = self._call(self._stub.ListProposals, request)
            yield from page.proposals
            token = page.next_page_token
            if not token:
                return

    def principals(self) -> Iterator[pb.ListedPrincipal]:
        """The institution's, by name; read as far as they are taken."""
        token = ""
        while True:
            request = pb.ListPrincipalsRequest(parent=self.parent, page_size=200, page_token=token)
            page = self._call(self._stub.ListPrincipals, request)
            yield from page.principals
            token = page.next_page_token
            if not token:
                return

    def explain(self, request: pb.ExplainAccessRequest) -> pb.ExplainAccessResponse:
        """How policy decides a call."""
        request.parent = self.parent
        return self._call(self._stub.ExplainAccess, request)

    def who_can(self, resource: str, action: str) -> pb.WhoCanResponse:
        """Who may do something with a customer."""
        request = pb.WhoCanRequest(resource=resource, action=action)
        return self._call(self._stub.WhoCan, request)

    def policies_name(self, given: str) -> str:
        """The name of a proposal of policies; its identifier will do. Raises CommandError."""
        return _name(given, "")

    def change_name(self, given: str) -> str:
        """The name of a proposal of principals; its identifier will do. Raises CommandError."""
        return _name(given, f"{self.parent}/")


def _name(given: str, under: str) -> str:
    text = given.strip().lower()
    if _ID.fullmatch(text):
        return f"{under}proposals/{text}"
    if re.fullmatch(r"proposals/[0-9a-z]{26}", text):
        return under + text
    if _NAME.fullmatch(text):
        return text
    raise CommandError(
        "That is no proposal: give its 26 characters, or its whole name.",
        "提案名称无效：请给出其 26 个字符或完整名称。",
    )
