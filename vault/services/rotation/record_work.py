"""Work on records: what another suite has sealed is opened and sealed with the institution's own.

Table by table, in order of the primary key, those rows alone of which a sealed column says another
suite; then the contents, with their bytes (content_work.py). Every new value is opened again and
compared before it takes the old one's place, and the old one goes only if it still is what was
read. The rows of a batch and the event that has their hashes, old and new, are one transaction of
the log:

    page read -> opened, sealed, opened again -> rows and event -> how far it is, in the key store

If the process dies in front of the last step, the next one finds nothing left to do on that page.
The job ends with a pass over all tables that finds nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from vault.access import Action
from vault.audit import AuditEvent, AuditLog, RowHash
from vault.blobs import Blobs
from vault.records import new_ulid
from vault.sealing import ScopeShredded, SealBroken, Suite
from vault.services.rotation.content_work import ContentResealing, MovedContent, weight
from vault.services.rotation.row_sealing import Anew, Left, RowResealing, mark_of
from vault.services.rotation.sealed_tables import SEALED_TABLES
from vault.services.rotation.steps import DEFAULT_RATE
from vault.services.rotation.work import (
    CHECKING,
    DONE,
    RUNNING,
    Ground,
    JobRow,
    batch_of,
    failed,
    going_on,
    kept,
)
from vault.store import Database, sealed_rows
from vault.store.contents import ContentRow
from vault.store.schema import contents

_MOST: Final = 100  # rows of one batch: others wait for its transaction
# Of a row in an event besides its name; and of all rows in one, which would be split beyond that.
_HASH_BYTES: Final = 60
_EVENT_BYTES: Final = 48_000
_CONTENTS: Final = 10
_REST_SECONDS: Final = 4
_SHOWN: Final = 3

# How many rows were exchanged, and the hashes of those that events name.
_Done = tuple[int, tuple[RowHash, ...]]


class RecordWork:
    """Of the records of one institution. Its steps are taken in another thread than the log's."""

    def __init__(self, ground: Ground, data: Database, log: AuditLog, blobs: Blobs | None) -> None:
        self._on = ground
        self._data = data
        self._log = log
        self._rows = RowResealing(ground)
        self._contents = ContentResealing(ground, data, blobs)
        self._left: dict[str, Left] = {}

    def step(self, job: JobRow) -> tuple[JobRow, int]:
        """As Work.step."""
        suite = self._on.ring.suite_of(job.institution)
        if not job.target:
            total = self._data.read_sync(lambda conn: _count(conn, job.institution, suite))
            begun = going_on(self._on, job, stage=RUNNING, target=suite.name, total=total)
            return kept(self._on, begun), 0
        if job.target != suite.name:
            why = f"this process was configured to seal with {suite.name} instead"
            return kept(self._on, failed(self._on, job, why)), 0
        left = self._left.setdefault(job.job, Left())
        index, after = _place(job.cursor)
        if index > len(SEALED_TABLES):
            return self._behind_the_last(job, left), 0
        if index == len(SEALED_TABLES):
            return self._some_contents(job, suite, left, after)
        of = SEALED_TABLES[index]
        limit = min(_MOST, batch_of(job))
        rows = self._data.read_sync(
            lambda conn: sealed_rows.page(
                conn, of.table, job.institution, suite.suite_id, after, limit
            )
        )
        if not rows:
            return kept(self._on, going_on(self._on, job, cursor=_cursor(index + 1, ()))), 0
        fresh = [row for row in rows if not left.has(mark_of(of.table, row))]
        anew = self._rows.anew(of, fresh, suite, left)
        done = self._exchange(job, anew) if anew else 0
        stage = RUNNING if fresh else job.stage
        behind = _cursor(index, sealed_rows.key_of(of.table, rows[-1]))
        made = going_on(self._on, job, stage=stage, done=job.done + done, cursor=behind)
        return kept(self._on, made), len(rows)

    # -- one batch ---------------------------------------------------------------------------

    def _exchange(self, job: JobRow, anew: Sequence[Anew]) -> int:
        """Rows and event, durable together; how many rows there were."""

        def work(conn: Connection) -> _Done:
            done = [
                one for one in anew if sealed_rows.exchange(conn, one.of.table, one.row, one.sealed)
            ]
            return len(done), tuple(row for one in done for row in one.hashes())

        return self._commit(job, work, len(anew))

    def _commit(self, job: JobRow, work: Callable[[Connection], _Done], weight: int) -> int:
        def events(done: _Done) -> list[AuditEvent]:
            now = self._on.clock.now_micros()
            count, rows = done
            return [
                AuditEvent(
                    event_id=new_ulid(now // 1000),
                    time=now,
                    tier="full",
                    action=Action.KEYS_RESEAL.value,
                    institution=job.institution,
                    resource=f"institutions/{job.institution}/proposals/{job.job}",
                    rows=some,
                    outcome="OK",
                    count=len(some) // 2 or count,
                )
                for some in _shared_out(rows)
            ]

        return self._log.commit_from_thread(work, events, weight=1 + weight)[0]

    # -- contents ----------------------------------------------------------------------------

    def _some_contents(
        self, job: JobRow, suite: Suite, left: Left, after: Sequence[str | int]
    ) -> tuple[JobRow, int]:
        """All contents are looked at: that its key was sealed with this suite does not say with
        which one the bytes were, of an upload that began before the change."""
        on = self._on
        rows = self._data.read_sync(
            lambda conn: sealed_rows.behind(conn, contents, job.institution, after, _CONTENTS)
        )
        if not rows:
            return kept(on, going_on(on, job, cursor=_cursor(len(SEALED_TABLES) + 1, ()))), 0
        done, taken, stage = 0, len(rows), job.stage
        for row in rows:
            mark = mark_of(contents, row)
            if left.has(mark):
                continue
            try:
                moved = self._contents.anew(
                    ContentRow(*tuple(row)), suite, lambda: kept(on, going_on(on, job))
                )
            except ScopeShredded:
                left.shredded.add(mark)
            except SealBroken:
                left.broken[mark] = None
            else:
                if moved is None:
                    continue
                done += self._move(job, moved)
                taken += weight(moved.before)
            stage = RUNNING
        behind = _cursor(len(SEALED_TABLES), sealed_rows.key_of(contents, rows[-1]))
        made = going_on(on, job, stage=stage, done=job.done + done, cursor=behind)
        # No rest is longer than the lease.
        return kept(on, made), min(taken, _REST_SECONDS * (job.rate or DEFAULT_RATE))

    def _move(self, job: JobRow, moved: MovedContent) -> int:
        def work(conn: Connection) -> _Done:
            done = moved.commit(conn, self._on.clock.now_micros())
            return (1, moved.hashes()) if done else (0, ())

        return self._commit(job, work, 2 + len(moved.leaves))

    # -- the end -----------------------------------------------------------------------------

    def _behind_the_last(self, job: JobRow, left: Left) -> JobRow:
        on = self._on
        if job.stage != CHECKING:
            # Once more from the first: somebody may have written with the other suite meanwhile.
            return kept(on, going_on(on, job, stage=CHECKING, cursor=_cursor(0, ())))
        self._left.pop(job.job, None)
        if left.broken:
            shown = ", ".join(list(left.broken)[:_SHOWN])
            why = f"{len(left.broken)} rows do not open and were left as they are: {shown}"
            return kept(on, failed(on, job, why))
        detail = ""
        if left.shredded:
            detail = f"{len(left.shredded)} rows were left: their scopes have no keys any more"
        return kept(on, going_on(on, job, stage=DONE, checked=job.done, cursor="", detail=detail))


def _shared_out(rows: tuple[RowHash, ...]) -> Iterator[tuple[RowHash, ...]]:
    """Rows for one event each, which has room for them; both hashes of a row stay together."""
    start = size = 0
    for at in range(0, len(rows), 2):
        size += 2 * (len(rows[at].name) + _HASH_BYTES)
        if size > _EVENT_BYTES and at > start:
            yield rows[start:at]
            start, size = at, 2 * (len(rows[at].name) + _HASH_BYTES)
    yield rows[start:]


def _count(conn: Connection, institution: str, suite: Suite) -> int:
    tables = (*(of.table for of in SEALED_TABLES), contents)
    return sum(sealed_rows.count(conn, one, institution, suite.suite_id) for one in tables)


def _cursor(index: int, after: Sequence[str | int]) -> str:
    return json.dumps([index, *after], separators=(",", ":"))


def _place(cursor: str) -> tuple[int, list[str | int]]:
    if not cursor:
        return 0, []
    index, *after = json.loads(cursor)
    return index, after
