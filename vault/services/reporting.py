"""Who saw a customer's file, or what a principal looked at: entries of the log, each proved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import EventFilter, StoredEvent, tree
from vault.audit.history import History
from vault.audit.proof_file import format_proof
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

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    async def lines(self, call: Call, wanted: EventFilter) -> AsyncIterator[list[ReportLine]]:
        """The entries that the filter wants, in order, a page at a time. All proofs lead to one
        checkpoint."""
        call.require(ActionClass.AUDIT_READ, wanted.institution)
        checkpoint = await self._database.read(tree.latest)
        at, more = 0, True
        while more:
            found = await self._history.read(at, _PAGE, wanted)
            at, more = found.scanned_to, not found.at_end
            if found.events:
                lines = await self._database.read(partial(_proved, checkpoint, found.events))
                call.touched(count=call.trace.count + len(lines))
                yield lines
            await asyncio.sleep(0)


def _proved(
    checkpoint: tree.CheckpointRow | None, events: Sequence[StoredEvent], conn: Connection
) -> list[ReportLine]:
    return [ReportLine(event, _proof(conn, checkpoint, event)) for event in events]


def _proof(conn: Connection, checkpoint: tree.CheckpointRow | None, event: StoredEvent) -> str:
    index = event.position - 1
    if checkpoint is None or index >= checkpoint.size:
        return ""
    return format_proof(index, tree.inclusion(conn, index, checkpoint.size), checkpoint.note)
