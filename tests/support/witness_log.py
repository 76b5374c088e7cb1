"""A log in memory to show to a witness: entries, checkpoints of any size, proofs between them."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.log_keys import ORIGIN, log_signers
from vault.audit.checkpoint import CheckpointBody
from vault.audit.merkle import Frontier, consistency_proof, leaf_hash, node_hash
from vault.audit.signers import Signers
from vault.audit.witness import AddCheckpoint


@dataclass(frozen=True)
class MemoryLog:
    """`mark` makes another history of the same size."""

    signers: Signers
    mark: str = "a"
    origin: str = ORIGIN
    shared: int = 0  # so many first entries are the same in every history

    @classmethod
    def of(cls, keys: Path, mark: str = "a", shared: int = 0) -> "MemoryLog":
        return cls(log_signers(keys), mark, ORIGIN, shared)

    def leaf(self, index: int) -> bytes:
        """The hash of an entry."""
        mark = "" if index < self.shared else self.mark
        return leaf_hash(f"{mark}{index}".encode())

    def _node(self, level: int, index: int) -> bytes:
        if level == 0:
            return self.leaf(index)
        return node_hash(self._node(level - 1, 2 * index), self._node(level - 1, 2 * index + 1))

    def root(self, size: int) -> bytes:
        """The root at a size."""
        return Frontier.empty().append(map(self.leaf, range(size))).root()

    def note(self, size: int) -> bytes:
        """The signed checkpoint of a size."""
        return self.signers.sign(CheckpointBody(self.origin, size, self.root(size)).text())

    def proof(self, old: int, size: int) -> tuple[bytes, ...]:
        """The consistency proof."""
        return tuple(consistency_proof(old, size, self._node)) if 0 < old < size else ()

    def request(self, old: int, size: int) -> bytes:
        """The body of `add-checkpoint`."""
        return AddCheckpoint(old, self.proof(old, size), self.note(size)).encode()
