"""The two hashes of an RFC 6962 tree (section 2.1): prefixes keep a leaf from posing as a node."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32

# MTH({}) of RFC 6962: SHA-256 of nothing.
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf), the same that the hash chain takes (`vault.audit.chain`)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). Both are 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root_of_complete(hashes: Sequence[bytes]) -> bytes:
    """The root over 2**n hashes of equal height, n >= 0. Raises ValueError for another number."""
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"a complete subtree has a power of two of hashes, not {len(hashes)}")
    row = list(hashes)
    while len(row) > 1:
        # The rows are wide (256 a tile) and many: spelled out, this is a third faster.
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]
