"""Merges files that are of one customer, and takes them apart again: proposed by one person, agreed
to by another.

It is reversible as long as the file that points to another is there: nothing was moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vault.access import ActionClass, Principal
from vault.access.proposals import Kind, Proposal
from vault.records import Customer
from vault.services import sealer
from vault.services.call import Call
from vault.services.closed import OutsideScope, OwnFile
from vault.services.errors import NotFound
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS
from vault.services.merging.content import Change, MergeChange, UnmergeChange, change_in, to_content
from vault.services.merging.errors import MergeRefused
from vault.services.merging.standing import Merge, Merges
from vault.services.opening import Opener
from vault.services.proposing import Proposing
from vault.services.reach import FullReach
from vault.store import Database, customers


@dataclass(slots=True)
class Later:
    """What proposals about merges are held to: made after whoever approves them."""

    merging: Merging | None = None

    async def require(self, proposal: Proposal) -> None:
        """Make sure that what was proposed can be put in force as things stand."""
        if self.merging is None:
            raise NotFound(proposal.name)
        await self.merging.require(proposal)

    async def reaches(self, proposal: Proposal, who: Principal) -> bool:
        """Whether who proposed it may still say so of these files."""
        return self.merging is not None and await self.merging.reaches(proposal, who)


class Merging:
    """The use cases. Raises NotFound, OwnFile, OutsideScope, MergeRefused, NotSigned;
    StoreUnavailable, KmsUnavailable, LogUnavailable from below."""

    def __init__(
        self, database: Database, keys: Keys, proposing: Proposing, merges: Merges, reach: FullReach
    ) -> None:
        self._database = database
        self._opener = Opener(keys)
        self._proposing = proposing
        self._merges = merges
        self._reach = reach

    async def propose(
        self, call: Call, institution: str, customer: str, into: str, reason: str
    ) -> Proposal:
        """Propose that a customer's file point to another's."""
        call.require(ActionClass.CUSTODY, institution)
        return await self._propose(call, institution, MergeChange(customer, into), reason)

    async def propose_apart(
        self, call: Call, institution: str, customer: str, reason: str
    ) -> Proposal:
        """Propose that a customer's file stand for itself again."""
        call.require(ActionClass.CUSTODY, institution)
        standing = self._merges.of(institution).get(customer)
        if standing is None:
            await self._may(call, institution, [customer])
            raise _not_merged()
        return await self._propose(
            call, institution, UnmergeChange(customer, standing.into), reason
        )

    async def approve(
        self, call: Call, institution: str, identifier: str, etag: str, comment: str
    ) -> Proposal:
        """Agree, as another person. Raises StepRefused, AccessChanged, Aborted."""
        call.require(ActionClass.CUSTODY, institution)
        found = await self._proposing.find(institution, identifier)
        if found.kind is not Kind.MERGE:
            raise NotFound(found.name)
        change = change_in(found.content)
        await self._may(call, institution, [change.customer, change.into])
        return await self._proposing.approve_merge(call, institution, identifier, etag, comment)

    async def require(self, proposal: Proposal) -> None:
        """Make sure that what was proposed can be put in force as things stand."""
        await self._fits(proposal.institution, change_in(proposal.content))

    async def reaches(self, proposal: Proposal, who: Principal) -> bool:
        """Whether both files are within somebody's reach, and neither is his own."""
        change = change_in(proposal.content)
        names = [change.customer, change.into]
        if who.close_files & set(names):
            return False
        return not await self._reach.outside(who.scope, proposal.institution, names)

    async def page(self, call: Call, institution: str, after: str, limit: int) -> list[Merge]:
        """Files that point to another, in order of identifiers beyond one, of those that the
        caller's roles reach."""
        call.require(ActionClass.REPORT, institution)
        merged = self._merges.of(institution)
        wanted = [merged[one] for one in sorted(merged) if one > after]
        found: list[Merge] = []
        for at in range(0, len(wanted), limit):
            some = wanted[at : at + limit]
            outside = await self._outside(call, institution, some)
            found += [one for one in some if one.customer not in outside]
            if len(found) >= limit:
                break
        return found[:limit]

    async def waiting(self, call: Call, institution: str, limit: int) -> list[Proposal]:
        """Proposals that wait for a second person, of those that the caller's roles reach."""
        found = await self._proposing.waiting_merges(call, institution, limit)
        changes = [change_in(one.content) for one in found]
        outside = await self._outside(call, institution, changes)
        return [
            one
            for one, change in zip(found, changes, strict=True)
            if change.customer not in outside
        ]

    async def _outside(
        self, call: Call, institution: str, some: Sequence[Merge | Change]
    ) -> frozenset[str]:
        """Of those named, the customers who are not told of: out of reach, or the caller's own."""
        outside = await self._reach.outside(
            call.scope, institution, [name for one in some for name in (one.customer, one.into)]
        )
        closed = outside | call.close_files
        return frozenset(
            one.customer for one in some if one.customer in closed or one.into in closed
        )

    async def _propose(self, call: Call, institution: str, change: Change, reason: str) -> Proposal:
        await self._may(call, institution, [change.customer, change.into])
        await self._fits(institution, change)
        return await self._proposing.merge_step(call, institution, to_content(change), reason)

    async def _may(self, call: Call, institution: str, names: list[str]) -> None:
        """Whoever says of files that they are one is allowed both, and neither is his own."""
        if call.close_files & set(names):
            raise OwnFile
        if await self._reach.outside(call.scope, institution, names):
            raise OutsideScope

    async def _fits(self, institution: str, change: Change) -> None:
        merged = self._merges.of(institution)
        if isinstance(change, UnmergeChange):
            standing = merged.get(change.customer)
            if standing is None or standing.into != change.into:
                raise _not_merged()
            # Once it was disposed of there is nothing to take apart.
            await self._there(institution, change.customer)
            return
        if change.customer == change.into:
            raise MergeRefused("a file is not merged into itself", "档案不能合并至自身")
        for one in (change.customer, change.into):
            if one in merged:
                name = sealer.resource_name(institution, self._merges.survivor(institution, one))
                raise MergeRefused(
                    f"one of the two points to {name} already; name that one instead",
                    f"其中一份已指向 {name}，请改用该档案",
                )
        for one in (change.customer, change.into):
            file = await self._there(institution, one)
            if file.relationship is None or file.relationship.end_date is None:
                continue
            # Its clock of retention runs, and would have it go while the other one is a customer.
            name = sealer.resource_name(institution, one)
            raise MergeRefused(
                f"the relationship of {name} has ended, so that its retention runs already; "
                "correct its end date first if it is still the same relationship",
                f"{name} 的业务关系已终止，其保存期限已开始计算；若仍为同一关系，请先更正终止日期",
            )

    async def _there(self, institution: str, customer: str) -> Customer:
        """The file as it stands. Raises NotFound, Shredded."""
        row = await self._database.read(lambda conn: customers.current(conn, institution, customer))
        name = sealer.resource_name(institution, customer)
        file: Customer = (await self._opener.one(CUSTOMERS, row, name, views=False)).value
        return file


def _not_merged() -> MergeRefused:
    return MergeRefused(
        "the file stands for itself, or points to another by now; look at `vaultctl merge list`",
        "该档案未合并，或现已指向其他档案；请查看 `vaultctl merge list`",
    )
