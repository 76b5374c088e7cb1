"""Work on KEKs: a new version or another provider, the institutions' keys wrapped by it, and old
versions taken out.

A KEK never leaves its provider, so a key is unwrapped by the old version and wrapped by the new one
here, and unwrapped once more before anything is stored. They are few: one an institution, branch
and version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Table

from vault.kms import KekMissing, KekName, UnwrapRefused
from vault.kms.rotation import CannotRotate, Rotates
from vault.kms.several import own_name
from vault.sealing import SealBroken
from vault.services.rotation.conditions import KEK_TABLES, require_rewrapped, require_unused_kek
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
from vault.store import BranchKeyRow, KeyVersionInUse, key_jobs, key_versions

_SHOWN: Final = 3
_AT_ONCE: Final = 10  # keys of one batch: a provider may take a while for each


class KekWork:
    """Of one KEK."""

    def __init__(self, ground: Ground, kek: KekName) -> None:
        self._on = ground
        self._kek = kek
        self._table: Table = KEK_TABLES[kek]
        # Of the job under way: keys that were found not to open.
        self._unopened: dict[str, list[str]] = {}

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
        on, kek = self._on, self._kek
        try:
            newest = on.newest_kek(kek)
            if job.stage != RUNNING:
                # Written down first: a version that was made just before the process died is the
                # one that was wanted.
                return kept(on, going_on(on, job, stage=RUNNING, total=1, cursor=newest))
            if job.provider:
                self._entrust(job.provider)
            elif newest == job.cursor:
                self._rotating().rotate(kek)
            target = on.newest_kek(kek)
        except (CannotRotate, KekMissing) as error:
            return kept(on, failed(on, job, str(error)))
        return kept(on, going_on(on, job, stage=DONE, target=target, done=1, cursor=""))

    def _entrust(self, provider: str) -> None:
        kms, kek = self._on.kms, self._kek
        if not isinstance(kms, Rotates):
            raise CannotRotate("only one provider is configured")
        # Before anybody relies on it: it must be there, and give back what it wraps.
        kms.require(kek, provider)
        self._on.write(lambda conn: key_versions.entrust(conn, kek.value, own_name(provider)))

    def _rotating(self) -> Rotates:
        if not isinstance(self._on.kms, Rotates):
            raise CannotRotate("this provider's KEKs are rotated with its own tools")
        return self._on.kms

    # -- from old versions to the newest -----------------------------------------------------

    def _rewrap(self, job: JobRow) -> tuple[JobRow, int]:
        on, table = self._on, self._table
        if not job.target:
            try:
                target = on.newest_kek(self._kek)
            except KekMissing as error:
                return kept(on, failed(on, job, str(error))), 0
            total = len(on.read(lambda conn: key_versions.elsewhere(conn, table, target)))
            return kept(on, going_on(on, job, stage=RUNNING, target=target, total=total)), 0
        if job.stage == CHECKING:
            return self._check(job)
        rows = on.read(lambda conn: key_versions.elsewhere(conn, table, job.target))
        left = [row for row in rows if _place(row.institution, row.version) > job.cursor]
        if not left:
            return kept(on, going_on(on, job, stage=CHECKING, cursor="", checked=0)), 0
        some = left[: min(_AT_ONCE, batch_of(job))]
        pairs = []
        for row in some:
            try:
                pairs.append((row, on.rotating.rewrapped_by_kms(self._kek, row)))
            except (UnwrapRefused, KekMissing, SealBroken):
                continue  # the check behind names it
        made = going_on(
            on,
            job,
            stage=RUNNING,
            done=job.done + len(pairs),
            cursor=_place(some[-1].institution, some[-1].version),
        )

        def work(conn: Connection) -> None:
            for old, new in pairs:
                key_versions.rewrap(conn, table, old, new)
            key_jobs.keep(conn, made)

        on.write(work)
        return made, len(some)

    def _check(self, job: JobRow) -> tuple[JobRow, int]:
        on = self._on
        unopened = self._unopened.setdefault(job.job, [])
        rows = on.read(lambda conn: key_versions.every(conn, self._table))
        left = [row for row in rows if _place(row.institution, row.version) > job.cursor]
        if not left:
            return self._finish(job, rows), 0
        some = left[: min(_AT_ONCE, batch_of(job))]
        unopened += [f"{row.institution} {row.version}" for row in some if not self._opens(row)]
        cursor = _place(some[-1].institution, some[-1].version)
        made = going_on(on, job, checked=job.checked + len(some), cursor=cursor)
        return kept(on, made), len(some)

    def _finish(self, job: JobRow, rows: Sequence[BranchKeyRow]) -> JobRow:
        on, unopened = self._on, self._unopened.pop(job.job, [])
        if unopened:
            shown = ", ".join(unopened[:_SHOWN])
            why = f"{len(unopened)} keys do not open and were left as they are: {shown}"
            return failed(on, job, why)
        if all(row.kek_version == job.target for row in rows):
            return going_on(on, job, stage=DONE, cursor="")
        if on.newest_kek(self._kek) != job.target:
            return failed(on, job, "a newer version was made meanwhile; propose a rewrap to it")
        return kept(on, going_on(on, job, stage=RUNNING, cursor="", checked=0))

    def _opens(self, row: BranchKeyRow) -> bool:
        try:
            return self._on.rotating.opens(self._kek, row)
        except KekMissing:
            return False

    # -- out -----------------------------------------------------------------------------------

    def _retire(self, job: JobRow) -> JobRow:
        on, kek, version = self._on, self._kek, job.target
        try:
            newest = on.newest_kek(kek)
        except KekMissing as error:
            return kept(on, failed(on, job, str(error)))

        def look(conn: Connection) -> None:
            require_unused_kek(conn, kek, version, newest)
            require_rewrapped(conn, job.institution, Key(job.key), version)

        try:
            on.read(look)
        except KeyVersionInUse as error:
            return kept(on, failed(on, job, str(error)))
        destroyed = isinstance(on.kms, Rotates) and on.kms.forget(kek, version)
        detail = (
            "destroyed where it was kept"
            if destroyed
            else "nothing is wrapped by it: destroy it with its provider's own tools"
        )
        return kept(on, going_on(on, job, stage=DONE, total=1, done=1, detail=detail))


def _place(institution: str, version: int) -> str:
    """A key's place in the order in which keys are taken."""
    return f"{institution}/{version:010d}"
