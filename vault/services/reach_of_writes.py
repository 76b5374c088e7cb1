"""Holds writes to how far their caller's roles reach: what is stored, and what a refusal tells."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import date
from typing import TypeVar

from vault.access.scope import Scope
from vault.records import Customer, CustomerName, classes_of
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.errors import AlreadyExists
from vault.services.items import Draft
from vault.services.outcomes import Outcome
from vault.services.reach import FullReach

T = TypeVar("T")


def reaches(scope: Scope, record: Customer, today: date) -> bool:
    """Whether a customer's file as it is written is within reach."""
    return not scope.limits or scope.covers(record.branch, classes_of(record, today))


class ReachOfWrites:
    """Of the use cases that write. Raises StoreUnavailable and KmsUnavailable from below."""

    def __init__(self, reach: FullReach) -> None:
        self._reach = reach

    async def refuse_outside(self, call: Call, drafts: Sequence[Draft], today: date) -> None:
        """Set the error of each draft whose customer is not within reach: a new one by what his
        file would say, another as he is."""
        scope = call.scope
        if not scope.limits or not drafts:
            return
        new = {d.customer: d.item.record for d in drafts if d.is_new_customer}
        outside = {one for one, record in new.items() if not reaches(scope, record, today)}
        others = [d.customer for d in drafts if d.customer not in new]
        outside |= await self._reach.outside(scope, drafts[0].scope.institution, others)
        for draft in drafts:
            if draft.customer in outside:
                draft.error = OutsideScope()

    async def outcomes(self, call: Call, work: Awaitable[list[Outcome]]) -> list[Outcome]:
        """What becomes of the items of a write, as this caller may be told of it: that somebody
        holds a number already, but not who, if he is not within reach. Raises what `work` does."""
        try:
            found = await work
        except AlreadyExists as error:
            raise (await self._told(call, error)) from None
        if not call.scope.limits:
            return found
        return [
            await self._told(call, one) if isinstance(one, AlreadyExists) else one for one in found
        ]

    async def _told(self, call: Call, error: AlreadyExists) -> AlreadyExists:
        if not call.scope.limits or not error.existing:
            return error
        name = CustomerName.parse(error.existing)
        outside = await self._reach.outside(call.scope, name.institution, [name.customer])
        return AlreadyExists("") if outside else error
