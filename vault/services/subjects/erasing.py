"""What the rules of retention say of somebody who wants his data erased."""

from __future__ import annotations

from vault.records import Customer
from vault.rules.erasure import Erasure, Verdict, judge
from vault.rules.retention import Facts
from vault.services.errors import Shredded
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opener
from vault.services.retention.rules import IDENTITY, today
from vault.services.subjects.ground import SubjectGround
from vault.services.subjects.rows import scope_of
from vault.store import customers, scopes


class Erasing:
    """Looks at every file that is the customer's, and at nothing that stands against disposal
    beside the rules."""

    def __init__(self, ground: SubjectGround) -> None:
        self._on = ground

    async def judge(self, institution: str, customer: str) -> Erasure:
        """What the rules say today; of a file that is being disposed of, that it is due. Raises
        Corrupted: where a file cannot be read, nobody can say which rules apply."""
        on = self._on
        everyone = sorted(on.kin(institution, customer))
        rows, files = await on.database.read(
            lambda conn: (
                scopes.of_customers(conn, institution, everyone),
                customers.many(conn, institution, everyone),
            )
        )
        opener, kept = Opener(on.keys), list[tuple[str, Facts]]()
        for file in files:
            try:
                opened = await opener.many(CUSTOMERS, [file], views=False)
            except Shredded:
                continue  # it is going
            value: Customer = opened[0].value
            # The identity first, then the years in order.
            for row in sorted(rows[file.customer], key=lambda r: (r.scope != IDENTITY, r.scope)):
                kept.append((row.scope, on.retention.facts(value, row)))
        if not kept and not await self.gone(institution, customer):
            return Erasure(Verdict.DUE, ())
        day = today(on.clock.now_micros())
        return judge(on.retention.book(institution), kept, day)

    async def gone(self, institution: str, customer: str) -> bool:
        """Whether every file that is the customer's has been destroyed, to the last row."""
        on = self._on
        everyone = sorted(on.kin(institution, customer))
        refs = {scope_of(institution, one) for one in everyone}
        destroyed, rows = await on.database.read(
            lambda conn: (
                scopes.destroyed(conn, refs),
                scopes.of_customers(conn, institution, everyone),
            )
        )
        return destroyed == refs and not any(rows.values())
