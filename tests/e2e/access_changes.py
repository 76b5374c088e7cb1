"""Calls of access administration that several tests make."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import admin_pb2
from tests.e2e.people import PARENT
from tests.support.running_vault import RunningVault
from vault.server.dev.pki import Authority
from vault.server.settings import TierName

WITHIN_SECONDS = 1.0


def certify(vault: RunningVault, *names: str) -> None:
    """Certificates for callers that the principals file does not know."""
    authority = Authority.open(vault.folder / "pki", datetime.now(UTC))
    for name in names:
        authority.client(name, f"spiffe://demo.bank/{name}")


def entry(name: str, *roles: Any, **more: Any) -> pb.PrincipalEntry:
    """An entry with the URI of the caller's certificate; a role is its name, or a binding."""
    bindings = [pb.RoleBinding(role=r) if isinstance(r, str) else r for r in roles]
    return pb.PrincipalEntry(
        name=name, uri=more.pop("uri", f"spiffe://demo.bank/{name}"), roles=bindings, **more
    )


def propose(
    vault: RunningVault,
    *upsert: pb.PrincipalEntry,
    remove: tuple[str, ...] = (),
    who: str = "keeper",
    parent: str = PARENT,
    leaves_files: bool = False,
) -> pb.Proposal:
    """Propose a change of principals."""
    change = pb.DirectoryChange(upsert=upsert, remove=remove, leaves_files=leaves_files)
    request = pb.ProposeDirectoryChangeRequest(parent=parent, change=change, reason="Staff change.")
    return vault.access_admin(who).ProposeDirectoryChange(request).proposal


def propose_policies(
    vault: RunningVault, files: list[pb.PolicyFile], who: str = "keeper"
) -> pb.Proposal:
    """Propose policies."""
    request = pb.ProposePoliciesRequest(files=files, reason="A new role.")
    return vault.access_admin(who).ProposePolicies(request).proposal


def approve(vault: RunningVault, proposal: pb.Proposal, who: str = "officer") -> pb.Proposal:
    """Approve what was proposed."""
    request = pb.ApproveProposalRequest(name=proposal.name, etag=proposal.etag, comment="Seen.")
    return vault.access_admin(who).ApproveProposal(request).proposal


def state(vault: RunningVault, proposal: pb.Proposal) -> str:
    """The state of a proposal without its prefix."""
    found = vault.access_admin("officer").GetProposal(pb.GetProposalRequest(name=proposal.name))
    name: str = pb.ProposalState.Name(found.proposal.state)
    return name.removeprefix("PROPOSAL_STATE_")


def code(call: Callable[[], object]) -> str:
    """The status code of a call."""
    try:
        call()
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def seconds_until(call: Callable[[], object], wanted: str, patience: float = 5.0) -> float:
    """How long it takes until a call is answered with a status code."""
    start = time.monotonic()
    while (found := code(call)) != wanted:
        passed = time.monotonic() - start
        assert passed < patience, f"{found}, and not {wanted}, after {passed:.1f} s"
        time.sleep(0.02)
    return time.monotonic() - start


def until_health(vault: RunningVault, part: str, wanted: str, patience: float = 10.0) -> None:
    """Wait until the health of a part is what is wanted: rows are looked at again once a second."""
    deadline = time.monotonic() + patience
    while (found := health(vault, part)[0]) != wanted:
        assert time.monotonic() < deadline, f"{part}: {found}, and not {wanted}"
        time.sleep(0.05)


def health(vault: RunningVault, part: str, tier: TierName = TierName.FULL) -> tuple[str, str]:
    """State and detail of a part."""
    asked = admin_pb2.CheckHealthRequest(parts=[part])
    (check,) = vault.admin(tier=tier).CheckHealth(asked).checks
    return admin_pb2.HealthState.Name(check.state).removeprefix("HEALTH_STATE_"), check.detail
