"""Checks a followed log against its signed checkpoints, message by message. Pure: no network, and
no key but public ones.

From the leaf hashes of every entry, shown or not, it rebuilds the tree; each entry that is shown
must have the hash that stands in its place, and each checkpoint must be signed and be the root of
that tree. Between two checkpoints nothing can then have been left out, altered or moved. What it
cannot know is whether an entry that was not shown should have been: it counts those, and the hash
stands for it when the entry turns up (in an export, by a receipt).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from vault.audit.note import VerifierKey

KEPT_HASHES: Final = 131_072
"""How many leaf hashes are kept until a checkpoint covers them (about 12 MB). Beyond it the older
half is added up; a checkpoint that ends among those can no longer be checked, a later one can."""


class FaultKind(StrEnum):
    """What a vault can do to a follower, and is caught at."""

    WITHHELD = "withheld"  # positions without a hash, or hashes without a position
    ALTERED = "altered"  # an entry's bytes are not those of its hash
    MOVED = "moved"  # an entry stands in another's place, or out of order
    FORGED = "forged"  # a checkpoint that the log's keys did not sign
    DIFFERS = "differs"  # the signed root is not that of the entries told
    SET_BACK = "set_back"  # a checkpoint smaller than one that was verified
    FORKED = "forked"  # another tree of a size that was verified


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the entries `first` to `last`, positions from 0. `detail` quotes no entry."""

    kind: FaultKind
    first: int
    last: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a verifiable stream."""

    shown: Sequence[tuple[int, bytes]]  # position and leaf
    leaf_hashes: Sequence[bytes]
    next_position: int
    checkpoint: bytes = b""


@dataclass(slots=True)
class FollowerCheck:
    """The state of a follower: `verified` is the tree under the last checkpoint that was checked.

    A part with a fault is not taken: the state stands where it was in front of it.
    """

    keys: Sequence[VerifierKey]
    verified: Frontier = field(default_factory=Frontier.empty)
    checkpoint: Checkpoint | None = None
    hidden: int = 0
    _told: Frontier = field(init=False)  # verified or not: in front of `_pending`
    _pending: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._told = self.verified

    @property
    def position(self) -> int:
        """How many entries were told of: where the next part begins."""
        return self._told.size + len(self._pending)

    def take(self, part: Part) -> list[Fault]:
        """Check a part and take it; every fault found in it, or none."""
        faults = self._extent(part)
        if faults:
            return faults
        faults = self._shown(part)
        if not faults:
            self._pending += part.leaf_hashes
            if part.checkpoint:
                faults = self._signed(part.checkpoint)
            if faults:
                del self._pending[len(self._pending) - len(part.leaf_hashes) :]
        if not faults:
            self.hidden += len(part.leaf_hashes) - len(part.shown)
            self._fold()
        return faults

    def root_at(self, size: int) -> tuple[Frontier, bool]:
        """The tree of the first `size` entries as told, and whether that can still be said."""
        if not self._told.size <= size <= self.position:
            return self._told, False
        return self._told.append(self._pending[: size - self._told.size]), True

    def _extent(self, part: Part) -> list[Fault]:
        """One hash a position, no more and no fewer."""
        start, end = self.position, part.next_position
        if end < start:
            return [Fault(FaultKind.SET_BACK, end, start - 1, "the stream went back")]
        count = len(part.leaf_hashes)
        if count != end - start or any(len(one) != HASH_BYTES for one in part.leaf_hashes):
            detail = f"{count} hashes for {end - start} entries"
            return [Fault(FaultKind.WITHHELD, start, max(start, end - 1), detail)]
        return []

    def _shown(self, part: Part) -> list[Fault]:
        """Each entry is the one of its place, and they come in order."""
        start, before = self.position, self.position - 1
        places: dict[bytes, int] | None = None
        faults: list[Fault] = []
        for position, leaf in part.shown:
            if not before < position < part.next_position:
                faults.append(Fault(FaultKind.MOVED, position, position, "out of order"))
                continue
            before = position
            found = leaf_hash(leaf)
            if found == part.leaf_hashes[position - start]:
                continue
            if places is None:
                places = {one: start + n for n, one in enumerate(part.leaf_hashes)}
            if found in places:
                detail = f"its bytes are those of #{places[found]}"
                faults.append(Fault(FaultKind.MOVED, position, position, detail))
            else:
                faults.append(Fault(FaultKind.ALTERED, position, position))
        return faults

    def _signed(self, note: bytes) -> list[Fault]:
        first, last = self.verified.size, self.position - 1
        try:
            checkpoint = verify_checkpoint(note, self.keys, self.keys[0].name)
        except CheckpointInvalid as error:
            return [Fault(FaultKind.FORGED, first, last, str(error))]
        size = checkpoint.size
        if size < self.verified.size:
            return [Fault(FaultKind.SET_BACK, size, first - 1, f"a checkpoint of size {size}")]
        if size > self.position:
            return [Fault(FaultKind.WITHHELD, self.position, size - 1, "signed, and not told of")]
        if size == self.verified.size:
            if checkpoint.root != self.verified.root():
                return [Fault(FaultKind.FORKED, 0, size - 1, f"two trees of size {size}")]
            self.checkpoint = checkpoint
            return []
        tree, known = self.root_at(size)
        if not known:
            # It came so late that it can only be passed over; the next one covers it too.
            return []
        if checkpoint.root != tree.root():
            return [Fault(FaultKind.DIFFERS, first, size - 1, f"under the checkpoint of {size}")]
        del self._pending[: size - self._told.size]
        self.verified = self._told = tree
        self.checkpoint = checkpoint
        return []

    def _fold(self) -> None:
        if len(self._pending) > KEPT_HASHES:
            older = len(self._pending) - KEPT_HASHES // 2
            self._told = self._told.append(self._pending[:older])
            del self._pending[:older]
