"""Work on records: what another suite has sealed is opened and sealed with the institution's own.

Table by table, in order of the primary key, those rows alone of which a sealed column says another
suite. Every new value is opened again and compared before it takes the old one's place, and the
old one goes only if it still is what was read. The rows of a batch and the event that has their
hashes, old and new, are one transaction of the log:

    page read -> opened, sealed, opened again -> rows and event -> how far it is, in the key store

If the process dies in front of the last step, the next one finds nothing left to do on that page.
The job ends with a pass over all tables that finds nothing more.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row

from vault.access import Action
from vault.audit import AuditEvent, AuditLog, RowHash
from vault.records import Branch, ScopeRef, new_ulid
from vault.sealing import (
    FileKey,
    FullFileKey,
    ScopeShredded,
    SealBroken,
    SealContext,
    Suite,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
    suite_of,
)
from vault.services.rotation.sealed_tables import SEALED_TABLES, Place, SealedTable
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
from vault.store.evidence import BEFORE
from vault.store.rows import row_hash

# Rows of one batch: others wait for its transaction, and one event has to have room for its hashes.
_MOST: Final = 100
_SHOWN: Final = 3
_BRANCHES: Final = {"sealed": Branch.FULL, "masked": Branch.MASKED}


@dataclass(slots=True)
class _Left:
    """Of a job under way: rows that were passed over, by table and key."""

    broken: dict[str, None] = field(default_factory=dict)
    shredded: set[str] = field(default_factory=set)

    def has(self, mark: str) -> bool:
        return mark in self.broken or mark in self.shredded


@dataclass(frozen=True, slots=True)
class _Anew:
    """A row, and its sealed columns as they shall be."""

    of: SealedTable
    row: Row[Any]
    place: Place
    sealed: dict[str, bytes]

    def hashes(self) -> tuple[RowHash, ...]:
        """The row's hash as it was, and as it is now: whoever verifies goes from the one that the
        event before has to the one that stands, and an altered row does not become a right one."""
        name, table = self.place.name, self.of.table
        if not name:
            return ()
        values = {**self.row._mapping, **self.sealed}
        anew = row_hash(table.name, *(values[column.name] for column in table.columns))
        return RowHash(name + BEFORE, row_hash(table.name, *self.row)), RowHash(name, anew)


class RecordWork:
    """Of the records of one institution. Its steps are taken in another thread than the log's."""

    def __init__(self, ground: Ground, data: Database, log: AuditLog) -> None:
        self._on = ground
        self._data = data
        self._log = log
        self._left: dict[str, _Left] = {}

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
        left = self._left.setdefault(job.job, _Left())
        index, after = _place(job.cursor)
        if index == len(SEALED_TABLES):
            return self._behind_the_last(job, left), 0
        of = SEALED_TABLES[index]
        limit = min(_MOST, batch_of(job))
        rows = self._data.read_sync(
            lambda conn: sealed_rows.page(
                conn, of.table, job.institution, suite.suite_id, after, limit
            )
        )
        if not rows:
            return kept(self._on, going_on(self._on, job, cursor=_cursor(index + 1, ()))), 0
        fresh = [row for row in rows if not left.has(_mark(of, row))]
        anew = self._anew(of, fresh, suite, left)
        done = self._exchange(job, anew) if anew else 0
        stage = RUNNING if fresh else job.stage
        behind = _cursor(index, sealed_rows.key_of(of.table, rows[-1]))
        return (
            kept(
                self._on, going_on(self._on, job, stage=stage, done=job.done + done, cursor=behind)
            ),
            len(rows),
        )

    # -- one batch ---------------------------------------------------------------------------

    def _anew(
        self, of: SealedTable, rows: Sequence[Row[Any]], suite: Suite, left: _Left
    ) -> list[_Anew]:
        places = [of.place(row) for row in rows]
        keys = {
            name: self._keys(_BRANCHES[name], {place.scope for place in places})
            for name in sealed_rows.sealed_columns(of.table)
        }
        anew = []
        for row, place in zip(rows, places, strict=True):
            sealed: dict[str, bytes] = {}
            try:
                for name, of_scope in keys.items():
                    standing = bytes(row._mapping[name])
                    if standing and suite_of(standing) is not suite:
                        key = of_scope.get(place.scope)
                        if key is None:
                            raise ScopeShredded(place.scope)
                        sealed[name] = _resealed(key, standing, place.contexts[name])
            except ScopeShredded:
                left.shredded.add(_mark(of, row))
            except SealBroken:
                left.broken[_mark(of, row)] = None
            else:
                anew.append(_Anew(of, row, place, sealed))
        return anew

    def _keys(self, branch: Branch, refs: Iterable[ScopeRef]) -> dict[ScopeRef, FileKey]:
        """The file keys of those scopes that have one."""
        found: dict[ScopeRef, FileKey] = {}
        for ref in refs:
            try:
                found |= self._on.ring.fetch(branch, [ref])
            except ScopeShredded:
                continue
        return found

    def _exchange(self, job: JobRow, anew: Sequence[_Anew]) -> int:
        """Rows and event, durable together; how many rows there were."""

        def work(conn: Connection) -> list[_Anew]:
            return [
                one for one in anew if sealed_rows.exchange(conn, one.of.table, one.row, one.sealed)
            ]

        def events(done: list[_Anew]) -> tuple[AuditEvent, ...]:
            now = self._on.clock.now_micros()
            return (
                AuditEvent(
                    event_id=new_ulid(now // 1000),
                    time=now,
                    tier="full",
                    action=Action.KEYS_RESEAL.value,
                    institution=job.institution,
                    resource=f"institutions/{job.institution}/proposals/{job.job}",
                    rows=tuple(row for one in done for row in one.hashes()),
                    outcome="OK",
                    count=len(done),
                ),
            )

        return len(self._log.commit_from_thread(work, events, weight=1 + len(anew)))

    # -- the end -----------------------------------------------------------------------------

    def _behind_the_last(self, job: JobRow, left: _Left) -> JobRow:
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


def _resealed(key: FileKey, sealed: bytes, context: SealContext) -> bytes:
    """The same plaintext, sealed with the suite that the key seals with now. Raises SealBroken."""
    if isinstance(key, FullFileKey):
        plain = open_full(key, sealed, context)
        anew = seal_full(key, plain, context)
        back = open_full(key, anew, context)
    else:
        plain = open_masked(key, sealed, context)
        anew = seal_masked(key, plain, context)
        back = open_masked(key, anew, context)
    if not hmac.compare_digest(back, plain):
        raise SealBroken
    return anew


def _count(conn: Connection, institution: str, suite: Suite) -> int:
    return sum(
        sealed_rows.count(conn, of.table, institution, suite.suite_id) for of in SEALED_TABLES
    )


def _mark(of: SealedTable, row: Row[Any]) -> str:
    key = "/".join(map(str, sealed_rows.key_of(of.table, row)))
    return f"{of.table.name} {key}"


def _cursor(index: int, after: Sequence[str | int]) -> str:
    return json.dumps([index, *after], separators=(",", ":"))


def _place(cursor: str) -> tuple[int, list[str | int]]:
    if not cursor:
        return 0, []
    index, *after = json.loads(cursor)
    return index, after
