"""Which files take more to be lent than others, now: those that say so, that are of somebody under
age, or that are of one customer with such a file.

What a file is may change after somebody has asked for it. It is the file of today that counts, at
the request, at each approval and at each read; so an approval that was enough yesterday opens
nothing of a file that asks for more today.
"""

from __future__ import annotations

from vault.access.lending import CheckOut, LendingClass, LendingClasses
from vault.access.roll import Kin, alone
from vault.services.reach import FullReach
from vault.store import CustomerRow, Database, customers


class SensitiveFiles:
    """Raises Corrupted; StoreUnavailable, StoreAltered and KmsUnavailable from below."""

    def __init__(
        self, database: Database, reach: FullReach, rules: LendingClasses, kin: Kin = alone
    ) -> None:
        self._database = database
        self._reach = reach
        self._rules = rules
        self._kin = kin

    async def has(self, institution: str, customer: str, row: CustomerRow | None = None) -> bool:
        """Whether a customer's file is one. ``row`` is its current row, where that is at hand. One
        that was destroyed, or does not exist, is none."""
        wanted = self._kin(institution, customer)
        if row is not None and len(wanted) == 1:
            return await self._reach.sensitive([row])
        found = await self._database.read(
            lambda conn: customers.many(conn, institution, sorted(wanted))
        )
        return await self._reach.sensitive(found)

    async def class_now(self, out: CheckOut, row: CustomerRow | None = None) -> LendingClass | None:
        """The class that a check-out would be of if it was asked for now, where its file is one;
        else None. Who breaks the glass has asked nobody."""
        if not out.customer or out.break_glass:
            return None
        if not await self.has(out.institution, out.customer, row):
            return None
        return self._rules.of(out.purpose, out.fields, sensitive=True)
