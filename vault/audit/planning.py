"""What the sequencer is going to write: leaves read and checked, tiles and root made. No writes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from vault.audit.chain import GENESIS
from vault.audit.chain import extend as extend_chain
from vault.audit.merkle import Frontier, leaf_hash
from vault.audit.tiles import TileInvalid, frontier_from_tiles, new_tiles
from vault.audit.tree import tile_reader
from vault.store.errors import StoreDamaged
from vault.store.log_tree import CheckpointRow, TileRow, chain_at, leaves

# Leaves read and hashed in one go: bounds memory (a leaf has up to 64 KiB), and how long the
# interpreter is kept from calls that are being served.
_PORTION: Final = 64


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree that is or will be signed: its right edge, and the log's chain value at its end."""

    frontier: Frontier
    chain: bytes
    root: bytes

    @property
    def size(self) -> int:
        """Leaves."""
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Plan:
    """From one tree to the next."""

    before: Tree
    after: Tree
    tiles: tuple[TileRow, ...]


def load_tree(conn: Connection, latest: CheckpointRow | None, known: Tree | None) -> Tree:
    """The tree of the latest checkpoint, rebuilt from its tiles; the empty one without it.

    `known` is one that it must have grown from. Raises StoreDamaged where tiles and checkpoints do
    not agree, or where the log's chain has no value there.
    """
    if latest is None:
        frontier = Frontier.empty()
        return Tree(frontier, GENESIS, frontier.root())
    read = tile_reader(conn)
    try:
        frontier = frontier_from_tiles(latest.size, read)
        if frontier.root() != latest.root:
            raise StoreDamaged(f"the tiles do not lead to the checkpoint of size {latest.size}")
        if known is not None and frontier_from_tiles(known.size, read).root() != known.root:
            raise StoreDamaged(f"the tree no longer begins with the {known.size} leaves signed")
    except TileInvalid as error:
        raise StoreDamaged(f"the log's tiles are damaged: {error}") from error
    value = chain_at(conn, latest.size)
    if value is None:
        raise StoreDamaged(f"the log has no event at position {latest.size}")
    return Tree(frontier, value, latest.root)


def make_plan(conn: Connection, before: Tree, count: int) -> Plan:
    """Take in `count` leaves behind `before`. Raises StoreDamaged at a gap in the log, or where a
    leaf does not continue the log's chain."""
    hashes: list[bytes] = []
    value = before.chain
    for portion, last in _portions(conn, before.size, count):
        for leaf in portion:
            hashes.append(leaf_hash(leaf))
            value = extend_chain(value, leaf)
        if value != last:
            end = before.size + len(hashes)
            start = end - len(portion) + 1
            raise StoreDamaged(f"the log's chain does not hold in positions {start} to {end}")
        # Lets a call that waits for the interpreter have it.
        time.sleep(0)
    try:
        tiles = new_tiles(before.size, hashes, tile_reader(conn))
    except TileInvalid as error:
        raise StoreDamaged(f"the log's tiles are damaged: {error}") from error
    frontier = before.frontier.append(hashes)
    after = Tree(frontier, value, frontier.root())
    return Plan(
        before,
        after,
        tuple(TileRow(tile.level, tile.index, tile.width, data) for tile, data in tiles),
    )


def _portions(conn: Connection, size: int, count: int) -> Iterator[tuple[list[bytes], bytes]]:
    """Leaves in order, a portion at a time, each with the chain's stored value at its end."""
    for start in range(size, size + count, _PORTION):
        wanted = min(_PORTION, size + count - start)
        rows = leaves(conn, start, wanted)
        if len(rows) != wanted:
            raise StoreDamaged(f"the log has no event at position {start + len(rows) + 1}")
        yield [leaf for leaf, _ in rows], rows[-1][1]
