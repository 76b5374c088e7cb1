"""Shows the masked renditions of contents: all that a node of the masked tier sees of a scan.

The pictures were made and sealed when the content was stored
(vault/services/contents/picturing.py). They leave stamped, so that whoever passes one on passes on
who looked at it, when, and by which event of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit.receipts import index_of
from vault.records import ContentType, DocumentName, ScopeRef, TransactionName
from vault.renditions import NotOurPng, Withheld, stamp
from vault.sealing import Clock, MaskedFileKey, ScopeShredded
from vault.services.call import Call
from vault.services.contents.picturing import open_picture
from vault.services.errors import Corrupted, NotFound, Shredded
from vault.services.keys import Keys
from vault.services.masked import MaskedReading
from vault.store import Database, contents
from vault.store.contents import MaskedContentRow

MOST_CONTENTS: Final = 100
"""Contents that one call shows: their names fit into its event."""
_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown: the content of that page number, or if 0 all behind `after`."""

    owner: DocumentName | TransactionName
    page: int
    after: int


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A stamped picture, number `number` of `total` of a version of a content. `size` is the
    original's in bytes, `page_count` its pages or 0 where they were not counted."""

    content: str
    version: int
    content_type: ContentType
    size: int
    page_count: int
    number: int
    total: int
    png: bytes = field(repr=False)
    layout: str
    withheld: Withheld | None


class Viewing:
    """The use case. Raises NotFound, Shredded, Corrupted, OutsideScope; StoreUnavailable and
    KmsUnavailable from below."""

    def __init__(
        self, database: Database, keys: Keys, reading: MaskedReading, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._reading = reading
        self._clock = clock

    async def pictures(self, call: Call, view: View) -> AsyncIterator[ShownPicture]:
        """The pictures in order. The event that opens the stream must be durable: its number is in
        the stamps. What was shown is in the call's trace."""
        owner = view.owner
        call.require(ActionClass.MASKED_READ, owner.institution, owner.customer)
        await self._owner(call, owner)
        rows = await self._database.read(lambda conn: _rows(conn, view))
        if view.page and not rows:
            raise NotFound(f"{owner}/contents/{view.page}")
        text = stamp_text(call, self._clock.now_micros())
        shown = 0
        for number, row in enumerate(rows, 1):
            key = await self._key(row)
            for picture in range(1, row.leaves + 1):
                one = await self._picture(row, key, picture, text)
                shown += 1
                call.touched(
                    resources=tuple(_relative(each) for each in rows[:number]), count=shown
                )
                yield one

    async def _owner(self, call: Call, owner: DocumentName | TransactionName) -> None:
        """Make sure that it is there, opens, and is within the caller's reach."""
        if isinstance(owner, DocumentName):
            await self._reading.document(call, owner.institution, owner.customer, owner.document)
        else:
            await self._reading.transaction(
                call, owner.institution, owner.customer, owner.transaction
            )

    async def _key(self, row: MaskedContentRow) -> MaskedFileKey:
        scope = ScopeRef(row.institution, row.customer, row.scope)
        try:
            return (await self._keys.masked([scope]))[scope]
        except ScopeShredded:
            raise Shredded(_name(row)) from None

    async def _picture(
        self, row: MaskedContentRow, key: MaskedFileKey, number: int, text: str
    ) -> ShownPicture:
        leaf = await self._database.read(lambda conn: contents.leaf(conn, row, number))
        if leaf is None:
            raise Corrupted(_name(row))
        found = open_picture(key, row, leaf)
        try:
            # Some tens of milliseconds, which the event loop has not to spare.
            png = await asyncio.to_thread(stamp, found.png, text)
        except NotOurPng:
            raise Corrupted(_name(row)) from None
        return ShownPicture(
            _name(row),
            row.version,
            ContentType(row.content_type),
            row.size,
            found.page_count,
            number,
            row.leaves,
            png,
            found.layout,
            found.withheld,
        )


def stamp_text(call: Call, now: int) -> str:
    """Who looks, when (`now` in microseconds, to the second), and the number of the event."""
    viewer = call.actor[:_NAME]
    if call.on_behalf_of:
        viewer += f" for {call.on_behalf_of[:_NAME]}"
    when = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{viewer}  {when}  event {index_of(call.receipt)}"


def _rows(conn: Connection, view: View) -> list[MaskedContentRow]:
    owner = view.owner
    place = (owner.institution, owner.customer, owner.record)
    if view.page:
        found = contents.current_masked(conn, *place, view.page)
        return [] if found is None else [found]
    return contents.listing_masked(conn, *place, after=view.after, limit=MOST_CONTENTS)


def _name(row: MaskedContentRow) -> str:
    return f"institutions/{row.institution}/{_relative(row).rpartition('@')[0]}"


def _relative(row: MaskedContentRow) -> str:
    return f"customers/{row.customer}/{row.record}/contents/{row.page}@{row.version}"
