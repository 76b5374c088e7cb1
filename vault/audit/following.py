"""What a follower of the log needs beside its events: hashes of all leaves, and checkpoints.

With the leaf hashes of every position, shown or not, a reader rebuilds the tree; with a checkpoint
he knows that it is the tree that was signed. Neither tells him anything of an event that he may not
see.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from vault.audit import tree
from vault.audit.merkle import leaf_hash
from vault.audit.tiles import TILE_WIDTH, split_tile
from vault.store.database import Database
from vault.store.log_tree import CheckpointRow

MAX_HASHES: Final = 4_096
"""How many positions are hashed at once, so that the event loop is not held up: about 10 ms where
all of them have to be read."""


def leaf_hashes(conn: Connection, start: int, end: int) -> tuple[bytes, ...]:
    """Leaf hashes of the indexes start <= index < end, counted from 0; all of them must be there.

    Those in the tree come from its tiles, so that a leaf which was altered later does not match the
    hash beside it. Raises ValueError beyond `MAX_HASHES`, StoreDamaged, StoreAltered, TileInvalid.
    """
    if end - start > MAX_HASHES:
        raise ValueError(f"at most {MAX_HASHES} hashes at once")
    hashes: list[bytes] = []
    at = start
    while at < end:
        row = tree.tile(conn, 0, at // TILE_WIDTH)
        first = at % TILE_WIDTH
        if row is None or row.width <= first:
            break
        found = split_tile(row.data)[first : first + end - at]
        hashes += found
        at += len(found)
        if row.width < TILE_WIDTH:
            break
    if at < end:
        hashes += [leaf_hash(leaf) for leaf, _ in tree.leaves(conn, at, end - at)]
    return tuple(hashes)


class Checkpoints:
    """The latest checkpoint, looked for at most every `poll` seconds however many ask."""

    def __init__(
        self,
        database: Database,
        poll: float = 0.25,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._poll = poll
        self._monotonic = monotonic
        self._row: CheckpointRow | None = None
        self._next_look = float("-inf")

    async def latest(self) -> CheckpointRow | None:
        """The latest as of `poll` seconds ago at most. Raises StoreUnavailable."""
        now = self._monotonic()
        if now >= self._next_look:
            self._next_look = now + self._poll
            try:
                self._row = await self._database.read(tree.latest)
            except BaseException:
                self._next_look = float("-inf")
                raise
        return self._row

    async def wait_beyond(self, size: int) -> None:
        """Wait for a checkpoint of more than `size` leaves. Raises StoreUnavailable."""
        while True:
            row = await self.latest()
            if row is not None and row.size > size:
                return
            await asyncio.sleep(self._poll)


class Heartbeat:
    """Which checkpoint one follower is due: each once, when he has been sent all that it covers.

    One that is ahead of him is kept until he gets there, however fast new ones come.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._ahead: CheckpointRow | None = None
        self.sent = -1
        """Size of the last one that was due."""

    async def due(self, position: int) -> CheckpointRow | None:
        """The one to send a follower at `position` (how many leaves he has been told of)."""
        latest = await self._checkpoints.latest()
        if self._ahead is None or (latest is not None and latest.size <= position):
            self._ahead = latest
        row = self._ahead
        if row is None or row.size > position or row.size <= self.sent:
            return None
        self.sent = row.size
        self._ahead = None
        return row
