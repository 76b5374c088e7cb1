"""The hash chain over the log's leaves: pure functions, no database.

    leaf hash = SHA-256(0x00 || leaf)                       RFC 6962, section 2.1
    chain(n)  = SHA-256(0x02 || chain(n-1) || leaf hash)    0x01 is RFC 6962's interior node

so that the same stored leaves can become a Merkle tree without being touched. `chain(0)` is 32 zero
bytes. An edited, exchanged, inserted or missing leaf breaks the chain at its position. A cut tail
does not, by itself: compare with a head that was seen before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from vault.store.errors import StoreAltered

HASH_BYTES: Final = 32
GENESIS: Final = bytes(HASH_BYTES)


class ChainBroken(Exception):
    """The log is not what was written. `position` is the first that is wrong (1-based)."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"position {position}: {why}")
        self.position = position
        self.why = why


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the log. Positions start at 1 and have no gaps.

    `recorded_at` (microseconds) is when the log took it and never goes back from one position to
    the next; it serves to find a time. The event's own time stands in its leaf.
    """

    position: int
    recorded_at: int
    leaf: bytes
    chain: bytes

    def __post_init__(self) -> None:
        """Raises StoreAltered where the database holds something else than bytes."""
        if type(self.leaf) is not bytes or type(self.chain) is not bytes:
            raise StoreAltered(f"the event at position {self.position} is of another type")


@dataclass(frozen=True, slots=True)
class Head:
    """The state of the log after `size` events."""

    size: int
    chain: bytes
    recorded_at: int


EMPTY: Final = Head(0, GENESIS, 0)


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 hash of a leaf."""
    return sha256(b"\x00" + leaf).digest()


def extend(chain: bytes, leaf: bytes) -> bytes:
    """The chain's next value. `chain` is 32 bytes."""
    return sha256(b"\x02" + chain + sha256(b"\x00" + leaf).digest()).digest()


def verify(events: Iterable[StoredEvent], start: Head = EMPTY) -> Head:
    """Check that `events` follow `start` without a gap; return the head after them.

    Raises ChainBroken at the first position that does not.
    """
    size, chain, recorded_at = start.size, start.chain, start.recorded_at
    for event in events:
        size += 1
        if event.position != size:
            raise ChainBroken(size, f"missing: position {event.position} stands in its place")
        chain = extend(chain, event.leaf)
        if event.chain != chain:
            raise ChainBroken(size, "the stored chain value does not follow from the leaf")
        if event.recorded_at < recorded_at:
            raise ChainBroken(size, "recorded before the event in front of it")
        recorded_at = event.recorded_at
    return Head(size, chain, recorded_at)
