"""Changes of policies and principals, and steps with keys, under four eyes: proposed by one person,
decided by another.

An approval is one transaction with its event: the row that says so is numbered behind all that were
approved before, and acts on every process of both tiers within a second. What the decision was
based on must still be in force then, or the person is asked to call again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection

from vault.access import (
    Action,
    ActionClass,
    ResourceKind,
    ResourceRef,
)
from vault.access import proposals as steps
from vault.access.proposals import Kind, Party, Proposal
from vault.audit import RowHash
from vault.records import new_ulid
from vault.services.access_errors import (
    AccessChanged,
    invalid,
    not_taken,
)
from vault.services.access_ground import AccessGround
from vault.services.call import Call, Trace
from vault.services.errors import Aborted, NotFound
from vault.services.fitting import Fitting
from vault.services.policy_report import PolicyReport, report
from vault.services.proposal_rows import from_row, policies_content, policies_in, to_row
from vault.services.rotation.steps import Step, to_content
from vault.store import VersionConflict, proposals
from vault.store.proposals import ApprovedHead, ProposalRow, SignedRow

_OF_ACCESS: Final = frozenset({Kind.POLICY, Kind.DIRECTORY, Kind.KEYS})


class Proposing:
    """The use cases."""

    def __init__(self, ground: AccessGround) -> None:
        self._on = ground
        self._fitting = Fitting(ground)

    # -- proposing ---------------------------------------------------------------------------

    async def policies(
        self, call: Call, files: Mapping[str, str], reason: str
    ) -> tuple[Proposal, PolicyReport]:
        """Propose policies for the vault as a whole. Raises InvalidArgument unless they are valid:
        their tests may still fail."""
        call.require(ActionClass.ACCESS_ADMIN, "")
        found = await self.try_policies(files, compare=False)
        if found.problem:
            raise invalid("files", "POLICY_INVALID", found.problem)
        made = await self._propose(call, Kind.POLICY, "", policies_content(dict(files)), reason)
        return made, found

    async def directory(
        self, call: Call, institution: str, content: bytes, reason: str
    ) -> Proposal:
        """Propose a change of principals. Raises InvalidArgument unless it fits those who stand,
        KeepsFiles where it leaves files without a custodian and does not say so."""
        call.require(ActionClass.ACCESS_ADMIN, institution)
        await self._on.state.look()
        await self._fitting.require_change(institution, content)
        return await self._propose(call, Kind.DIRECTORY, institution, content, reason)

    async def key_step(self, call: Call, institution: str, step: Step, reason: str) -> Proposal:
        """Propose a step with a key: one of an institution, or a KEK, of the vault as a whole.
        Raises KeyStepRefused unless it could be taken now."""
        call.require(ActionClass.KEYS_ADMIN, institution)
        await self._on.keys.require(institution, step)
        return await self._propose(call, Kind.KEYS, institution, to_content(step), reason)

    async def retention_step(
        self, call: Call, institution: str, content: bytes, reason: str
    ) -> Proposal:
        """Propose other rules of retention, or a plan of disposal, that the caller has looked at.
        Raises StepRefused unless a person does."""
        call.require(ActionClass.DISPOSAL, institution)
        return await self._propose(call, Kind.RETENTION, institution, content, reason)

    async def merge_step(
        self, call: Call, institution: str, content: bytes, reason: str
    ) -> Proposal:
        """Propose that files are one, or are not, that the caller has looked at. Raises
        StepRefused unless a person does."""
        call.require(ActionClass.CUSTODY, institution)
        return await self._propose(call, Kind.MERGE, institution, content, reason)

    async def try_policies(self, files: Mapping[str, str], *, compare: bool) -> PolicyReport:
        """What there is to say of policies, beside those in force."""
        book = self._on.policy.book
        return await asyncio.to_thread(report, book, dict(files), compare=compare)

    async def _propose(
        self, call: Call, kind: Kind, institution: str, content: bytes, reason: str
    ) -> Proposal:
        now = self._on.clock.now_micros()
        identifier = new_ulid(now // 1000)
        with not_taken():
            made = steps.propose(kind, institution, identifier, _party(call), content, reason, now)
        row = to_row(made, now, call.actor)
        await self._commit(call, made, self._inserting(made, row))
        return made

    # -- deciding ----------------------------------------------------------------------------

    async def approve(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Agree to a proposal; it is in force when this returns.

        Raises NotFound, InvalidArgument (it no longer fits), PolicyTestsFailed, LocksOut,
        KeepsFiles, Aborted, NotSigned (the proposal, or anything approved before, was altered past
        the vault), and what `vault.access.proposals` refuses.
        """
        call.require(ActionClass.ACCESS_DECISION, institution)
        return await self._approve(call, institution, identifier, etag, comment, _OF_ACCESS)

    async def approve_retention(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Agree to what was proposed about retention. Raises as `approve`."""
        call.require(ActionClass.DISPOSAL_DECISION, institution)
        return await self._approve(
            call, institution, identifier, etag, comment, frozenset({Kind.RETENTION})
        )

    async def approve_merge(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Agree to what was proposed about files that are one. Raises as `approve`."""
        call.require(ActionClass.CUSTODY, institution)
        return await self._approve(
            call, institution, identifier, etag, comment, frozenset({Kind.MERGE})
        )

    async def _approve(
        self,
        call: Call,
        institution: str,
        identifier: str,
        etag: str,
        comment: str,
        kinds: frozenset[Kind],
    ) -> Proposal:
        state, now = self._on.state, self._on.clock.now_micros()
        await state.look()
        state.require_sound()
        seen = state.head
        self._still_allowed(call, institution)
        proposal = await self.find(institution, identifier)
        if proposal.kind not in kinds:
            # Each is decided on by those whose business it is.
            raise NotFound(proposal.name)
        who = _party(call)
        proposer = await self._fitting.proposer(proposal)
        concerned = await self._fitting.require(proposal)
        with not_taken():
            made = steps.approve(
                proposal,
                who,
                etag,
                lambda giver: giver == proposer,
                concerned,
                seen.size + 1,
                now,
                comment,
            )
        row = to_row(made, now, call.actor)

        def work(conn: Connection) -> Proposal:
            head: ApprovedHead = proposals.lock_head(conn)
            if head != seen:
                raise AccessChanged()
            try:
                proposals.apply(conn, head, row, self._on.signer.sign(row, head))
            except VersionConflict:
                raise Aborted(made.name) from None
            return made

        await self._commit(call, made, work, row)
        await state.look()
        return made

    async def reject(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Refuse a proposal. Raises as `approve`."""
        call.require(ActionClass.ACCESS_DECISION, institution)
        who, now = _party(call), self._on.clock.now_micros()
        proposal = await self.find(institution, identifier)
        with not_taken():
            made = steps.reject(proposal, who, etag, now, comment)
        return await self._step(call, made, now)

    async def withdraw(self, call: Call, institution: str, identifier: str) -> Proposal:
        """Take one's own proposal back. Raises as `approve`."""
        call.require(ActionClass.ACCESS_ADMIN, institution)
        return await self._withdraw(call, await self.find(institution, identifier))

    async def withdraw_key_step(self, call: Call, institution: str, identifier: str) -> Proposal:
        """The same of a step with a key. Raises as `approve`; NotFound for another proposal."""
        call.require(ActionClass.KEYS_ADMIN, institution)
        return await self._withdraw(call, await self.find_key_step(institution, identifier))

    async def _withdraw(self, call: Call, proposal: Proposal) -> Proposal:
        who, now = _party(call), self._on.clock.now_micros()
        with not_taken():
            made = steps.withdraw(proposal, who, now)
        return await self._step(call, made, now)

    async def _step(self, call: Call, made: Proposal, now: int) -> Proposal:
        row = to_row(made, now, call.actor)
        await self._commit(call, made, self._inserting(made, row), row)
        return made

    def _inserting(self, made: Proposal, row: ProposalRow) -> Callable[[Connection], Proposal]:
        note = self._on.signer.sign(row)

        def work(conn: Connection) -> Proposal:
            try:
                proposals.insert(conn, row, note)
            except VersionConflict:
                raise Aborted(made.name) from None
            return made

        return work

    async def _commit(
        self,
        call: Call,
        made: Proposal,
        work: Callable[[Connection], Proposal],
        row: ProposalRow | None = None,
    ) -> None:
        row = row or to_row(made, made.proposed_at, call.actor)
        rows = (RowHash(row.log_name, row.hash()),)
        trace = Trace(made.institution, resource=made.name, rows=rows, count=1)
        await self._on.recorder.commit(call, work, lambda _: trace)

    # -- reading -----------------------------------------------------------------------------

    async def get(
        self, call: Call, institution: str, identifier: str
    ) -> tuple[Proposal, PolicyReport | None]:
        """A proposal; of policies that wait, with what is to be said of them now. Raises
        NotFound, NotSigned."""
        call.require(ActionClass.ACCESS_VIEW, institution)
        found = await self.find(institution, identifier)
        waits = found.state_at(self._on.clock.now_micros()) is steps.State.PROPOSED
        if found.kind is not Kind.POLICY or not waits:
            return found, None
        return found, await self.try_policies(policies_in(found.content), compare=True)

    async def find_key_step(self, institution: str, identifier: str) -> Proposal:
        """The current version of a step with a key. Raises NotFound, NotSigned."""
        found = await self.find(institution, identifier)
        if found.kind is not Kind.KEYS:
            raise NotFound(found.name)
        return found

    async def page(
        self, call: Call, institution: str, kind: str, before: str, limit: int
    ) -> list[Proposal]:
        """Proposals, newest first, in front of `before` (an identifier). Raises NotSigned."""
        call.require(ActionClass.ACCESS_VIEW, institution)
        return await self._page(institution, kind, before, limit)

    async def _page(self, institution: str, kind: str, before: str, limit: int) -> list[Proposal]:
        rows = await self._on.database.read(
            lambda conn: proposals.page(conn, institution, kind=kind, before=before, limit=limit)
        )
        return [self._believed(row) for row in rows]

    async def waiting_merges(self, call: Call, institution: str, limit: int) -> list[Proposal]:
        """Merges that wait for a decision, among the newest so many. Raises NotSigned."""
        call.require(ActionClass.REPORT, institution)
        now = self._on.clock.now_micros()
        found = await self._page(institution, Kind.MERGE.value, "", limit)
        return [one for one in found if one.state_at(now) is steps.State.PROPOSED]

    async def waiting_key_steps(self, call: Call, institution: str, limit: int) -> list[Proposal]:
        """Steps with keys that wait for a decision, among the newest so many. Raises NotSigned."""
        call.require(ActionClass.KEYS_VIEW, institution)
        now = self._on.clock.now_micros()
        found = await self._page(institution, Kind.KEYS.value, "", limit)
        return [one for one in found if one.state_at(now) is steps.State.PROPOSED]

    async def find(self, institution: str, identifier: str) -> Proposal:
        """The current version. Raises NotFound, NotSigned."""
        row = await self._on.database.read(
            lambda conn: proposals.current(conn, institution, identifier)
        )
        if row is None:
            under = f"institutions/{institution}/" if institution else ""
            raise NotFound(f"{under}proposals/{identifier}")
        return self._believed(row)

    def _believed(self, signed: SignedRow) -> Proposal:
        """The proposal of a row that the full tier has signed: who proposed it counts when it is
        decided, and nobody is shown what nobody has proposed. Raises NotSigned."""
        self._on.verifier.alone(signed)
        return from_row(signed.row)

    def _still_allowed(self, call: Call, institution: str) -> None:
        """Who decides may have been removed, or his role have ended, since the call was let in."""
        standing = {who.name: who for who in self._on.directory.standing()}
        resource = ResourceRef(institution, "", ResourceKind.VAULT)
        for who in {call.principal, call.person} - {None}:
            if who is None or standing.get(who.name) != who:
                raise AccessChanged()
            again = self._on.policy.decide(who, Action(call.action), resource, person=True)
            if not again.allowed:
                raise AccessChanged()


def _party(call: Call) -> Party:
    who = call.person
    return Party(who.name, who.person) if who is not None else Party(call.actor, "")
