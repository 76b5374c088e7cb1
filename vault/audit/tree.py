"""Read the log's tree from its tables: tiles, roots, proofs under a checkpoint.

All of it works on any connection that may read the tables, within or without a transaction: a hash
in a tile never changes, so a tree that grows meanwhile does not matter. Sizes and indexes count
leaves from 0; a leaf's index is its event's position less 1.
"""

from sqlalchemy import Connection

from vault.audit.merkle import consistency_proof, inclusion_proof
from vault.audit.tiles import ReadTile, frontier_from_tiles, node_from_tiles
from vault.store.errors import StoreDamaged
from vault.store.log_tree import CheckpointRow, latest, leaves, tile

__all__ = [
    "CheckpointRow",
    "consistency",
    "inclusion",
    "latest",
    "leaves",
    "root_at",
    "tile",
    "tile_reader",
]


def tile_reader(conn: Connection) -> ReadTile:
    """The bytes of a tile, as wide as there is. The reader raises StoreDamaged where there is
    none."""

    def read(level: int, index: int) -> bytes:
        found = tile(conn, level, index)
        if found is None:
            raise StoreDamaged(f"the log has no tile {level}/{index}")
        return found.data

    return read


def inclusion(conn: Connection, index: int, size: int) -> list[bytes]:
    """The inclusion path of a leaf in the tree of `size` leaves, which must have been integrated.

    Raises ValueError unless 0 <= index < size, StoreDamaged, TileInvalid.
    """
    return inclusion_proof(index, size, node_from_tiles(tile_reader(conn)))


def consistency(conn: Connection, old_size: int, size: int) -> list[bytes]:
    """The proof that the tree of `size` leaves begins with that of `old_size`.

    Raises ValueError unless 0 < old_size <= size, StoreDamaged, TileInvalid.
    """
    return consistency_proof(old_size, size, node_from_tiles(tile_reader(conn)))


def root_at(conn: Connection, size: int) -> bytes:
    """The root that the tree had at a size, told from the tiles. Raises StoreDamaged, TileInvalid
    where the tiles do not reach so far."""
    return frontier_from_tiles(size, tile_reader(conn)).root()
