"""Work on an institution's index key: entries under a new version, made from the records.

    rotate   the new key is stored, then every write makes entries under both versions
    rewrap   all records are opened in order and get entries under the new version; a second pass
             opens them once more and compares; then searches go by the new version
    retire   writes make entries under the new version alone; the old entries and claims are taken
             out; then the old key

Searches are right at every moment: whichever version a search goes by was complete when it ended,
or the search is made again (vault/services/indexing.py). While a batch is written, no record of
the institution is, which takes some milliseconds: so what was read for it is not out of date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from vault.records import (
    Branch,
    CustomerKind,
    IndexKind,
    RecordUndecodable,
)
from vault.sealing import ScopeShredded, SealBroken, SealingError, open_full
from vault.services.kinds import CUSTOMERS, DOCUMENTS, AnyKind
from vault.services.opening import AnyRow, record_of, scope_of, version_of
from vault.services.rotation.conditions import require_rewrapped
from vault.services.rotation.index_entries import (
    Wanted,
    count_of,
    entry_record,
    is_current,
    page_of,
    wanted_of,
)
from vault.services.rotation.steps import Key, Verb
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
from vault.services.sealer import place
from vault.store import (
    Database,
    KeyVersionInUse,
    TransactionRow,
    blind_index,
    claims,
    customers,
    index_state,
    key_versions,
)
from vault.store.blind_index import kind_text
from vault.store.index_state import IndexState

_MOST: Final = 100  # records of one batch: writes wait for it
_SHOWN: Final = 3


class IndexWork:
    """Of the index keys of all institutions. ``database`` has the records."""

    def __init__(self, ground: Ground, database: Database) -> None:
        self._on = ground
        self._database = database
        # Of the job under way: records that do not open, which keep their old entries alone.
        self._broken: dict[str, dict[str, None]] = {}

    def step(self, job: JobRow) -> tuple[JobRow, int]:
        """As Work.step."""
        verb = Verb(job.verb)
        if verb is Verb.ROTATE:
            return self._rotate(job), 1
        if verb is Verb.REWRAP:
            return self._rewrap(job)
        if verb is Verb.RETIRE:
            return self._retire(job)
        return failed(self._on, job, "an index key is rotated, rewrapped or retired"), 0

    # -- a new version -----------------------------------------------------------------------

    def _rotate(self, job: JobRow) -> JobRow:
        on, institution = self._on, job.institution
        newest = on.keystore.newest_index_key(institution)
        if newest is None:
            return failed(on, job, "the institution has no keys")
        if not job.target:
            state = self._database.read_sync(lambda conn: index_state.read(conn, institution))
            if state.reading != newest.version:
                return failed(
                    on, job, "the rotation before is not finished: rewrap, so that searches follow"
                )
            target = str(newest.version + 1)
            return kept(on, going_on(on, job, stage=RUNNING, target=target, total=1))
        version = int(job.target)
        if newest.version < version:
            on.keystore.add_index_key(on.rotating.next_index_key(newest, version))
        on.ring.forget_index_key(institution, version)
        # Behind the key: from this commit on every write makes entries under it, or none at all.
        self._database.write_sync(lambda conn: self._also_write(conn, institution, version))
        return going_on(on, job, stage=DONE, done=1)

    @staticmethod
    def _also_write(conn: Connection, institution: str, version: int) -> None:
        state = index_state.hold(conn, institution)
        if version not in state.writing:
            writing = (*state.writing, version)
            index_state.put(conn, institution, IndexState(state.reading, writing))

    # -- entries for what is there -------------------------------------------------------------

    def _rewrap(self, job: JobRow) -> tuple[JobRow, int]:
        on, institution = self._on, job.institution
        if not job.target:
            return self._begin(job), 0
        version = int(job.target)
        broken = self._broken.setdefault(job.job, {})
        page = self._database.read_sync(
            lambda conn: page_of(conn, institution, job.cursor, min(_MOST, batch_of(job)))
        )
        wanted = self._wanted(institution, version, page.rows, broken)
        changed = self._database.write_sync(
            lambda conn: self._bring_level(conn, institution, version, wanted)
        )
        if changed is None:
            return job, 0  # a record has another version by now: read once more
        count = len(page.rows)
        if job.stage == CHECKING:
            # What the first pass has made is there, or a newer write has made it: nothing is left.
            made = going_on(on, job, checked=job.checked + count, cursor=page.cursor)
            if changed:
                detail = "entries were missing in the second pass, and were made"
                made = going_on(on, made, detail=detail)
            if not page.cursor:
                return self._finish(made, again=bool(made.detail)), count
            return kept(on, made), count
        made = going_on(on, job, stage=RUNNING, done=job.done + count, cursor=page.cursor)
        if not page.cursor:
            made = going_on(on, made, stage=CHECKING, total=made.done)
        return kept(on, made), count

    def _begin(self, job: JobRow) -> JobRow:
        on, institution = self._on, job.institution
        state = self._database.read_sync(lambda conn: index_state.read(conn, institution))
        if on.keystore.index_key(institution, state.reading) is None:
            return self._begin_anew(job)
        newest = max(state.writing)
        if newest == state.reading:
            # Searches go by the newest already: nothing is to be made, and nothing was lost.
            return going_on(on, job, stage=DONE, target=str(newest))
        total = self._database.read_sync(lambda conn: count_of(conn, institution))
        return kept(on, going_on(on, job, stage=RUNNING, target=str(newest), total=total))

    def _begin_anew(self, job: JobRow) -> JobRow:
        """The data are from before a rotation, and the key by which they were searched is gone:
        entries are made under the newest one alone, and searches find what has some already."""
        on, institution = self._on, job.institution
        newest = on.keystore.newest_index_key(institution)
        if newest is None:
            return failed(on, job, "the institution has no keys")
        version = newest.version

        def adopt(conn: Connection) -> int:
            index_state.hold(conn, institution)
            index_state.put(conn, institution, IndexState(version, (version,)))
            return count_of(conn, institution)

        total = self._database.write_sync(adopt)
        target = str(version)
        return kept(on, going_on(on, job, stage=RUNNING, target=target, total=total))

    def _finish(self, job: JobRow, *, again: bool) -> JobRow:
        on, institution, version = self._on, job.institution, int(job.target)
        broken = self._broken.get(job.job, {})
        if broken:
            shown = ", ".join(list(broken)[:_SHOWN])
            why = f"{len(broken)} records do not open; searches stay with the old version: {shown}"
            return failed(on, job, why)
        if again:
            return kept(on, going_on(on, job, cursor="", checked=0, detail=""))

        def read_by_it(conn: Connection) -> None:
            state = index_state.hold(conn, institution)
            index_state.put(conn, institution, IndexState(version, state.writing))

        self._database.write_sync(read_by_it)
        return going_on(on, job, stage=DONE, cursor="")

    def _wanted(
        self,
        institution: str,
        version: int,
        rows: Sequence[tuple[AnyKind, AnyRow]],
        broken: dict[str, None],
    ) -> list[Wanted]:
        """What the rows are to be found by; without those whose files were destroyed."""
        key = self._on.ring.index_key(institution, version)
        owners: dict[str, CustomerKind] = {}
        found: list[Wanted] = []
        for kind, row in rows:
            try:
                record = self._open(kind, row)
                if kind is CUSTOMERS:
                    owners[row.customer] = record.kind
                elif kind is DOCUMENTS and row.customer not in owners:
                    owners[row.customer] = self._owner(institution, row.customer)
            except ScopeShredded:
                continue
            except (SealingError, RecordUndecodable):
                broken[f"customers/{row.customer}/{record_of(row)}".rstrip("/")] = None
                continue
            owner = owners.get(row.customer, CustomerKind.UNSPECIFIED)
            found.append(wanted_of(key, kind, row, record, owner))
        return found

    def _open(self, kind: AnyKind, row: AnyRow) -> Any:
        ref = scope_of(row)
        file_key = self._on.ring.fetch(Branch.FULL, [ref])[ref]
        where = place(ref, record_of(row), version_of(row), "sealed")
        return kind.decode(open_full(file_key, row.sealed, where))

    def _owner(self, institution: str, customer: str) -> CustomerKind:
        row = self._database.read_sync(lambda conn: customers.current(conn, institution, customer))
        if row is None:
            raise SealBroken
        return self._open(CUSTOMERS, row).kind  # type: ignore[no-any-return]  # a Customer's own kind

    @staticmethod
    def _bring_level(
        conn: Connection, institution: str, version: int, wanted: Sequence[Wanted]
    ) -> int | None:
        """Give the records their entries and claims under the new version; how many were missing,
        or too many. None, with nothing done, where a record has another version by now."""
        index_state.hold(conn, institution)
        if not all(is_current(conn, one.row) for one in wanted):
            return None
        ours = {kind_text(kind.value, version) for kind in IndexKind}
        changed = 0
        for one in wanted:
            row, record = one.row, entry_record(one.row)
            there = {
                entry
                for entry in blind_index.of_record(conn, institution, row.customer, record)
                if entry.kind in ours
            }
            missing = sorted(one.entries - there, key=lambda entry: (entry.kind, entry.token))
            blind_index.put(conn, missing)
            changed += len(missing)
            if not isinstance(row, TransactionRow):
                # What an account is found by comes from many transactions, one of which is here.
                surplus = there - one.entries
                blind_index.take_out(conn, list(surplus))
                changed += len(surplus)
            if one.claimed:
                # The old claims are complete, and say who may hold it: nobody else can be here.
                claims.put(conn, institution, [(t, row.customer) for t in sorted(one.claimed)])
        return changed

    # -- out -----------------------------------------------------------------------------------

    def _retire(self, job: JobRow) -> tuple[JobRow, int]:
        on, institution, version = self._on, job.institution, int(job.target)
        kinds = [kind_text(kind.value, version) for kind in IndexKind]
        if job.stage != RUNNING:
            try:
                on.read(lambda conn: require_rewrapped(conn, institution, Key.INDEX, job.target))
                self._database.write_sync(
                    lambda conn: self._write_no_more(conn, institution, version)
                )
            except KeyVersionInUse as error:
                return failed(on, job, str(error)), 0
            total = self._database.read_sync(
                lambda conn: blind_index.count(conn, institution, kinds)
            )
            return kept(on, going_on(on, job, stage=RUNNING, total=total)), 0

        def take_out(conn: Connection) -> int:
            rows = blind_index.some_of(conn, institution, kinds, batch_of(job))
            claims.take_out(conn, institution, sorted({row.token for row in rows}))
            blind_index.take_out(conn, rows)
            return len(rows)

        gone = self._database.write_sync(take_out)
        if gone:
            return kept(on, going_on(on, job, done=job.done + gone)), gone
        try:
            on.write(lambda conn: key_versions.retire_index_key(conn, institution, version))
        except KeyVersionInUse as error:
            return failed(on, job, str(error)), 0
        on.ring.forget_index_key(institution, version)
        return going_on(on, job, stage=DONE), 0

    @staticmethod
    def _write_no_more(conn: Connection, institution: str, version: int) -> None:
        """No write makes entries under the version any more, and no search goes by it. Raises
        KeyVersionInUse."""
        state = index_state.hold(conn, institution)
        if version == state.reading:
            raise KeyVersionInUse("searches go by it; rotate and rewrap first")
        if version > state.reading and version in state.writing:
            raise KeyVersionInUse("entries under it are being made")
        left = tuple(one for one in state.writing if one != version)
        index_state.put(conn, institution, IndexState(state.reading, left))
