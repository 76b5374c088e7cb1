"""The right edge: appending in any portions gives the same tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import slow_tree
from tests.support.merkle_trees import some_leaves
from vault.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of_complete


@given(st.lists(st.integers(0, 70), max_size=8))
def test_leaves_appended_in_any_portions_make_the_reference_tree(portions: list[int]) -> None:
    leaves = some_leaves(sum(portions))
    frontier = Frontier.empty()
    for portion in portions:
        added = leaves[frontier.size : frontier.size + portion]
        frontier = frontier.append(map(leaf_hash, added))
    assert frontier.size == len(leaves)
    assert frontier.root() == slow_tree.tree_hash(leaves)


def test_the_frontier_before_is_left_as_it_was() -> None:
    before = Frontier.empty().append([leaf_hash(b"first")])
    before.append([leaf_hash(b"second")])
    assert before == Frontier(1, (leaf_hash(b"first"),))


def test_the_empty_frontier_has_the_root_of_nothing() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT == Frontier(0, ()).root()


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (-1, ()),
        (0, (EMPTY_ROOT,)),
        (1, ()),
        (3, (EMPTY_ROOT,)),
        (4, (EMPTY_ROOT, EMPTY_ROOT)),
        (1, (EMPTY_ROOT[:31],)),
        (1, (b"",)),
    ],
)
def test_hashes_that_do_not_make_the_size_are_refused(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match=r"size|leaves|bytes"):
        Frontier(size, hashes)


def test_a_leaf_cannot_pose_as_a_node() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)


@pytest.mark.parametrize("count", [0, 3, 5, 255])
def test_a_subtree_that_is_not_complete_has_no_root(count: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        root_of_complete([EMPTY_ROOT] * count)
