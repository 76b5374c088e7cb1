"""Which further files are of the same customer. Each stays a file of its own and leaves as one;
whoever gets one of them is told of the others."""

from __future__ import annotations

from dataclasses import dataclass

from vault.access.roll import Kin
from vault.services.call import Call
from vault.services.reach import FullReach
from vault.services.sealer import resource_name


@dataclass(frozen=True, slots=True)
class MergedFiles:
    """`kin` gives the files that are of one customer, as two persons have agreed."""

    kin: Kin
    reach: FullReach

    async def of(self, call: Call, institution: str, customer: str) -> tuple[str, ...]:
        """The names of the others, in order: those within the caller's reach, and none of his own.
        Raises StoreAltered."""
        others = self.kin(institution, customer) - {customer} - call.close_files
        if not others:
            return ()
        outside = await self.reach.outside(call.scope, institution, others)
        return tuple(resource_name(institution, one) for one in sorted(others - outside))
