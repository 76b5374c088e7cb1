"""The tree against another implementation of RFC 6962: pymerkle.

Its consistency proofs are of a form of their own (they need not begin at the old tree's edge), so
of those only the meaning is compared: each side's proof holds between the other side's roots. The
Go program in tests/interop checks their form.
"""

import pymerkle
import pytest

from tests.support.merkle_trees import nodes_of, some_leaves
from vault.audit.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

SIZE = 70
LEAVES = some_leaves(SIZE)
NODES = nodes_of(LEAVES)
OUR_ROOTS = [Frontier.empty().append(map(leaf_hash, LEAVES[:n])).root() for n in range(SIZE + 1)]


@pytest.fixture(scope="module")
def theirs() -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        tree.append_entry(leaf)
    return tree


def test_pymerkle_has_the_same_root_at_every_size(theirs: pymerkle.InmemoryTree) -> None:
    for size in range(1, SIZE + 1):
        assert theirs.get_root(size) == OUR_ROOTS[size]


def test_pymerkle_makes_the_same_inclusion_proofs(theirs: pymerkle.InmemoryTree) -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            # Theirs counts from one and puts the leaf itself in front.
            leaf, *path = theirs.prove_inclusion(index + 1, size).path
            assert path == inclusion_proof(index, size, NODES)
            verify_inclusion(leaf, index, size, path, theirs.get_root(size))


def test_consistency_holds_between_pymerkles_roots_and_between_ours(
    theirs: pymerkle.InmemoryTree,
) -> None:
    for new in range(1, SIZE + 1):
        for old in range(1, new + 1):
            ours = consistency_proof(old, new, NODES)
            verify_consistency(old, new, theirs.get_root(old), theirs.get_root(new), ours)
            pymerkle.verify_consistency(
                OUR_ROOTS[old],
                OUR_ROOTS[new],
                theirs.prove_consistency(old, new),
                prior_size=old,
                later_size=new,
            )
