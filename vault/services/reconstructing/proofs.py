"""Finds in the log what tells of the rows of a bundle, and proves it under one checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from vault.access.purposes import Purpose
from vault.audit import AuditEvent, Decision, EventFilter, Phase, decode, tree
from vault.audit.history import History
from vault.audit.merkle import inclusion_proof
from vault.audit.proof_file import format_proof
from vault.audit.tiles import ReadTile, node_from_tiles
from vault.services.errors import Corrupted, NotYetProvable
from vault.store import Database
from vault.store.evidence import BEFORE

MOST_ACCESSES: Final = 200
"""Calls of the transaction that a bundle lists: the newest of them."""
_PAGE: Final = 500
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
class Asked:
    """Of which rows, by their names in events with their hashes, and of which transaction. `since`
    is when the first of the rows was recorded, in microseconds."""

    institution: str
    customer: str
    transaction: str
    rows: Mapping[str, bytes]
    since: int
    purpose: str


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
        while (latest is None or latest.size <= needed) and looks > 0:
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
        told = Told(told.rows, kept, told.left_out, told.leaves)
        return Proved(told, there.note, there.size, covered)

    async def _told(self, asked: Asked) -> Told:
        rows: dict[str, list[int]] = {name: [] for name in asked.rows}
        stands: dict[str, bytes] = {}
        accesses: list[Access] = []
        leaves: dict[int, bytes] = {}
        left_out = 0
        wanted = EventFilter(
            institution=asked.institution, customer=asked.customer, from_time=asked.since
        )
        at, more = 0, True
        while more:
            page = await self._history.read(at, _PAGE, wanted)
            at, more = page.scanned_to, not page.at_end
            for stored in page.events:
                index, event = stored.position - 1, decode(stored.leaf)
                of_rows = [row for row in event.rows if row.name in rows]
                for row in of_rows:
                    rows[row.name].append(index)
                    stands[row.name] = row.sha256
                seen = _concerns(event, asked)
                if seen:
                    accesses.append(Access(index, event))
                if of_rows or seen:
                    leaves[index] = stored.leaf
                if len(accesses) > MOST_ACCESSES:
                    left_out += 1
                    _drop(accesses, leaves, rows)
            await asyncio.sleep(0)
        for name, digest in asked.rows.items():
            if stands.get(name) != digest:
                raise Corrupted(f"institutions/{asked.institution}/{name.partition('@')[0]}")
        return Told(rows, tuple(accesses), left_out, leaves)


def _concerns(event: AuditEvent, asked: Asked) -> bool:
    """Whether an event is of a call that saw or wrote the transaction, and may be told."""
    if event.decision is not Decision.ALLOWED or event.phase is Phase.CLOSED:
        return False
    if not event.action.startswith(("records.", "masked.")):
        return False
    if event.purpose in CONFIDENTIAL and asked.purpose not in CONFIDENTIAL:
        return False
    relative = asked.transaction.split("/", 2)[2]
    named = (event.resource.split("/", 2)[-1], *event.resources, *(r.name for r in event.rows))
    return any(_record(name) == relative for name in named)


def _record(name: str) -> str:
    """The record that a name in an event is of: of a version, or of a content, its record."""
    return name.partition("@")[0].partition("/contents/")[0].removesuffix(BEFORE)


def _drop(accesses: list[Access], leaves: dict[int, bytes], rows: Mapping[str, list[int]]) -> None:
    oldest = accesses.pop(0)
    if not any(oldest.index in indexes for indexes in rows.values()):
        leaves.pop(oldest.index, None)


def _held(conn: Connection) -> ReadTile:
    """Tiles, each read once: the proofs of a bundle go through the same ones."""
    read = tree.tile_reader(conn)
    held: dict[tuple[int, int], bytes] = {}

    def again(level: int, index: int) -> bytes:
        if (level, index) not in held:
            held[level, index] = read(level, index)
        return held[level, index]

    return again
