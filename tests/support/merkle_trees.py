"""Trees to prove things about."""

from collections.abc import Iterator, Sequence

from vault.audit.merkle import NodeReader, leaf_hash, root_of_complete
from vault.audit.tiles import new_tiles


def some_leaves(size: int) -> list[bytes]:
    """Leaves that all differ."""
    return [f"leaf {index}".encode() for index in range(size)]


def nodes_of(leaves: Sequence[bytes]) -> NodeReader:
    """Complete subtrees straight from the leaves."""
    hashes = [leaf_hash(leaf) for leaf in leaves]

    def node(level: int, index: int) -> bytes:
        start, end = index << level, (index + 1) << level
        assert end <= len(hashes), "a subtree was asked for that is not complete"
        return root_of_complete(hashes[start:end])

    return node


def flipped(data: bytes) -> Iterator[bytes]:
    """Every value that differs from `data` in one bit."""
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


class Tiles:
    """A store of tiles as the vault keeps one: of each tile the newest width only."""

    def __init__(self) -> None:
        self.size = 0
        self.data: dict[tuple[int, int], bytes] = {}
        self.reads: list[tuple[int, int]] = []

    def append(self, leaves: Sequence[bytes]) -> None:
        """Integrate leaves."""
        hashes = [leaf_hash(leaf) for leaf in leaves]
        for tile, data in new_tiles(self.size, hashes, self.read):
            assert len(data) == tile.width * 32
            before = self.data.get((tile.level, tile.index), b"")
            assert data.startswith(before) and data != before, "a tile only ever grows"
            self.data[tile.level, tile.index] = data
        self.size += len(leaves)

    def read(self, level: int, index: int) -> bytes:
        """Raises KeyError for a tile that is not there."""
        self.reads.append((level, index))
        return self.data[level, index]
