"""The Merkle tree of the log: pure functions over hashes (RFC 6962, section 2; RFC 9162, 2.1).

In come leaf hashes, sizes, and a `NodeReader` that hands out hashes of complete subtrees (tiles
have them: `vault.audit.tiles`). Out come roots, inclusion proofs ("this leaf stands at this index")
and consistency proofs ("this tree is that one, with leaves added behind"), and their verification.

It never reads a database, a file or a key, never hashes before sizes and lengths have been checked,
and never takes the empty tree for the start of a proof: everything is consistent with nothing, so
such a proof would prove nothing.
"""

from vault.audit.merkle.frontier import Frontier
from vault.audit.merkle.hashing import (
    EMPTY_ROOT,
    HASH_BYTES,
    leaf_hash,
    node_hash,
    root_of_complete,
)
from vault.audit.merkle.proofs import (
    MAX_SIZE,
    NodeReader,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "Frontier",
    "NodeReader",
    "ProofInvalid",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of_complete",
    "verify_consistency",
    "verify_inclusion",
]
