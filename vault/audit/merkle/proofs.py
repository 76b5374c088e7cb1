"""Inclusion and consistency proofs: made from subtree hashes, verified from the proof alone.

A proof is a list of hashes in the order of RFC 6962 (sections 2.1.1 and 2.1.2), lowest first.
Making one follows the recursive definition there; verifying one follows the loops of RFC 9162
(sections 2.1.3.2 and 2.1.4.2), so that neither can share a mistake with the other.
"""

from collections.abc import Callable, Sequence
from typing import Final

from vault.audit.merkle.hashing import HASH_BYTES, node_hash

# (level, index) -> hash of the index-th complete subtree of 2**level leaves.
NodeReader = Callable[[int, int], bytes]

# As everywhere in this family of formats, a size fits a signed 64-bit integer. It also bounds
# what a size that a stranger names can make us do.
MAX_SIZE: Final = 2**63 - 1

_Range = tuple[int, int]


class ProofInvalid(ValueError):
    """The proof does not prove it.

    Where it is whole but leads elsewhere, `expected` is the root that was asked for and `computed`
    the one that the proof leads to; otherwise both are None.
    """

    def __init__(
        self, why: str, *, expected: bytes | None = None, computed: bytes | None = None
    ) -> None:
        if expected is not None and computed is not None:
            why = f"{why}: expected {expected.hex()}, the proof leads to {computed.hex()}"
        super().__init__(why)
        self.expected = expected
        self.computed = computed


def inclusion_proof(index: int, size: int, nodes: NodeReader) -> list[bytes]:
    """The hashes from the leaf's sibling up to the root's child, in a tree of `size` leaves.

    Requires 0 <= index < size <= MAX_SIZE (ValueError). What `nodes` raises comes through.
    """
    _require_index(index, size, ValueError)
    return [_root(one, nodes) for one in _inclusion_ranges(index, size)]


def consistency_proof(old_size: int, new_size: int, nodes: NodeReader) -> list[bytes]:
    """The hashes that prove the tree of `old_size` leaves a beginning of that of `new_size`.

    Requires 0 < old_size <= new_size <= MAX_SIZE (ValueError). Of equal sizes it is empty.
    What `nodes` raises comes through.
    """
    _require_sizes(old_size, new_size, ValueError)
    return [_root(one, nodes) for one in _consistency_ranges(old_size, new_size)]


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that `leaf_hash` stands at `index` (from 0) of the tree of `size` leaves with `root`.

    Requires 0 <= index < size. `size` and `root` have to come from one checkpoint: a root alone
    does not tell its size. Raises ProofInvalid; nothing has been hashed before sizes, number and
    lengths of the hashes were found right.
    """
    _require_index(index, size, ProofInvalid)
    _require_hashes([leaf_hash, root])
    _require_length(proof, len(_inclusion_ranges(index, size)))
    fn, sn, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if fn & 1 or fn == sn:
            computed = node_hash(sibling, computed)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    _require_root("the leaf is not in this tree at this index", root, computed)


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `new_size` begins with the whole tree of `old_size`.

    Requires 0 < old_size <= new_size: a proof from the empty tree is refused, as it would hold for
    any tree. Raises ProofInvalid; nothing has been hashed before sizes, number and lengths of the
    hashes were found right.
    """
    _require_sizes(old_size, new_size, ProofInvalid)
    _require_hashes([old_root, new_root])
    _require_length(proof, len(_consistency_ranges(old_size, new_size)))
    if old_size == new_size:
        _require_root("two trees of one size differ", new_root, old_root)
        return
    # An old tree that is one complete subtree of the new one is left out of the proof.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_computed = new_computed = path[0]
    for one in path[1:]:
        if fn & 1 or fn == sn:
            old_computed = node_hash(one, old_computed)
            new_computed = node_hash(one, new_computed)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new_computed = node_hash(new_computed, one)
        fn, sn = fn >> 1, sn >> 1
    _require_root("the old tree is not the beginning of the new one", old_root, old_computed)
    _require_root("the new tree is not the old one continued", new_root, new_computed)


def _split(start: int, end: int) -> int:
    """Where RFC 6962 parts [start, end): behind the largest power of two below its length."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    """PATH(m, D[n]) of RFC 6962 as ranges of leaves, lowest first."""
    siblings: list[_Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return siblings[::-1]


def _consistency_ranges(old_size: int, new_size: int) -> list[_Range]:
    """PROOF(m, D[n]) of RFC 6962 as ranges of leaves, lowest first."""
    siblings: list[_Range] = []
    start, end = 0, new_size
    while end != old_size:
        middle = _split(start, end)
        if old_size <= middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    # SUBPROOF's flag: the verifier knows the old root, so it is left out if it is this subtree.
    if start > 0:
        siblings.append((start, end))
    return siblings[::-1]


def _root(leaves: _Range, nodes: NodeReader) -> bytes:
    """The hash of [start, end), where start is a multiple of the power of two >= its length."""
    start, end = leaves
    complete: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        complete.append(nodes(level, start >> level))
        start += 1 << level
    root = complete.pop()
    while complete:
        root = node_hash(complete.pop(), root)
    return root


# A stranger's number may have a million digits, which no message can hold: none is named before
# it was found to be in range.


def _require_index(index: int, size: int, error: type[ValueError]) -> None:
    if not 0 < size <= MAX_SIZE:
        raise error("no leaf is in a tree of no size, or of one that is out of range")
    if not 0 <= index < size:
        raise error(f"the index is not in a tree of size {size}")


def _require_sizes(old_size: int, new_size: int, error: type[ValueError]) -> None:
    if old_size <= 0:
        raise error("a proof from the empty tree proves nothing")
    if not old_size <= new_size <= MAX_SIZE:
        raise error("a tree does not shrink, nor grow out of range")


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofInvalid(f"a hash has {HASH_BYTES} bytes")


def _require_length(proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length:
        raise ProofInvalid(f"for these sizes a proof has {length} hashes, not {len(proof)}")
    _require_hashes(proof)


def _require_root(why: str, expected: bytes, computed: bytes) -> None:
    if expected != computed:
        raise ProofInvalid(why, expected=expected, computed=computed)
