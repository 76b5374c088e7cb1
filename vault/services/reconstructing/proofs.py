"""Finds in the log what tells of the rows of a bundle, and proves it under one checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from vault.access import Action
from vault.access.purposes import Purpose
from vault.audit import AuditEvent, Decision, EventFilter, Phase, StoredEvent, decode, tree
from vault.audit.history import History
from vault.audit.merkle import inclusion_proof
from vault.audit.proof_file import format_proof
from vault.audit.tiles import ReadTile, node_from_tiles
from vault.services.errors import Corrupted, NotYetProvable
from vault.services.logged import relative
from vault.store import Database
from vault.store.evidence import BEFORE

MOST_ACCESSES: Final = 200
"""Calls of the transaction that a bundle lists: the newest of them."""
_PAGE: Final = 500
# Of events of writes, each of which may name some hundred rows: at the most.
_WRITES: Final = 8
# So many rows are looked for in an event's bytes before it is read.
_FEW: Final = 64
# The action of the events that name rows a second time.
_RESEALED: Final = Action.KEYS_RESEAL.value
# What shows a transaction, or its scans. What writes others is not read for it.
_SEEN: Final = frozenset(
    {
        Action.TRANSACTIONS_GET.value,
        Action.TRANSACTIONS_LIST.value,
        Action.TRANSACTIONS_SEARCH.value,
        Action.TRANSACTIONS_RECONSTRUCT.value,
        "records.contents.*",
        "masked.transactions.*",
        "masked.contents.*",
    }
)
_LOOKS_SECONDS: Final = 0.1
# Calls for these are nobody's business but of who asks for one of them himself: that there is an
# investigation is not told by the list of who looked (no tipping-off).
CONFIDENTIAL: Final = frozenset(
    {
        Purpose.SUSPICIOUS_ACTIVITY_INVESTIGATION.value,
        Purpose.REGULATOR_REQUEST.value,
        Purpose.JUDICIAL_REQUEST.value,
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """A call that was allowed to see the transaction, or that wrote it; `index` is its leaf's."""

    index: int
    event: AuditEvent


@dataclass(frozen=True, slots=True)
class Told:
    """What the log says: of each row the indexes of the events that name it, in order; the calls
    of the transaction; how many of them were left out."""

    rows: Mapping[str, list[int]]
    accesses: tuple[Access, ...]
    left_out: int
    leaves: Mapping[int, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proved:
    """What was told, as far as the checkpoint covers it, with a tlog-proof for each leaf."""

    told: Told
    checkpoint: bytes
    size: int
    proofs: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RowAsked:
    """A row's hash as it stands, and when it was recorded (microseconds)."""

    hash: bytes
    recorded_at: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which rows, by their names in events, and of which transaction: of none, where only the
    rows are to be proved. `since` is when that was recorded, in microseconds."""

    institution: str
    customer: str
    transaction: str
    rows: Mapping[str, RowAsked]
    since: int = 0
    purpose: str = ""


class Prover:
    """Raises NotYetProvable; Corrupted where a row is not what the log says; StoreError,
    ArchiveUnavailable, ArchiveDamaged. `patience` in seconds bounds the wait for the checkpoint
    that covers what was just written."""

    def __init__(self, database: Database, history: History, patience: float = 5.0) -> None:
        self._database = database
        self._history = history
        self._patience = patience

    async def prove(self, asked: Asked) -> Proved:
        """All of it, under the checkpoint that is the latest when it is asked for."""
        told = await self._told(asked)
        needed = max(index for indexes in told.rows.values() for index in indexes)
        latest = await self._database.read(tree.latest)
        looks = round(self._patience / _LOOKS_SECONDS)
        # Who has looked just now is to be in it, too, if a checkpoint comes to cover that.
        newest = max([needed, *(one.index for one in told.accesses)])
        while (latest is None or latest.size <= newest) and looks > 0:
            await asyncio.sleep(_LOOKS_SECONDS)
            latest, looks = await self._database.read(tree.latest), looks - 1
        if latest is None or latest.size <= needed:
            raise NotYetProvable
        there = latest

        def proofs(conn: Connection) -> dict[int, str]:
            node = node_from_tiles(_held(conn))
            return {
                index: format_proof(index, inclusion_proof(index, there.size, node), there.note)
                for index in sorted(told.leaves)
                if index < there.size
            }

        covered = await self._database.read(proofs)
        kept = tuple(one for one in told.accesses if one.index < there.size)
        left_out = told.left_out + len(told.accesses) - len(kept)
        told = Told(told.rows, kept, left_out, told.leaves)
        return Proved(told, there.note, there.size, covered)

    async def _told(self, asked: Asked) -> Told:
        found = _Found(asked)
        # The write of a row stands right behind the time that the row has: what a customer's books
        # were filled with before and since is not read.
        for name, row in sorted(asked.rows.items(), key=lambda one: one[1].recorded_at):
            if not found.rows[name]:
                await self._write_of(asked, name, row.recorded_at, found)
        for customer, first in _first_of_each(asked.rows).items():
            async for stored in self._events(_filter(asked, customer, {_RESEALED}, first)):
                found.note(stored)
        if not asked.transaction:
            return Told(found.checked(asked), (), 0, found.leaves)
        accesses: list[Access] = []
        left_out = 0
        # Most events of a customer are of his other bookings: what does not have the identifier in
        # its bytes names it nowhere.
        identifier = asked.transaction.rpartition("/")[2].encode()
        async for stored in self._events(_filter(asked, asked.customer, _SEEN, asked.since)):
            if identifier not in stored.leaf:
                continue
            event = decode(stored.leaf)
            if _concerns(event, asked):
                accesses.append(Access(stored.position - 1, event))
                found.leaves[stored.position - 1] = stored.leaf
                if len(accesses) > MOST_ACCESSES:
                    left_out += 1
                    found.drop(accesses.pop(0).index)
        written = found.rows[relative(asked.transaction)][:1]
        stored_by = [Access(index, decode(found.leaves[index])) for index in written]
        rows = found.checked(asked)
        return Told(rows, (*stored_by, *accesses), left_out, found.leaves)

    async def _write_of(self, asked: Asked, name: str, recorded_at: int, found: _Found) -> None:
        wanted, at, more = _filter(asked, _customer_of(name), (), recorded_at), 0, True
        # Mostly it is the first one. Where many rows are asked for, those behind it are of others
        # of them.
        limit = 1 if len(asked.rows) <= _FEW else _WRITES
        while more and not found.rows[name]:
            page = await self._history.read(at, limit, wanted)
            at, more, limit = page.scanned_to, not page.at_end, min(2 * limit, _WRITES)
            for stored in page.events:
                found.note(stored)

    async def _events(self, wanted: EventFilter) -> AsyncIterator[StoredEvent]:
        at, more = 0, True
        while more:
            page = await self._history.read(at, _PAGE, wanted)
            at, more = page.scanned_to, not page.at_end
            for stored in page.events:
                yield stored
            await asyncio.sleep(0)


class _Found:
    """What events say of rows: the indexes of those that name each, and the leaves."""

    def __init__(self, asked: Asked) -> None:
        self.rows: dict[str, list[int]] = {name: [] for name in asked.rows}
        self.leaves: dict[int, bytes] = {}
        self._hashes: dict[tuple[str, int], bytes] = {}
        # The end of each name as JSON has it. An event of a batch names hundreds of rows: to look
        # for a few in its bytes is a fraction of reading it.
        few = self.rows if len(self.rows) <= _FEW else ()
        self._ends = [f'{name.rpartition("/")[2]}"'.encode() for name in few]

    def note(self, stored: StoredEvent) -> None:
        """Take what an event says of the rows; once, however often it is read."""
        if self._ends and not any(end in stored.leaf for end in self._ends):
            return
        index = stored.position - 1
        for row in decode(stored.leaf).rows:
            known = self.rows.get(row.name)
            if known is not None and index not in known:
                known.append(index)
                self._hashes[row.name, index] = row.sha256
                self.leaves[index] = stored.leaf

    def drop(self, index: int) -> None:
        """Let go of the leaf of an event that no row is named by."""
        if not any(index in indexes for indexes in self.rows.values()):
            self.leaves.pop(index, None)

    def checked(self, asked: Asked) -> dict[str, list[int]]:
        """The indexes in order. Raises Corrupted for a row that is not what the last one says."""
        for name, indexes in self.rows.items():
            indexes.sort()
            last = self._hashes[name, indexes[-1]] if indexes else None
            if last != asked.rows[name].hash:
                raise Corrupted(f"institutions/{asked.institution}/{name.partition('@')[0]}")
        return self.rows


def _customer_of(name: str) -> str:
    """The customer of a row by its name in events; not always the one of the bundle, where files
    are merged."""
    return name.split("/", 2)[1].partition("@")[0]


def _first_of_each(rows: Mapping[str, RowAsked]) -> dict[str, int]:
    """Of each customer that rows are of, when the first of his was recorded."""
    found: dict[str, int] = {}
    for name, row in rows.items():
        customer = _customer_of(name)
        found[customer] = min(found.get(customer, row.recorded_at), row.recorded_at)
    return found


def _filter(asked: Asked, customer: str, actions: Collection[str], since: int) -> EventFilter:
    return EventFilter(
        institution=asked.institution,
        customer=customer,
        actions=frozenset(actions),
        from_time=since,
    )


def _concerns(event: AuditEvent, asked: Asked) -> bool:
    """Whether an event is of a call that saw or wrote the transaction, and may be told."""
    if event.decision is not Decision.ALLOWED or event.phase is Phase.CLOSED:
        return False
    if event.purpose in CONFIDENTIAL and asked.purpose not in CONFIDENTIAL:
        return False
    record = relative(asked.transaction)
    named = (event.resource.split("/", 2)[-1], *event.resources, *(r.name for r in event.rows))
    return any(_record(name) == record for name in named)


def _record(name: str) -> str:
    """The record that a name in an event is of: of a version, or of a content, its record."""
    return name.partition("@")[0].partition("/contents/")[0].removesuffix(BEFORE)


def _held(conn: Connection) -> ReadTile:
    """Tiles, each read once: the proofs of a bundle go through the same ones."""
    read = tree.tile_reader(conn)
    held: dict[tuple[int, int], bytes] = {}

    def again(level: int, index: int) -> bytes:
        if (level, index) not in held:
            held[level, index] = read(level, index)
        return held[level, index]

    return again
