"""Proofs against a slow reference, and all that must not pass for one."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import slow_tree
from tests.support.merkle_trees import flipped, nodes_of, some_leaves
from vault.audit.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    proofs,
    verify_consistency,
    verify_inclusion,
)

SMALL = 33
LEAVES = some_leaves(SMALL)
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [slow_tree.tree_hash(LEAVES[:size]) for size in range(SMALL + 1)]
PLACES = [(index, size) for size in range(1, SMALL + 1) for index in range(size)]
STEPS = [(old, new) for new in range(1, SMALL + 1) for old in range(1, new + 1)]
SOME_HASH = leaf_hash(b"of no tree here")


def inclusion(index: int, size: int) -> list[bytes]:
    return inclusion_proof(index, size, nodes_of(LEAVES[:size]))


def consistency(old: int, new: int) -> list[bytes]:
    return consistency_proof(old, new, nodes_of(LEAVES[:new]))


def holds(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(leaf, index, size, proof, root)
    except ProofInvalid:
        return False
    return True


def continues(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    try:
        verify_consistency(old, new, old_root, new_root, proof)
    except ProofInvalid:
        return False
    return True


def test_every_inclusion_proof_of_small_trees_is_that_of_the_reference_and_holds() -> None:
    for index, size in PLACES:
        proof = inclusion(index, size)
        assert proof == slow_tree.path(index, LEAVES[:size])
        verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_of_small_trees_is_that_of_the_reference_and_holds() -> None:
    for old, new in STEPS:
        proof = consistency(old, new)
        assert proof == slow_tree.proof(old, LEAVES[:new])
        verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_trees_of_up_to_2000_leaves_agree_with_the_reference(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 2000), label="size")
    index = data.draw(st.integers(0, new - 1), label="index")
    old = data.draw(st.integers(1, new), label="old size")
    leaves = some_leaves(new)
    root = slow_tree.tree_hash(leaves)
    assert Frontier.empty().append(map(leaf_hash, leaves)).root() == root

    path = inclusion_proof(index, new, nodes_of(leaves))
    assert path == slow_tree.path(index, leaves)
    verify_inclusion(leaf_hash(leaves[index]), index, new, path, root)

    proof = consistency_proof(old, new, nodes_of(leaves))
    assert proof == slow_tree.proof(old, leaves)
    verify_consistency(old, new, slow_tree.tree_hash(leaves[:old]), root, proof)


def test_a_proof_holds_for_no_other_index_and_no_other_leaf() -> None:
    for index, size in PLACES:
        proof = inclusion(index, size)
        for other in range(size):
            assert holds(other, size, HASHES[index], proof, ROOTS[size]) == (other == index)
            assert holds(index, size, HASHES[other], proof, ROOTS[size]) == (other == index)


def test_a_proof_against_a_wrong_size_holds_only_where_the_way_up_is_the_same() -> None:
    """A root does not tell its size: that is why a checkpoint signs both."""
    assert holds(2, 3, HASHES[1], inclusion(1, 2), ROOTS[2])
    for index, size in PLACES[:200]:
        proof = inclusion(index, size)
        for other, other_size in PLACES[:200]:
            same_way = slow_shape(other, other_size) == slow_shape(index, size)
            assert holds(other, other_size, HASHES[index], proof, ROOTS[size]) == same_way


def slow_shape(index: int, size: int) -> list[bool]:
    """Whether the siblings on the way up from a leaf stand to its right, lowest first."""
    if size == 1:
        return []
    k = slow_tree.largest_power_below(size)
    if index < k:
        return [*slow_shape(index, k), True]
    return [*slow_shape(index - k, size - k), False]


@pytest.mark.parametrize("size", range(1, 17))
def test_an_inclusion_proof_with_any_one_bit_flipped_is_refused(size: int) -> None:
    root = ROOTS[size]
    for index in range(size):
        proof = inclusion(index, size)
        for at, one in enumerate(proof):
            for wrong in flipped(one):
                changed = [*proof[:at], wrong, *proof[at + 1 :]]
                assert not holds(index, size, HASHES[index], changed, root)
        for wrong in flipped(HASHES[index]):
            assert not holds(index, size, wrong, proof, root)
        for wrong in flipped(root):
            assert not holds(index, size, HASHES[index], proof, wrong)


@pytest.mark.parametrize("new", range(1, 17))
def test_a_consistency_proof_with_any_one_bit_flipped_is_refused(new: int) -> None:
    for old in range(1, new + 1):
        proof = consistency(old, new)
        for at, one in enumerate(proof):
            for wrong in flipped(one):
                changed = [*proof[:at], wrong, *proof[at + 1 :]]
                assert not continues(old, new, ROOTS[old], ROOTS[new], changed)
        for wrong in flipped(ROOTS[old]):
            assert not continues(old, new, wrong, ROOTS[new], proof)
        for wrong in flipped(ROOTS[new]):
            assert not continues(old, new, ROOTS[old], wrong, proof)


@pytest.mark.parametrize("extra", [SOME_HASH, b"", ROOTS[SMALL]])
def test_a_proof_with_a_hash_more_or_less_is_refused(extra: bytes) -> None:
    for index, size in PLACES:
        proof, leaf, root = inclusion(index, size), HASHES[index], ROOTS[size]
        for changed in ([*proof, extra], [extra, *proof]):
            assert not holds(index, size, leaf, changed, root)
        for at in range(len(proof)):
            assert not holds(index, size, leaf, proof[:at] + proof[at + 1 :], root)
    for old, new in STEPS:
        proof = consistency(old, new)
        for changed in ([*proof, extra], [extra, *proof]):
            assert not continues(old, new, ROOTS[old], ROOTS[new], changed)
        for at in range(len(proof)):
            changed = proof[:at] + proof[at + 1 :]
            assert not continues(old, new, ROOTS[old], ROOTS[new], changed)


def test_two_histories_of_one_beginning_are_not_consistent_with_each_other() -> None:
    forged = [*LEAVES[:7], b"another event", *LEAVES[8:]]
    for old, new in STEPS:
        proof = consistency_proof(old, new, nodes_of(forged))
        shown = slow_tree.tree_hash(forged[:new])
        assert continues(old, new, ROOTS[old], shown, proof) == (old <= 7)


def test_a_shortened_tree_is_no_continuation() -> None:
    for old, new in STEPS:
        if old < new:
            with pytest.raises(ProofInvalid, match="does not shrink"):
                verify_consistency(new, old, ROOTS[new], ROOTS[old], consistency(old, new))


@pytest.mark.parametrize("size", [0, 1, 5, SMALL])
def test_a_consistency_proof_from_the_empty_tree_is_refused(size: int) -> None:
    with pytest.raises(ProofInvalid, match="proves nothing"):
        verify_consistency(0, size, EMPTY_ROOT, ROOTS[size], [])
    with pytest.raises(ProofInvalid, match="proves nothing"):
        verify_consistency(0, size, SOME_HASH, ROOTS[size], [ROOTS[size]])
    with pytest.raises(ValueError, match="proves nothing"):
        consistency_proof(0, size, nodes_of(LEAVES))


def test_an_inclusion_proof_in_the_empty_tree_is_refused() -> None:
    with pytest.raises(ProofInvalid):
        verify_inclusion(SOME_HASH, 0, 0, [], EMPTY_ROOT)
    with pytest.raises(ProofInvalid):
        verify_inclusion(EMPTY_ROOT, 0, 0, [], EMPTY_ROOT)
    with pytest.raises(ValueError, match="no size"):
        inclusion_proof(0, 0, nodes_of([]))


def test_no_leaf_stands_behind_the_last_one() -> None:
    for size in range(1, SMALL + 1):
        last = inclusion(size - 1, size)
        for index in (size, size + 1, -1):
            with pytest.raises(ProofInvalid, match="index"):
                verify_inclusion(HASHES[size - 1], index, size, last, ROOTS[size])
            with pytest.raises(ValueError, match="index"):
                inclusion_proof(index, size, nodes_of(LEAVES[:size]))


PROOF = inclusion(5, 21)
STEP = consistency(5, 21)


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "root"),
    [
        (21, 21, HASHES[5], PROOF, ROOTS[21]),
        (-1, 21, HASHES[5], PROOF, ROOTS[21]),
        (5, 0, HASHES[5], PROOF, ROOTS[21]),
        (5, -21, HASHES[5], PROOF, ROOTS[21]),
        (5, MAX_SIZE + 1, HASHES[5], PROOF, ROOTS[21]),
        (5, 1 << 100_000, HASHES[5], PROOF, ROOTS[21]),
        (5, 21, HASHES[5][:31], PROOF, ROOTS[21]),
        (5, 21, HASHES[5], PROOF, ROOTS[21] + b"\0"),
        (5, 21, HASHES[5], PROOF, b""),
        (5, 21, HASHES[5], PROOF[:-1], ROOTS[21]),
        (5, 21, HASHES[5], [*PROOF, ROOTS[3]], ROOTS[21]),
        (5, 21, HASHES[5], [*PROOF[:-1], PROOF[-1][:31]], ROOTS[21]),
        (5, 21, HASHES[5], [*PROOF[:-1], PROOF[-1] * 2], ROOTS[21]),
        (5, 21, HASHES[5], [b"", *PROOF[1:]], ROOTS[21]),
        (5, 21, HASHES[5], [ROOTS[3]] * 1_000_000, ROOTS[21]),
    ],
    ids=[
        "index is size",
        "index below 0",
        "size 0",
        "size below 0",
        "size of 64 bits",
        "size of 100,001 bits",
        "short leaf hash",
        "long root",
        "no root",
        "hash missing",
        "hash too many",
        "short hash",
        "long hash",
        "empty hash",
        "a million hashes",
    ],
)
def test_an_inclusion_proof_of_wrong_measures_is_refused_before_anything_is_hashed(
    index: int,
    size: int,
    leaf: bytes,
    proof: list[bytes],
    root: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forbid_hashing(monkeypatch)
    with pytest.raises(ProofInvalid):
        verify_inclusion(leaf, index, size, proof, root)


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof"),
    [
        (0, 21, EMPTY_ROOT, ROOTS[21], STEP),
        (-5, 21, ROOTS[5], ROOTS[21], STEP),
        (22, 21, ROOTS[5], ROOTS[21], STEP),
        (5, MAX_SIZE + 1, ROOTS[5], ROOTS[21], STEP),
        (1 << 100_000, 1 << 100_001, ROOTS[5], ROOTS[21], STEP),
        (5, 21, b"", ROOTS[21], STEP),
        (5, 21, ROOTS[5], ROOTS[21][:31], STEP),
        (5, 21, ROOTS[5], ROOTS[21], []),
        (5, 21, ROOTS[5], ROOTS[21], STEP[1:]),
        (5, 21, ROOTS[5], ROOTS[21], [*STEP, ROOTS[3]]),
        (5, 21, ROOTS[5], ROOTS[21], [STEP[0][:31], *STEP[1:]]),
        (5, 21, ROOTS[5], ROOTS[21], [ROOTS[3]] * 1_000_000),
        (21, 21, ROOTS[21], ROOTS[21], [ROOTS[21]]),
        (21, 21, ROOTS[20], ROOTS[21], []),
    ],
    ids=[
        "old size 0",
        "old size below 0",
        "old size above new",
        "size of 64 bits",
        "sizes of 100,001 bits",
        "no old root",
        "short new root",
        "empty proof",
        "hash missing",
        "hash too many",
        "short hash",
        "a million hashes",
        "same size with a hash",
        "same size, other root",
    ],
)
def test_a_consistency_proof_of_wrong_measures_is_refused_before_anything_is_hashed(
    old: int,
    new: int,
    old_root: bytes,
    new_root: bytes,
    proof: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forbid_hashing(monkeypatch)
    with pytest.raises(ProofInvalid):
        verify_consistency(old, new, old_root, new_root, proof)


def forbid_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    def hashed(left: bytes, right: bytes) -> bytes:
        raise AssertionError("hashed before the sizes were checked")

    monkeypatch.setattr(proofs, "node_hash", hashed)


def test_the_refusal_names_both_roots() -> None:
    with pytest.raises(ProofInvalid) as refused:
        verify_inclusion(SOME_HASH, 0, 1, [], ROOTS[1])
    assert (refused.value.expected, refused.value.computed) == (ROOTS[1], SOME_HASH)
    assert ROOTS[1].hex() in str(refused.value)
    assert SOME_HASH.hex() in str(refused.value)


def test_a_proof_in_the_largest_tree_has_no_more_than_63_hashes() -> None:
    asked: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        asked.append((level, index))
        return SOME_HASH

    assert len(inclusion_proof(MAX_SIZE // 3, MAX_SIZE, node)) == 63
    assert all((index + 1) << level <= MAX_SIZE for level, index in asked)
    assert len(consistency_proof(MAX_SIZE // 3, MAX_SIZE, node)) <= 64
