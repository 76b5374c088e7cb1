"""Put the parts together under the signed root, and tell from a disagreement what was changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import LogSource
from vault.audit.merkle import HASH_BYTES, Frontier, root_of_complete
from vault.audit.tiles import (
    MAX_LEVEL,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    entries_path,
)
from vault.audit.verify_parts import Part, hashes_of


class Tree:
    """Both trees, that of the leaves and that of the tiles, a level of tiles at a time.

    `roots[l][j]` is the root of tile j of level l by what stands below it, `kept[l][j]` by the tile
    itself, `slots[l][j]` what stands for it in level l + 1; only full tiles.
    """

    def __init__(self, size: int, root: bytes) -> None:
        self.size = size
        self.root = root
        self.parts: list[Part] = []
        self.roots: list[list[bytes | None]] = [[]]
        self.kept: list[list[bytes | None]] = [[]]
        self.slots: list[list[bytes | None]] = []
        self.derived_edges: list[list[bytes]] = [[]]
        self.stored_edges: list[list[bytes]] = [[]]
        self.misshapen: list[Tile] = []
        self.missing: list[Tile] = []
        self._source: LogSource | None = None

    @property
    def hashed(self) -> int:
        """How many leaves were hashed."""
        return sum(part.hashed for part in self.parts)

    @property
    def withheld(self) -> int:
        """How many leaves are in bundles that are not there."""
        return sum(width for part in self.parts for _, width in part.bundles_missing)

    def lacking(self) -> list[str]:
        """Paths of the bundles that are not there."""
        return [entries_path(*place) for part in self.parts for place in part.bundles_missing]

    def add(self, part: Part) -> None:
        """Take the next part, in order."""
        self.parts.append(part)
        self.roots[0] += part.derived
        self.kept[0] += part.stored
        self.missing += part.tiles_missing
        self.misshapen += part.tiles_misshapen
        if part.derived_edge or part.stored_edge:
            self.derived_edges[0] = part.derived_edge
            self.stored_edges[0] = part.stored_edge
        # What is merged is not kept twice.
        part.derived, part.stored = [], []

    def read_tiles(self, source: LogSource) -> None:
        """Read the tiles above level 0 and hash them."""
        self._source = source
        for level in range(1, MAX_LEVEL + 1):
            count = self.size >> (TILE_HEIGHT * level)
            if count == 0:
                return
            below = self.roots[level - 1]
            slots: list[bytes | None] = []
            for index in range(-(-count // TILE_WIDTH)):
                tile = Tile(level, index, min(TILE_WIDTH, count - index * TILE_WIDTH))
                slots += self._slots(source, tile)
            self.slots.append(slots)
            known = [mine or slot for mine, slot in zip(below, slots, strict=True)]
            full = count - count % TILE_WIDTH
            self.roots.append([_root(known[n : n + TILE_WIDTH]) for n in _starts(full)])
            self.kept.append([_root(slots[n : n + TILE_WIDTH]) for n in _starts(full)])
            self.derived_edges.append(_whole(known[full:]))
            self.stored_edges.append(_whole(slots[full:]))

    def _slots(self, source: LogSource, tile: Tile) -> list[bytes | None]:
        data = source.tile(tile)
        if data is None or len(data) != tile.width * HASH_BYTES:
            (self.missing if data is None else self.misshapen).append(tile)
            return [None] * tile.width
        return list(hashes_of(data))

    def read_tile(self, level: int, index: int) -> bytes:
        """As `vault.audit.tiles.ReadTile`, of this tree's width. Raises KeyError."""
        width = min(TILE_WIDTH, (self.size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
        found = self._source.tile(Tile(level, index, width)) if self._source else None
        if found is None:
            raise KeyError(level)
        return found

    def root_by(self, edges: Sequence[Sequence[bytes]]) -> bytes | None:
        """The root that the right edges lead to; None where they have gaps."""
        try:
            return Frontier(self.size, self.frontier(edges)).root()
        except ValueError:
            return None

    @staticmethod
    def frontier(edges: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
        """The complete subtrees that the hashes of each level's partial tile fall into."""
        found: list[bytes] = []
        for edge in reversed(edges):
            at = 0
            for bit in reversed(range(len(edge).bit_length())):
                if len(edge) >> bit & 1:
                    found.append(root_of_complete(edge[at : at + (1 << bit)]))
                    at += 1 << bit
        return tuple(found)


def explain(
    tree: Tree, *, may_lack_entries: bool, withheld: Collection[str] = ()
) -> Iterator[Finding]:
    """Every fault of the tree, from the top. No fault is a bundle that is not there where that is
    allowed, or where its path is in `withheld`."""
    by_leaves = tree.root_by(tree.derived_edges)
    by_tiles = tree.root_by(tree.stored_edges)
    if tree.root not in (by_leaves, by_tiles):
        yield Finding(Kind.ROOT_DIFFERS, "checkpoint", last=tree.size)
    for tile in tree.missing:
        yield Finding(Kind.TILE_MISSING, tile.path())
    for tile in tree.misshapen:
        yield Finding(Kind.TILE_CHANGED, tile.path(), detail="length")
    for part in tree.parts:
        for index, width, why in part.unreadable:
            yield Finding(Kind.BUNDLE_UNREADABLE, entries_path(index, width), detail=why)
        for index, width in part.bundles_missing if not may_lack_entries else ():
            start, path = index * TILE_WIDTH, entries_path(index, width)
            if path not in withheld:
                yield Finding(Kind.BUNDLE_MISSING, path, start, start + width - 1)
        yield from _ranges(Kind.LEAF_MISSING, part.missing)
    if by_leaves == tree.root:
        # The leaves lead to the root: whatever disagrees with them is wrong.
        yield from _tiles_against_leaves(tree)
    else:
        yield from _from_the_top(tree)


def _tiles_against_leaves(tree: Tree) -> Iterator[Finding]:
    for part in tree.parts:
        for index in part.changed:
            tile, slot = divmod(index, TILE_WIDTH)
            yield _tile_changed(tree, 0, tile, slot)
    for level, slots in enumerate(tree.slots, 1):
        for j, (slot_hash, root) in enumerate(zip(slots, tree.roots[level - 1], strict=True)):
            if slot_hash is not None and root is not None and slot_hash != root:
                tile, slot = divmod(j, TILE_WIDTH)
                yield _tile_changed(tree, level, tile, slot)


def _from_the_top(tree: Tree) -> Iterator[Finding]:
    """A tile is trusted if the trusted one above it has its root; what is in it is then genuine."""
    distrusted: set[int] = set()
    for level in range(len(tree.slots), 0, -1):
        below: set[int] = set()
        for j, (slot_hash, kept) in enumerate(
            zip(tree.slots[level - 1], tree.kept[level - 1], strict=True)
        ):
            if j // TILE_WIDTH in distrusted:
                below.add(j)
            elif kept is not None and slot_hash is not None and kept != slot_hash:
                below.add(j)
                yield _tile_changed(tree, level - 1, j, -1)
        distrusted = below
    for part in tree.parts:
        yield from _ranges(
            Kind.LEAF_CHANGED,
            (
                index
                for index in part.changed
                if index // TILE_WIDTH not in distrusted
                or not _leaves_hold(tree, index // TILE_WIDTH)
            ),
        )


def _leaves_hold(tree: Tree, tile: int) -> bool:
    """Whether the leaves under a tile lead to what stands for it above."""
    if tile >= len(tree.roots[0]) or not tree.slots:
        return False
    return tree.roots[0][tile] == tree.slots[0][tile]


def _tile_changed(tree: Tree, level: int, index: int, slot: int) -> Finding:
    width = min(TILE_WIDTH, (tree.size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
    return Finding(Kind.TILE_CHANGED, Tile(level, index, width).path(), slot, slot)


def _ranges(kind: Kind, indexes: Iterable[int]) -> Iterator[Finding]:
    """One finding for each run of indexes."""
    first = last = -1
    for index in indexes:
        if first >= 0 and index == last + 1:
            last = index
            continue
        if first >= 0:
            yield _leaf(kind, first, last)
        first = last = index
    if first >= 0:
        yield _leaf(kind, first, last)


def _leaf(kind: Kind, first: int, last: int) -> Finding:
    return Finding(kind, "", first, last)


def _starts(full: int) -> range:
    return range(0, full, TILE_WIDTH)


def _whole(hashes: Sequence[bytes | None]) -> list[bytes]:
    """The hashes, or none of them where one is missing."""
    found = [one for one in hashes if one is not None]
    return found if len(found) == len(hashes) else []


def _root(hashes: Sequence[bytes | None]) -> bytes | None:
    found = _whole(hashes)
    return root_of_complete(found) if found else None
