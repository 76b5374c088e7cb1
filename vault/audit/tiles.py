"""Tiles and entry bundles (C2SP tlog-tiles): where a hash or a leaf of the log is found.

A tile at level l holds up to 256 hashes of complete subtrees of 256**l leaves; the levels between
are hashed when needed. Tile reading is left to the caller: `ReadTile` answers (level, index) with
the bytes of that tile at its newest width, or raises what it likes. More bytes than a tree of the
asked size needs are fine, as a hash in a tile never changes; fewer are TileInvalid.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from vault.audit.merkle import HASH_BYTES, Frontier, NodeReader, root_of_complete

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 0xFFFF

ReadTile = Callable[[int, int], bytes]

# How many tiles a node reader keeps. A proof in a tree of any size needs fewer.
_KEPT_TILES: Final = 64


class TileInvalid(ValueError):
    """A tile, an entry bundle or a path that cannot be of a log."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Coordinates of a tile: `width` of its 256 hashes are there. Raises TileInvalid."""

    level: int
    index: int
    width: int

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise TileInvalid(f"level {self.level} is not in 0..{MAX_LEVEL}")
        _require_place(self.index, self.width)

    def path(self) -> str:
        """tile/<level>/<index>[.p/<width>]"""
        return f"tile/{self.level}/{_place(self.index, self.width)}"

    @property
    def full(self) -> bool:
        """Whether it will never change any more."""
        return self.width == TILE_WIDTH

    @classmethod
    def parse(cls, path: str) -> Self:
        """The tile of a path; only the one spelling of it. Raises TileInvalid."""
        root, _, rest = path.partition("/")
        level, _, place = rest.partition("/")
        if root != "tile" or not _is_decimal(level) or len(level) > 2:
            raise TileInvalid("not the path of a tile")
        return cls(int(level), *_parse_place(place))


def entries_path(index: int, width: int) -> str:
    """tile/entries/<index>[.p/<width>]. Raises TileInvalid."""
    _require_place(index, width)
    return f"tile/entries/{_place(index, width)}"


def parse_entries_path(path: str) -> tuple[int, int]:
    """(index, width) of an entry bundle's path; only the one spelling. Raises TileInvalid."""
    prefix = "tile/entries/"
    if not path.startswith(prefix):
        raise TileInvalid("not the path of an entry bundle")
    return _parse_place(path.removeprefix(prefix))


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves that a tree of `since` leaves had not, or narrower."""
    for level in range(MAX_LEVEL + 1):
        old, new = since >> (TILE_HEIGHT * level), size >> (TILE_HEIGHT * level)
        if new <= old:
            return
        for index, width in _places(old, new):
            yield Tile(level, index, width)


def bundles_of(size: int, *, since: int = 0) -> Iterator[tuple[int, int]]:
    """(index, width) of every entry bundle that `size` leaves have and `since` had not."""
    return _places(since, size)


def new_tiles(
    old_size: int, leaf_hashes: Sequence[bytes], read_tile: ReadTile
) -> list[tuple[Tile, bytes]]:
    """What a tree of `old_size` leaves needs written for `leaf_hashes` behind it: all new or
    widened tiles of all levels, the lowest level first, each whole.

    Reads at most one tile a level, the right edge. Raises TileInvalid where one is too short, and
    ValueError for a hash that is not of 32 bytes.
    """
    if any(len(one) != HASH_BYTES for one in leaf_hashes):
        raise ValueError(f"a hash has {HASH_BYTES} bytes")
    written: list[tuple[Tile, bytes]] = []
    level, old, added = 0, old_size, list(leaf_hashes)
    while added:
        index, filled = divmod(old, TILE_WIDTH)
        row = _hashes(read_tile(level, index), level, index, filled) if filled else []
        row += added
        added = []
        for start in range(0, len(row), TILE_WIDTH):
            hashes = row[start : start + TILE_WIDTH]
            tile = Tile(level, index + start // TILE_WIDTH, len(hashes))
            written.append((tile, b"".join(hashes)))
            if tile.full:
                added.append(root_of_complete(hashes))
        level, old = level + 1, old >> TILE_HEIGHT
    return written


def node_from_tiles(read_tile: ReadTile) -> NodeReader:
    """Hashes of complete subtrees, out of tiles. It keeps a few tiles, so make one for a proof.

    The reader raises TileInvalid where a tile is too short to hold the node.
    """
    kept: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index, start = divmod(index << height, TILE_WIDTH)
        end = start + (1 << height)
        data = kept.get((tile_level, tile_index), b"")
        # A tile kept from before may have been widened since.
        if len(data) < end * HASH_BYTES:
            data = read_tile(tile_level, tile_index)
            if len(kept) >= _KEPT_TILES:
                kept.clear()
            kept[tile_level, tile_index] = data
        return root_of_complete(_hashes(data, tile_level, tile_index, end)[start:])

    return node


def frontier_from_tiles(size: int, read_tile: ReadTile) -> Frontier:
    """The state of a tree of `size` leaves, from its right edge. Raises TileInvalid."""
    if size < 0:
        raise ValueError("a tree has no negative size")
    node = node_from_tiles(read_tile)
    levels = [level for level in range(size.bit_length()) if size >> level & 1]
    # A subtree of 2**level leaves begins where the larger ones end.
    hashes = [node(level, (size >> level) - 1) for level in reversed(levels)]
    return Frontier(size, tuple(hashes))


def split_tile(data: bytes) -> list[bytes]:
    """The hashes of a tile. Raises TileInvalid unless there are 1 to 256 whole ones."""
    count, rest = divmod(len(data), HASH_BYTES)
    if rest or not 1 <= count <= TILE_WIDTH:
        raise TileInvalid(f"a tile has 1 to {TILE_WIDTH} hashes, not {len(data)} bytes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: 1 to 256 leaves, each behind its length (uint16, big-endian).

    Raises TileInvalid for another number or a leaf of more than 65,535 bytes.
    """
    if not 1 <= len(leaves) <= TILE_WIDTH:
        raise TileInvalid(f"a bundle has 1 to {TILE_WIDTH} entries, not {len(leaves)}")
    if any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves):
        raise TileInvalid(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def decode_bundle(data: bytes) -> list[bytes]:
    """The leaves of an entry bundle. Raises TileInvalid where it is cut or has none or too many."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        # Also where the length itself is cut: `start` is past the end then, and `at` no nearer.
        if at > len(data):
            raise TileInvalid(f"entry {len(leaves)} of the bundle is cut")
        leaves.append(data[start:at])
    if not 1 <= len(leaves) <= TILE_WIDTH:
        raise TileInvalid(f"a bundle has 1 to {TILE_WIDTH} entries, not {len(leaves)}")
    return leaves


def _hashes(data: bytes, level: int, index: int, width: int) -> list[bytes]:
    """The first `width` hashes of a tile."""
    if len(data) < width * HASH_BYTES:
        raise TileInvalid(
            f"tile {index} of level {level} has {len(data)} bytes, {width * HASH_BYTES} are needed"
        )
    return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]


def _places(old: int, new: int) -> Iterator[tuple[int, int]]:
    """(index, width) of the tiles of a row of `new` hashes that `old` hashes had not as wide."""
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH) if new > old else 0):
        yield index, min(TILE_WIDTH, new - index * TILE_WIDTH)


def _require_place(index: int, width: int) -> None:
    if index < 0:
        raise TileInvalid("a tile's index is not negative")
    if not 1 <= width <= TILE_WIDTH:
        raise TileInvalid(f"width {width} is not in 1..{TILE_WIDTH}")


def _place(index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _parse_place(place: str) -> tuple[int, int]:
    path, partial, width = place.partition(".p/")
    digits = path.replace("/", "").replace("x", "")
    # 21 digits hold any 64-bit index.
    if not _is_decimal(digits, padded=True) or len(digits) > 21:
        raise TileInvalid("not the path of a tile")
    if partial and (not _is_decimal(width) or len(width) > 3):
        raise TileInvalid("not the path of a partial tile")
    found = int(digits), int(width) if partial else TILE_WIDTH
    _require_place(*found)
    if _place(*found) != place:
        raise TileInvalid("not the one spelling of a tile's path")
    return found


def _is_decimal(text: str, *, padded: bool = False) -> bool:
    if not text.isascii() or not text.isdigit():
        return False
    return padded or text == "0" or text[0] != "0"
