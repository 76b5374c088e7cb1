"""Whether what was proposed can be put in force as things stand: whoever proposed it still could,
policies pass their tests, principals fit each other, two persons are left who can make the next
change, and no file is left without a custodian.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from vault.access import (
    Action,
    PolicyEngine,
    PolicyInvalid,
    Principal,
    PrincipalsInvalid,
    ResourceKind,
    ResourceRef,
)
from vault.access.directory_change import DirectoryChange, check_change, concerns, read_change
from vault.access.policy_files import PolicyBook, book_of
from vault.access.policy_tests import PolicyTestsInvalid
from vault.access.proposals import Kind, Party, Proposal
from vault.services.access_errors import LocksOut, PolicyTestsFailed, invalid
from vault.services.access_ground import AccessGround
from vault.services.errors import NotFound
from vault.services.leaving_keepers import KeepsFiles, leaving, places
from vault.services.proposal_rows import policies_in
from vault.services.proposers import proposer_of


class Fitting:
    """Raises InvalidArgument, NotFound, PolicyTestsFailed, LocksOut, KeepsFiles, StoreAltered, and
    what the ground's own checks raise."""

    def __init__(self, ground: AccessGround) -> None:
        self._on = ground

    async def proposer(self, proposal: Proposal) -> Party | None:
        """Whoever proposed it, if he could propose it now."""
        who = proposer_of(proposal, self._on.directory.standing(), self._on.policy)
        if who is None:
            return None
        reaches = self._on.reaches if proposal.kind is Kind.MERGE else None
        if reaches is not None and not await reaches(proposal, who):
            return None
        return Party(who.name, who.person)

    async def require(self, proposal: Proposal) -> Callable[[Party], bool]:
        """Make sure that it can be put in force as things stand; whom it concerns."""
        if proposal.kind is Kind.POLICY:
            book = await asyncio.to_thread(_tested, policies_in(proposal.content))
            await self._keep_open(proposal, PolicyEngine(book), self._on.directory.standing())
            return lambda _who: False
        if proposal.kind is Kind.KEYS:
            await self._on.keys.require_content(proposal.institution, proposal.content)
            return lambda _who: False
        if proposal.kind is Kind.RETENTION:
            if self._on.retention is None:
                raise NotFound(proposal.name)
            await self._on.retention(proposal)
            return lambda _who: False
        if proposal.kind is Kind.MERGE:
            if self._on.merging is None:
                raise NotFound(proposal.name)
            await self._on.merging(proposal)
            return lambda _who: False
        change = self._change(proposal.institution, proposal.content)
        then = self._then(proposal.institution, change)
        await self._keep_open(proposal, self._on.policy, then)
        await self._keep_files(proposal.institution, change, then)
        entries = self._on.directory.entries
        return lambda who: concerns(change, entries, who)

    async def require_change(self, institution: str, content: bytes) -> None:
        """The same of a change of principals that is about to be proposed, but for who is left to
        make the next one: that is looked at when it is agreed to."""
        change = self._change(institution, content)
        await self._keep_files(institution, change, self._then(institution, change))

    def _change(self, institution: str, content: bytes) -> DirectoryChange:
        directory = self._on.directory
        try:
            change = read_change(institution, content)
            check_change(institution, change, directory.entries, directory.approved)
        except PrincipalsInvalid as problem:
            raise invalid("change", "PRINCIPALS_INVALID", str(problem)) from None
        return change

    def _then(self, institution: str, change: DirectoryChange) -> list[Principal]:
        """Whom a lookup would find after a change."""
        directory = self._on.directory
        return directory.standing(directory.approved.after(institution, change, 0))

    async def _keep_open(
        self, proposal: Proposal, policy: PolicyEngine, standing: list[Principal]
    ) -> None:
        """Make sure that afterwards there are two persons who can make the next change."""
        whole = not proposal.institution

        def able(action: Action) -> dict[str, set[str]]:
            found: dict[str, set[str]] = {}
            for who in standing:
                if not who.person or not (whole or who.institution == proposal.institution):
                    continue
                resource = ResourceRef(who.institution, "", ResourceKind.VAULT)
                if policy.decide(who, action, resource, person=True).allowed:
                    found.setdefault(who.institution, set()).add(who.person)
            return found

        propose, approve = able(Action.PRINCIPALS_PROPOSE), able(Action.PROPOSALS_APPROVE)
        if not any(
            len(propose[bank] | approve.get(bank, set())) > 1 and approve.get(bank)
            for bank in propose
        ):
            raise LocksOut()

    async def _keep_files(
        self, institution: str, change: DirectoryChange, then: list[Principal]
    ) -> None:
        """Make sure that no file is left without a custodian, unless the change says so: then
        nothing that is the matter with a file can keep somebody in."""
        if change.leaves_files or self._on.kept is None:
            return
        names = leaving(self._on.policy, institution, self._on.directory.standing(), then)
        files = await self._on.kept(institution, names) if names else 0
        if files:
            raise KeepsFiles(places(change, names), files)


def _tested(files: Mapping[str, str]) -> PolicyBook:
    """The policies, whose tests all pass. Raises InvalidArgument, PolicyTestsFailed."""
    try:
        book = book_of(files)
    except PolicyInvalid as problem:
        raise invalid("files", "POLICY_INVALID", str(problem)) from None
    try:
        failed = PolicyTestsFailed.of(book, files)
    except PolicyTestsInvalid as problem:
        raise invalid("files", "POLICY_TESTS_INVALID", str(problem)) from None
    if failed is not None:
        raise failed
    return book
