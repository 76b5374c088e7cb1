"""Work on branch keys: a new version, the file keys hung under it, and old versions taken out.

A rewrap takes whatever hangs under an older version, so it needs no memory of where it was. It then
goes through all file keys of the institution once more, in order, reads each one anew and opens it.
"""

from __future__ import annotations

from sqlalchemy import Connection

from vault.records import Branch, ScopeRef
from vault.services.rotation.conditions import require_rewrapped
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
from vault.store import KeyVersionInUse, key_jobs, key_versions


class BranchWork:
    """Of the keys of one branch."""

    def __init__(self, ground: Ground, branch: Branch) -> None:
        self._on = ground
        self._branch = branch
        # Of the job under way: scopes whose keys do not open, which are passed over.
        self._broken: dict[str, dict[tuple[str, str], None]] = {}

    def step(self, job: JobRow) -> tuple[JobRow, int]:
        """As Work.step."""
        match Verb(job.verb):
            case Verb.ROTATE:
                return self._rotate(job), 1
            case Verb.REWRAP:
                return self._rewrap(job)
            case Verb.RETIRE:
                return self._retire(job), 1
            case Verb.RESEAL:
                return kept(self._on, failed(self._on, job, "a key is not re-sealed")), 0

    # -- a new version -----------------------------------------------------------------------

    def _rotate(self, job: JobRow) -> JobRow:
        on, branch, institution = self._on, self._branch, job.institution
        if not job.target:
            # Written down first: whoever goes on from here makes this version, not another.
            newest = on.keystore.newest_branch_key(branch, institution)
            if newest is None:
                return kept(on, failed(on, job, "the institution has no keys here"))
            target = str(newest.version + 1)
            return kept(on, going_on(on, job, stage=RUNNING, target=target, total=1))
        row = on.rotating.next_branch_key(branch, institution, int(job.target))
        on.keystore.add_branch_key(branch, row)
        return kept(on, going_on(on, job, stage=DONE, done=1))

    # -- from old versions to the newest -----------------------------------------------------

    def _rewrap(self, job: JobRow) -> tuple[JobRow, int]:
        if not job.target:
            return self._begin(job), 0
        if job.stage == CHECKING:
            return self._check(job)
        on, branch, institution, target = self._on, self._branch, job.institution, int(job.target)
        broken = self._broken.setdefault(job.job, {})
        rows = on.read(
            lambda conn: key_versions.before(
                conn, branch, institution, target, batch_of(job), broken
            )
        )
        if not rows:
            return kept(on, going_on(on, job, stage=CHECKING, cursor="", checked=0)), 0
        moved, unopened = on.rotating.rewrapped(branch, rows, target)
        self._note(broken, unopened)
        made = going_on(on, job, stage=RUNNING, done=job.done + len(moved))

        def work(conn: Connection) -> None:
            key_versions.move(conn, branch, moved)
            key_jobs.keep(conn, made)

        try:
            on.write(work)
        except KeyVersionInUse as error:
            return kept(on, failed(on, job, str(error))), 0
        return made, len(rows)

    def _begin(self, job: JobRow) -> JobRow:
        on, branch, institution = self._on, self._branch, job.institution
        newest = on.keystore.newest_branch_key(branch, institution)
        if newest is None:
            return kept(on, failed(on, job, "the institution has no keys here"))
        total = on.read(
            lambda conn: key_versions.hanging_before(conn, branch, institution, newest.version)
        )
        target = str(newest.version)
        return kept(on, going_on(on, job, stage=RUNNING, target=target, total=total))

    def _check(self, job: JobRow) -> tuple[JobRow, int]:
        on, branch, institution, target = self._on, self._branch, job.institution, int(job.target)
        broken = self._broken.setdefault(job.job, {})
        # A scope's name may have a slash in it, and so may that of whom it belongs to.
        customer, _, scope = job.cursor.partition("|")
        rows = on.read(
            lambda conn: key_versions.page(
                conn, branch, institution, (customer, scope), batch_of(job)
            )
        )
        if not rows:
            return self._finish(job), 0
        late = [r for r in rows if r.branch_key_version < target]
        if any((row.customer, row.scope) not in broken for row in late):
            # Hung under an older version by somebody who had not heard of the newest yet.
            return kept(on, going_on(on, job, stage=RUNNING)), 0
        self._note(broken, on.rotating.unopened(branch, rows))
        last = rows[-1]
        made = going_on(
            on, job, checked=job.checked + len(rows), cursor=f"{last.customer}|{last.scope}"
        )
        return kept(on, made), len(rows)

    def _finish(self, job: JobRow) -> JobRow:
        broken = self._broken.pop(job.job, {})
        if not broken:
            return kept(self._on, going_on(self._on, job, stage=DONE, cursor=""))
        shown = ", ".join(f"{customer} {scope}" for customer, scope in list(broken)[:3])
        why = f"{len(broken)} file keys do not open and were left as they are: {shown}"
        return kept(self._on, failed(self._on, job, why))

    @staticmethod
    def _note(broken: dict[tuple[str, str], None], refs: list[ScopeRef]) -> None:
        broken.update(dict.fromkeys((ref.customer, ref.scope) for ref in refs))

    # -- out -----------------------------------------------------------------------------------

    def _retire(self, job: JobRow) -> JobRow:
        on, branch, institution, version = self._on, self._branch, job.institution, int(job.target)

        def work(conn: Connection) -> None:
            key_jobs.keep(conn, going_on(on, job, stage=RUNNING))
            require_rewrapped(conn, institution, Key(job.key), str(version))
            key_versions.retire_branch_key(conn, branch, institution, version)

        try:
            on.write(work)
        except KeyVersionInUse as error:
            return failed(on, job, str(error))
        on.ring.forget_branch_key(branch, institution, version)
        return going_on(on, job, stage=DONE, total=1, done=1)
