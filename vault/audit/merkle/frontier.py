"""The right edge of the tree: all that is needed to append to it and to know its root."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from vault.audit.merkle.hashing import EMPTY_ROOT, HASH_BYTES, node_hash


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees that a tree of `size` leaves falls into, left to right.

    One hash for each bit that is set in `size`, the largest subtree first (RFC 6962 section 2.1
    splits at the largest power of two). Raises ValueError where the hashes do not fit the size.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a tree has no negative size")
        if len(self.hashes) != self.size.bit_count():
            raise ValueError(
                f"{len(self.hashes)} subtrees do not make {self.size} leaves,"
                f" {self.size.bit_count()} do"
            )
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise ValueError(f"a hash has {HASH_BYTES} bytes")

    @classmethod
    def empty(cls) -> Self:
        """The tree without a leaf."""
        return cls(0, ())

    def append(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """The frontier after these leaf hashes (32 bytes each) were added behind. O(1) a leaf."""
        size, stack = self.size, list(self.hashes)
        for carry in leaf_hashes:
            # Binary addition: a set low bit is a subtree as large as the one carried.
            bits = size
            while bits & 1:
                carry = node_hash(stack.pop(), carry)
                bits >>= 1
            stack.append(carry)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The Merkle tree hash of the whole."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root
