"""A file that is being taken in, as its steps see it: each a transaction with an event of its own
that has the hash of every row.

Records keep their identifiers within the file, so that where a step was broken off, what is there
already is known by its name and passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from vault.audit import Phase, RowHash
from vault.bundles.transfer import TransferRow
from vault.records import CustomerName, ScopeRef
from vault.records.index_terms import Term
from vault.services.call import Call, Trace
from vault.services.errors import Aborted
from vault.services.indexing import Index
from vault.services.logged import Logged, logged
from vault.services.transferring import spool
from vault.services.transferring.ground import Entry, Ground
from vault.services.transferring.records import FileRecords
from vault.services.transferring.spool import Store
from vault.store import IndexRow, VersionConflict, transfers
from vault.store.transfers import OriginRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that nobody was refused for: a code, and where it is, by opaque names or paths."""

    reason: str
    where: str


class Taking:
    """One file. ``at`` are institution and customer, ``name`` its name here."""

    def __init__(
        self,
        ground: Ground,
        store: Store,
        call: Call,
        entry: Entry,
        customer: str,
        records: FileRecords,
    ) -> None:
        self.ground, self.store, self.call, self.entry = ground, store, call, entry
        self.at = (entry.institution, customer)
        self.name = CustomerName(*self.at)
        self.records = records
        self.warned: list[Warned] = []

    @property
    def identity(self) -> ScopeRef:
        """The scope of the identity file."""
        return spool.identity(*self.at)

    def terms(self, index: Index, terms: Iterable[Term], record: str) -> list[IndexRow]:
        """The index entries of a record."""
        institution, customer = self.at
        return [
            IndexRow(institution, *entry, customer, record)
            for term in terms
            for entry in index.entries(*term)
        ]

    def origin(self, row: TransferRow, scope: str) -> OriginRow:
        """What the other vault said of a version."""
        return OriginRow(*self.at, row.path, row.version, scope, row.recorded_at, row.recorded_by)

    async def left(self, rows: Sequence[TransferRow]) -> list[TransferRow]:
        """Those that are not there yet."""
        paths = list({row.path for row in rows})
        there = await self.ground.database.read(lambda conn: transfers.there(conn, *self.at, paths))
        return [row for row in rows if (row.path, row.version) not in there]

    async def commit(
        self,
        work: Callable[[Connection], T],
        rows: Sequence[Logged],
        *,
        phase: Phase = Phase.MESSAGE,
    ) -> T:
        """A step with its event. Raises Aborted where somebody else takes the same one."""
        call = self.call
        hashes: tuple[RowHash, ...] = tuple(logged(row) for row in rows)
        trace = Trace(*self.at, resource=str(self.name), rows=hashes, count=len(hashes))

        def once(conn: Connection) -> T:
            try:
                return work(conn)
            except VersionConflict:
                raise Aborted(str(self.name)) from None

        call.committed, call.phase = False, phase
        return await self.ground.recorder.commit(call, once, lambda _: trace, weight=len(rows))
