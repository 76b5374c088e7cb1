"""Who saw a customer's file, or what a principal looked at: entries of the log, each proved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import EventFilter, StoredEvent, tree
from vault.audit.proof_file import format_proof
from vault.audit.reader import read
from vault.services.call import Call
from vault.store import Database

_PAGE = 100


@dataclass(frozen=True, slots=True)
class ReportLine:
    """An entry, and its tlog-proof; empty while no checkpoint covers it yet."""

    event: StoredEvent
    proof: str


class Reporting:
    """The use case of whoever accounts for access."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(self, call: Call, wanted: EventFilter) -> AsyncIterator[list[ReportLine]]:
        """The entries that the filter wants, in order, a page at a time. All proofs lead to one
        checkpoint."""
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        checkpoint = await self._database.read(tree.latest)
        at, more = 0, True
        while more:

            def page(conn: Connection, after: int = at) -> tuple[list[ReportLine], int, bool]:
                found = read(conn, after, _PAGE, wanted)
                lines = [ReportLine(e, _proof(conn, checkpoint, e)) for e in found.events]
                return lines, found.scanned_to, not found.at_end

            lines, at, more = await self._database.read(page)
            if lines:
                call.touched(count=call.trace.count + len(lines))
                yield lines
            await asyncio.sleep(0)


def _proof(conn: Connection, checkpoint: tree.CheckpointRow | None, event: StoredEvent) -> str:
    index = event.position - 1
    if checkpoint is None or index >= checkpoint.size:
        return ""
    return format_proof(index, tree.inclusion(conn, index, checkpoint.size), checkpoint.note)
