"""What the use cases of proposals stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vault.access import PolicyEngine, Principal
from vault.access.proposals import Proposal
from vault.access.stored_directory import StoredDirectory
from vault.sealing import Clock
from vault.services.access_state import AccessState
from vault.services.leaving_keepers import Kept
from vault.services.proposal_signing import ProposalSigner, ProposalVerifier
from vault.services.recording import Recorder
from vault.services.rotation.planning import Planning
from vault.store import Database


@dataclass(frozen=True, slots=True)
class AccessGround:
    """What the use cases stand on."""

    database: Database
    recorder: Recorder
    state: AccessState
    policy: PolicyEngine
    directory: StoredDirectory
    clock: Clock
    signer: ProposalSigner
    verifier: ProposalVerifier
    keys: Planning
    retention: Callable[[Proposal], Awaitable[None]] | None = None
    """Makes sure that what was proposed about retention can be put in force, or raises."""
    merging: Callable[[Proposal], Awaitable[None]] | None = None
    """The same of what was proposed about files that are one."""
    reaches: Callable[[Proposal, Principal], Awaitable[bool]] | None = None
    """Whether the files that are to be one are within somebody's reach, and none is his own."""
    kept: Kept | None = None
    """Counts files by who keeps them; None where there are none."""
