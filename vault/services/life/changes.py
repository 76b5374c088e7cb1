"""Follows which records are stored, changed and disposed of, by the log: every write once, in
order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vault.access import Action, ActionClass
from vault.audit import AuditLog, EventFilter, StoredEvent, decode
from vault.audit.history import History
from vault.audit.reader import head
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.store import Database
from vault.store.evidence import DISPOSED

_PAGE: Final = 200
_PAGE_BYTES: Final = 256 * 1024
_PAUSE_SECONDS: Final = 0.05
# Of records: where a file came from and went is told of by other names.
_ROW: Final = re.compile(
    r"customers/([0-9a-z]{26})((?:/(?:documents|transactions|contents)/[0-9a-z]+)*)"
    r"(?:@([0-9]{1,9}))?"
)
WRITES: Final = frozenset(
    one.value for one in Action if one.action_class in (ActionClass.WRITE, ActionClass.CUSTODY)
)
# That something was passed over, or is blocked, is not told: it can be for a hold.
_TOLD: Final = WRITES | {Action.REMINDER.value, Action.DISPOSALS_TAKE.value}


class ChangeKind(StrEnum):
    """What happened to a record."""

    CREATED = "created"
    UPDATED = "updated"
    HANDED_OVER = "handed_over"
    FALLS_DUE = "falls_due"
    """Nothing was written: the vault reminds of it."""
    DISPOSED = "disposed"
    """Its rows went, at the end of its retention: there is nothing to be read any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a record that was written; `name` is relative to the institution, `time` in
    microseconds since the epoch, `position` that of its event. Of a reminder, `due` is the kind of
    what falls due and `path` where it stands, with version 0. What was disposed of has version 0,
    too: all its versions went, those of a long history by several events."""

    name: str
    kind: ChangeKind
    version: int
    time: int
    position: int
    due: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class ChangesPart:
    """Changes in order, and where to go on."""

    changes: tuple[Change, ...]
    next_position: int


class Changes:
    """The use case. Only for callers whose roles reach all files: a name tells of a customer."""

    def __init__(self, database: Database, history: History, log: AuditLog) -> None:
        self._database = database
        self._history = history
        self._log = log

    async def watch(
        self, call: Call, institution: str, position: int, *, from_end: bool, follow: bool
    ) -> AsyncIterator[ChangesPart]:
        """Parts in order from `position` on; without `follow` up to where the log ends now. Raises
        OutsideScope, ArchiveUnavailable, ArchiveDamaged, StoreError."""
        call.require(ActionClass.REPORT, institution)
        if call.scope.limits:
            raise OutsideScope
        size = (await self._database.read(head)).size
        at = size if from_end else position
        wanted = EventFilter(institution=institution, actions=_TOLD)
        if from_end:
            # Where to go on, should the connection be lost before the first change.
            yield ChangesPart((), at)
        while True:
            page = await self._history.read(at, _PAGE, wanted, max_bytes=_PAGE_BYTES)
            found = tuple(
                change
                for event in page.events
                for change in _changes(event)
                if change.name.split("/")[1] not in call.close_files
            )
            at = page.scanned_to
            call.touched(count=call.trace.count + len(found))
            if found:
                yield ChangesPart(found, at)
            if page.at_end:
                if not follow and at >= size:
                    yield ChangesPart((), at)
                    return
                await self._log.wait_beyond(at)
            await asyncio.sleep(_PAUSE_SECONDS if page.at_end else 0)


def _changes(event: StoredEvent) -> list[Change]:
    told = decode(event.leaf)
    if told.action == Action.REMINDER.value:
        name, path = f"customers/{told.customer}", "".join(told.fields[:1])
        kind = ChangeKind.FALLS_DUE
        return [Change(name, kind, 0, told.time, event.position, told.reason, path)]
    if told.action == Action.DISPOSALS_TAKE.value:
        found = (_ROW.fullmatch(row.name.removesuffix(DISPOSED)) for row in told.rows)
        names = dict.fromkeys(f"customers/{one[1]}{one[2]}" for one in found if one is not None)
        return [Change(n, ChangeKind.DISPOSED, 0, told.time, event.position) for n in names]
    out = []
    for row in told.rows:
        parts = _ROW.fullmatch(row.name)
        if parts is None:
            continue
        version = int(parts[3] or 1)
        kind = ChangeKind.CREATED if version == 1 else ChangeKind.UPDATED
        if told.action == Action.FILES_HAND_OVER.value:
            kind = ChangeKind.HANDED_OVER
        name = f"customers/{parts[1]}{parts[2]}"
        out.append(Change(name, kind, version, told.time, event.position))
    return out
