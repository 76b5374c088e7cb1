"""Hash a run of entry bundles and compare them with their tiles: the work that all cores share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from vault.audit.log_sources import LogSource
from vault.audit.merkle import HASH_BYTES, root_of_complete
from vault.audit.tiles import TILE_WIDTH, Tile, TileInvalid


@dataclass(frozen=True, slots=True)
class Task:
    """Tiles of level 0 from `start` up to `end`, in a tree of `size` leaves."""

    source: LogSource
    size: int
    start: int
    end: int


@dataclass(slots=True)
class Part:
    """What came of a task: a value for each tile, in order, and what disagreed.

    `derived` are the roots of the full tiles by their leaves, `stored` by the tiles themselves;
    None where there was nothing to hash. `edge` are the hashes of the partial tile, both ways.
    """

    start: int
    end: int
    derived: list[bytes | None] = field(default_factory=list)
    stored: list[bytes | None] = field(default_factory=list)
    derived_edge: list[bytes] = field(default_factory=list)
    stored_edge: list[bytes] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    tiles_missing: list[Tile] = field(default_factory=list)
    tiles_misshapen: list[Tile] = field(default_factory=list)
    bundles_missing: list[tuple[int, int]] = field(default_factory=list)
    unreadable: list[tuple[int, int, str]] = field(default_factory=list)
    hashed: int = 0


def verify_part(task: Task) -> Part:
    """Do a task. Raises what reading raises (OSError, StoreError)."""
    part = Part(task.start, task.end)
    for index in range(task.start, task.end):
        _tile(task, part, Tile(0, index, min(TILE_WIDTH, task.size - index * TILE_WIDTH)))
    return part


def hashes_of(data: bytes) -> list[bytes]:
    """The hashes of a tile of the right length."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def _tile(task: Task, part: Part, tile: Tile) -> None:
    data = task.source.tile(tile)
    stored: list[bytes] = []
    if data is None:
        part.tiles_missing.append(tile)
    elif len(data) != tile.width * HASH_BYTES:
        part.tiles_misshapen.append(tile)
    else:
        stored = hashes_of(data)
    derived = _leaf_hashes(task, part, tile)
    if derived is None:
        # Nothing to hash: the tile stands for its leaves.
        derived = list[bytes | None](stored)
    start = tile.index * TILE_WIDTH
    if derived != stored:
        for n, mine in enumerate(derived):
            if mine is None:
                part.missing.append(start + n)
                derived[n] = stored[n] if stored else None
            elif stored and mine != stored[n]:
                part.changed.append(start + n)
    whole = [one for one in derived if one is not None]
    complete = whole if len(whole) == tile.width else []
    if tile.full:
        part.derived.append(root_of_complete(complete) if complete else None)
        if stored == complete:
            part.stored.append(part.derived[-1])
        else:
            part.stored.append(root_of_complete(stored) if stored else None)
    else:
        part.derived_edge = complete or stored
        part.stored_edge = stored


def _leaf_hashes(task: Task, part: Part, tile: Tile) -> list[bytes | None] | None:
    try:
        leaves = task.source.leaves(tile.index, tile.width)
    except TileInvalid as error:
        part.unreadable.append((tile.index, tile.width, str(error)))
        return None
    if leaves is None:
        part.bundles_missing.append((tile.index, tile.width))
        return None
    part.hashed += len(leaves)
    hashes = _hash(leaves)
    if len(leaves) != tile.width:
        why = f"it has {len(leaves)} entries, {tile.width} belong there"
        part.unreadable.append((tile.index, tile.width, why))
        return None
    return hashes


def _hash(leaves: Sequence[bytes | None]) -> list[bytes | None]:
    # Spelled out: this line is the verifier's inner loop.
    return [None if leaf is None else sha256(b"\x00" + leaf).digest() for leaf in leaves]
