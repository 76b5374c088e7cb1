"""Hands out the log's tree as the files of C2SP tlog-tiles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import tree
from vault.audit.event import EventUnreadable, decode
from vault.audit.history import History
from vault.audit.tiles import bundles_of, encode_bundle, entries_path, tiles_of
from vault.services.call import Call
from vault.services.errors import BeyondLog
from vault.store import Database, StoreAltered

_HASH = 32


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of the tree: its path in the layout, its contents."""

    path: str
    data: bytes


class Exporting:
    """The use case of whoever verifies the log elsewhere."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    async def files(self, call: Call, have: int) -> AsyncIterator[tuple[int, TreeFile]]:
        """The tree's size, and each file that a tree of ``have`` leaves lacks: hash tiles, entry
        bundles, the checkpoint last. Nothing where there is no checkpoint yet.

        A bundle with an entry of another institution than the caller's is left out: its leaves can
        be verified by whoever may read them. Raises BeyondLog, StoreAltered.
        """
        call.require(ActionClass.LOG_EXPORT, "")
        institution = call.principal.institution if call.principal else ""
        latest = await self._database.read(tree.latest)
        size = latest.size if latest else 0
        if have > size:
            raise BeyondLog
        if latest is None:
            return
        for tile in tiles_of(size, since=have):

            def read_tile(conn: Connection, level: int = tile.level, at: int = tile.index) -> bytes:
                return tree.tile_reader(conn)(level, at)

            data = (await self._database.read(read_tile))[: tile.width * _HASH]
            yield size, self._sent(call, tile.path(), data)
            await asyncio.sleep(0)
        for index, width in bundles_of(size, since=have):
            leaves = await self._history.bundle(index, width)
            if not any(_is_foreign(leaf, institution) for leaf in leaves):
                yield size, self._sent(call, entries_path(index, width), encode_bundle(leaves))
            await asyncio.sleep(0)
        yield size, self._sent(call, "checkpoint", latest.note)

    @staticmethod
    def _sent(call: Call, path: str, data: bytes) -> TreeFile:
        call.touched(count=call.trace.count + 1)
        return TreeFile(path, data)


def _is_foreign(leaf: bytes, institution: str) -> bool:
    try:
        return decode(leaf).institution not in ("", institution)
    except EventUnreadable as error:
        # Whose it was cannot be told, so nobody is given it.
        raise StoreAltered("an entry of the log is no event") from error
