"""Tiles and bundles: where things stand, what is in them, and the tree rebuilt from them alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import slow_tree
from tests.support.merkle_trees import Tiles, flipped, nodes_of, some_leaves
from vault.audit.merkle import (
    Frontier,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of_complete,
    verify_consistency,
    verify_inclusion,
)
from vault.audit.tiles import (
    MAX_ENTRY_BYTES,
    Tile,
    TileInvalid,
    bundles_of,
    decode_bundle,
    encode_bundle,
    entries_path,
    frontier_from_tiles,
    new_tiles,
    node_from_tiles,
    parse_entries_path,
    split_tile,
    tiles_of,
)


def test_paths_are_those_of_the_specification() -> None:
    """C2SP tlog-tiles: index 1234067 is x001/x234/067; a width only where it is partial."""
    assert Tile(0, 1234067, 256).path() == "tile/0/x001/x234/067"
    assert Tile(0, 1234067, 8).path() == "tile/0/x001/x234/067.p/8"
    assert Tile(63, 0, 1).path() == "tile/63/000.p/1"
    assert entries_path(1000, 256) == "tile/entries/x001/000"
    assert entries_path(273, 112) == "tile/entries/273.p/112"


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    """The example of C2SP tlog-tiles, "Partial Tiles"."""
    tiles = list(tiles_of(70_000))
    at = [[tile for tile in tiles if tile.level == level] for level in range(4)]
    assert [tile.index for tile in at[0] if tile.full] == list(range(273))
    assert at[0][273:] == [Tile(0, 273, 112)]
    assert at[1] == [Tile(1, 0, 256), Tile(1, 1, 17)]
    assert at[2] == [Tile(2, 0, 1)]
    assert at[3] == []
    assert list(tiles_of(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(
    st.integers(0, 63),
    st.one_of(st.integers(0, 3000), st.integers(0, 2**63)),
    st.integers(1, 256),
)
def test_every_path_reads_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path()) == tile
    assert parse_entries_path(entries_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1234",
        "tile/0/x000/001",
        "tile/0/x001/x234",
        "tile/0/001/067",
        "tile/0/x001/67",
        "tile/0/X001/067",
        "tile/0/001/",
        "tile/0//001",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001.p/-1",
        "tile/0/001.p/1/",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/+1/001",
        "tile/x/001",
        "tile/\u0661/001",
        "tile/0/\u0660\u0660\u0661",
        "tile/0/-01",
        "tile/0/../001",
        "tile/0/001\n",
        "/tile/0/001",
        "tiles/0/001",
        "tile/8/0/001",
        "tile/0/" + "x999/" * 7 + "999",
        "tile/0/" + "x999/" * 3000 + "999",
    ],
)
def test_a_path_with_another_spelling_is_refused(path: str) -> None:
    with pytest.raises(TileInvalid):
        Tile.parse(path)
    with pytest.raises(TileInvalid):
        parse_entries_path(path.replace("tile/0/", "tile/entries/", 1))


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (0, 0, -1)],
)
def test_a_place_that_cannot_be_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(TileInvalid):
        Tile(level, index, width)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_tiles_written_in_any_portions_are_the_tiles_of_the_tree(portions: list[int]) -> None:
    leaves = some_leaves(sum(portions))
    tiles = Tiles()
    for portion in portions:
        before, had = tiles.size, dict(tiles.data)
        tiles.append(leaves[tiles.size : tiles.size + portion])
        written = {key for key, data in tiles.data.items() if had.get(key) != data}
        assert written == {(one.level, one.index) for one in tiles_of(tiles.size, since=before)}
        assert {(one.level, one.index, one.width) for one in tiles_of(tiles.size)} == {
            (level, index, len(data) // 32) for (level, index), data in tiles.data.items()
        }
        frontier = frontier_from_tiles(tiles.size, tiles.read)
        assert frontier == Frontier.empty().append(map(leaf_hash, leaves[: tiles.size]))
    for (level, index), data in tiles.data.items():
        width = 256**level
        for at, found in enumerate(split_tile(data)):
            start = (index * 256 + at) * width
            assert found == slow_tree.tree_hash(leaves[start : start + width])


def test_a_tree_of_three_levels_is_rebuilt_from_its_right_edge() -> None:
    size = 65_536 + 256 + 3
    tiles = Tiles()
    tiles.append(some_leaves(size))
    tiles.reads.clear()
    frontier = frontier_from_tiles(size, tiles.read)
    assert sorted(set(tiles.reads)) == [(0, 257), (1, 1), (2, 0)]
    assert frontier.root() == Frontier.empty().append(map(leaf_hash, some_leaves(size))).root()


def test_appending_reads_the_right_edge_only() -> None:
    tiles = Tiles()
    tiles.append(some_leaves(70_000))
    tiles.reads.clear()
    tiles.append(some_leaves(1))
    assert tiles.reads == [(0, 273)]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_proofs_out_of_tiles_are_those_out_of_leaves(data: st.DataObject) -> None:
    """Of older trees too: the right edge has grown since, and holds more than is needed."""
    size = data.draw(st.integers(1, LARGE.size), label="size")
    index = data.draw(st.integers(0, size - 1), label="index")
    old = data.draw(st.integers(1, size), label="old size")
    nodes = node_from_tiles(LARGE.read)
    root = frontier_from_tiles(size, LARGE.read).root()
    path = inclusion_proof(index, size, nodes)
    assert path == inclusion_proof(index, size, LARGE_NODES)
    verify_inclusion(leaf_hash(LARGE_LEAVES[index]), index, size, path, root)
    proof = consistency_proof(old, size, nodes)
    assert proof == consistency_proof(old, size, LARGE_NODES)
    verify_consistency(old, size, frontier_from_tiles(old, LARGE.read).root(), root, proof)


LARGE_LEAVES = some_leaves(1500)
LARGE_NODES = nodes_of(LARGE_LEAVES)
LARGE = Tiles()
LARGE.append(LARGE_LEAVES)


def test_a_reader_of_nodes_reads_a_tile_once_and_again_only_when_it_was_widened() -> None:
    tiles = Tiles()
    tiles.append(some_leaves(10))
    nodes = node_from_tiles(tiles.read)
    nodes(0, 1)
    nodes(2, 1)
    tiles.append(some_leaves(20))
    nodes(3, 0)
    assert tiles.reads.count((0, 0)) == 2  # once of these by the append
    assert nodes(4, 0) == root_of_complete(split_tile(tiles.data[0, 0])[:16])
    assert tiles.reads.count((0, 0)) == 3


def test_a_reader_of_nodes_keeps_few_tiles() -> None:
    held: list[bytes] = []

    def read(level: int, index: int) -> bytes:
        held.append(bytes(8192))
        return held[-1]

    nodes = node_from_tiles(read)
    for index in range(1000):
        nodes(0, index * 256)
    nodes(0, 999 * 256 + 1)
    assert len(held) == 1000
    nodes(0, 0)
    assert len(held) == 1001


@pytest.mark.parametrize("cut", [0, 1, 31, 32, 300])
def test_a_tile_that_is_too_short_is_an_error_and_not_another_tree(cut: int) -> None:
    tiles = Tiles()
    tiles.append(some_leaves(10))
    tiles.data[0, 0] = tiles.data[0, 0][:cut]
    with pytest.raises(TileInvalid, match="needed"):
        frontier_from_tiles(10, tiles.read)
    with pytest.raises(TileInvalid, match="needed"):
        node_from_tiles(tiles.read)(0, 9)
    with pytest.raises(TileInvalid, match="needed"):
        new_tiles(10, [leaf_hash(b"")], tiles.read)


def test_what_the_reader_raises_comes_through() -> None:
    with pytest.raises(KeyError):
        frontier_from_tiles(3, Tiles().read)


def test_every_bit_of_a_partial_tile_counts() -> None:
    tiles = Tiles()
    tiles.append(some_leaves(21))
    root, data = frontier_from_tiles(21, tiles.read).root(), tiles.data[0, 0]
    for wrong in flipped(data):
        tiles.data[0, 0] = wrong
        assert frontier_from_tiles(21, tiles.read).root() != root


def test_every_byte_of_a_full_tile_is_vouched_for_by_its_parent() -> None:
    tiles = Tiles()
    tiles.append(some_leaves(256))
    full = tiles.data[0, 0]
    for at in range(len(full)):
        wrong = full[:at] + bytes([full[at] ^ 1 << at % 8]) + full[at + 1 :]
        assert root_of_complete(split_tile(wrong)) != tiles.data[1, 0]


def test_a_damaged_tile_makes_no_proof_that_holds() -> None:
    tiles = Tiles()
    tiles.append(some_leaves(300))
    root = frontier_from_tiles(300, tiles.read).root()
    damaged = bytearray(tiles.data[0, 0])
    damaged[77] ^= 4
    tiles.data[0, 0] = bytes(damaged)
    proof = inclusion_proof(3, 300, node_from_tiles(tiles.read))
    with pytest.raises(ProofInvalid):
        verify_inclusion(leaf_hash(b"leaf 3"), 3, 300, proof, root)


def test_hashes_of_another_length_are_not_written() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        new_tiles(0, [leaf_hash(b""), b"short"], Tiles().read)


def test_nothing_appended_writes_nothing() -> None:
    assert new_tiles(7, [], Tiles().read) == []


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), bytes(257 * 32)])
def test_a_tile_of_an_impossible_length_is_refused(data: bytes) -> None:
    with pytest.raises(TileInvalid):
        split_tile(data)


def test_bundles_of_a_tree_and_of_its_growth() -> None:
    assert list(bundles_of(0)) == []
    assert list(bundles_of(600)) == [(0, 256), (1, 256), (2, 88)]
    assert list(bundles_of(600, since=512)) == [(2, 88)]
    assert list(bundles_of(600, since=511)) == [(1, 256), (2, 88)]
    assert list(bundles_of(600, since=600)) == []
    assert list(tiles_of(600, since=600)) == []


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_reads_back(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves)) == leaves


def test_a_bundle_is_lengths_and_leaves() -> None:
    assert encode_bundle([b"", b"a", b"bc" * 200]) == b"\0\0\0\1a\1\x90" + b"bc" * 200
    longest = bytes(MAX_ENTRY_BYTES)
    assert decode_bundle(encode_bundle([longest])) == [longest]


def test_a_bundle_cut_anywhere_is_refused_or_has_fewer_leaves() -> None:
    leaves = [b"first", b"", b"third"]
    data = encode_bundle(leaves)
    whole = {7: 1, 9: 2, 16: 3}
    for end in range(len(data) + 1):
        if end in whole:
            assert decode_bundle(data[:end]) == leaves[: whole[end]]
        else:
            with pytest.raises(TileInvalid):
                decode_bundle(data[:end])


def test_a_bundle_that_cannot_be_is_refused() -> None:
    with pytest.raises(TileInvalid, match="65535"):
        encode_bundle([bytes(MAX_ENTRY_BYTES + 1)])
    for count in (0, 257):
        with pytest.raises(TileInvalid, match="256"):
            encode_bundle([b""] * count)
        with pytest.raises(TileInvalid, match="256"):
            decode_bundle(b"\0\0" * count)
