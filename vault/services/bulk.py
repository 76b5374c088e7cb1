"""All customers of an institution at once, by the one check-out there is for it.

The check-out is used up by the event that opens the export, in one transaction: of two exports at
once, one begins. Every page has an event of its own, durable before the page leaves, which says
whose files are in it; the check-out is looked at in that transaction, so that no page that is begun
after the answer to its return or revocation, or after its end, leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.lending.transitions import exported, exporting, use
from vault.audit import Phase
from vault.sealing import Clock
from vault.services.borrowing import Borrowing, Step
from vault.services.call import Call, Trace
from vault.services.check_out_rows import from_row
from vault.services.closed import CheckOutNotActive, OutsideScope
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS
from vault.services.opening import Opened, Opener
from vault.services.recording import Recorder
from vault.store import Database, check_outs, customers, statistics


@dataclass(frozen=True, slots=True)
class Batch:
    """Some customers in order of identifiers. `further` is where to go on; empty at the end."""

    opened: list[Opened]
    further: str


class BulkExport:
    """The use case. Raises CheckOutNotActive, OutsideScope, Corrupted; StoreUnavailable,
    KmsUnavailable and LogUnavailable from below."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        borrowing: Borrowing,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._opener = Opener(keys)
        self._borrowing = borrowing
        self._recorder = recorder
        self._clock = clock

    async def begin(self, call: Call, institution: str, step: Step = use) -> None:
        """Use up the check-out with the event that opens the export; or take the `step` by which
        one begins that may go on later. Not for whom something keeps from a part of the files: an
        export is whole."""
        call.require(ActionClass.BULK_READ, institution)
        if call.scope.limits:
            raise OutsideScope
        if call.lent is None:
            raise CheckOutNotActive
        await asyncio.to_thread(statistics.look_at_customers, self._database)
        call.phase = Phase.OPENED
        call.lent = await self._borrowing.use_up(call, call.lent, call.trace, step)

    async def batch(
        self, call: Call, institution: str, after: str, limit: int, *, views: bool
    ) -> Batch:
        """Current versions of up to so many customers beyond the identifier ``after``: without
        those whose files are closed to the caller, and without files that were destroyed, of which
        nothing is left to open."""
        call.require(ActionClass.BULK_READ, institution)
        rows = await self._database.read(
            lambda conn: customers.page(conn, institution, after=after, limit=limit)
        )
        closed = call.close_files
        open_ = [row for row in rows if row.customer not in closed] if closed else rows
        found = await self._opener.those_there(CUSTOMERS, open_, views=views)
        return Batch(found, rows[-1].customer if len(rows) == limit else "")

    async def hand_out(
        self, call: Call, page: Trace, also: Callable[[Connection], None] | None = None
    ) -> None:
        """Make the event of a page durable, if the check-out still stands then, and with it what
        `also` writes; the page may leave when this returns. It does not stand any more for an
        export that was gone on with by another call: of several, the last one that began goes
        on."""
        out = call.lent
        if out is None:
            raise CheckOutNotActive
        institution, identifier = out.institution, out.identifier

        def work(conn: Connection) -> None:
            row = check_outs.current(conn, institution, identifier)
            if (
                row is None
                or row.version != out.version
                or not exporting(from_row(row), self._clock.now_micros())
            ):
                raise CheckOutNotActive
            if also is not None:
                also(conn)

        call.committed, call.phase = False, Phase.MESSAGE
        await self._recorder.commit(call, work, lambda _: page)

    async def complete(self, call: Call) -> None:
        """Say that all has left, so that nothing goes on by this check-out any more. Where it does
        not stand by now there is nothing to say."""
        out = call.lent
        if out is None:
            raise CheckOutNotActive
        before = call.trace
        call.committed, call.phase = False, Phase.MESSAGE
        nothing = replace(before, rows=(), resources=(), count=0)
        with suppress(CheckOutNotActive):
            await self._borrowing.use_up(call, out, nothing, exported)
        # The event that closes the stream is still to come.
        call.committed, call.trace = False, before
