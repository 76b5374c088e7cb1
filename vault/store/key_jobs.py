"""Jobs on keys: what was approved, how far it has come, and which process is at it.

A job is led by the process that holds its lease; the lease is prolonged with every batch, in the
batch's own transaction, so that a process that was taken for dead cannot write any more. A job
whose lease has run out is taken over by whichever process looks next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, select, update

from vault.store.errors import StoreError
from vault.store.schema import key_jobs
from vault.store.statements import insert_or_ignore

_J = key_jobs.c

WAITING, RUNNING, CHECKING, DONE, FAILED = "WAITING", "RUNNING", "CHECKING", "DONE", "FAILED"
OPEN = (WAITING, RUNNING, CHECKING)


class LeaseLost(StoreError):
    """Another process leads this job now; nothing of this transaction may stand."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job. `job` is the identifier of the proposal that was approved for it and `number` its
    number among all that were; `total`, `done` and `checked` count keys, or records; times in
    microseconds, 0 where there is none. `target` is the version that it made or leads to."""

    institution: str
    job: str
    number: int
    key: str
    verb: str
    target: str
    provider: str
    rate: int
    stage: str
    total: int
    done: int
    checked: int
    cursor: str
    detail: str
    owner: str
    lease_until: int
    created_at: int
    updated_at: int
    finished_at: int

    @property
    def open(self) -> bool:
        """Whether there is something left to do."""
        return self.stage in OPEN


_COLUMNS = tuple(field.name for field in fields(JobRow))


def add(conn: Connection, row: JobRow) -> bool:
    """Put a job down, unless it is there already; whether it was new."""
    values = tuple(getattr(row, name) for name in _COLUMNS)
    return insert_or_ignore(conn, key_jobs, [values]) == 1


def get(conn: Connection, institution: str, job: str) -> JobRow | None:
    """One job."""
    row = conn.execute(select(key_jobs).where(_J.institution == institution, _J.job == job)).first()
    return None if row is None else JobRow(*row)


def unfinished(conn: Connection) -> list[JobRow]:
    """Those with something left to do, in the order in which they were approved."""
    found = conn.execute(select(key_jobs).where(_J.stage.in_(OPEN)).order_by(_J.number))
    return [JobRow(*row) for row in found]


def known(conn: Connection, jobs: Sequence[str]) -> set[str]:
    """Those of these identifiers that are jobs already."""
    return set(conn.execute(select(_J.job).where(_J.job.in_(jobs))).scalars())


def page(conn: Connection, institution: str, limit: int) -> list[JobRow]:
    """The jobs of an institution (empty: of the vault as a whole), newest first."""
    found = conn.execute(
        select(key_jobs)
        .where(_J.institution == institution)
        .order_by(_J.number.desc())
        .limit(limit)
    )
    return [JobRow(*row) for row in found]


def latest(conn: Connection, limit: int) -> list[JobRow]:
    """The jobs of all institutions, and of the vault as a whole, newest first; those with something
    left to do among them, however old they are."""
    newest = select(_J.number).order_by(_J.number.desc()).limit(limit)
    found = conn.execute(
        select(key_jobs)
        .where(_J.number.in_(newest) | _J.stage.in_(OPEN))
        .order_by(_J.number.desc())
    )
    return [JobRow(*row) for row in found]


def of_key(conn: Connection, institution: str, key: str, verb: str) -> list[JobRow]:
    """The finished jobs of one kind on one key, newest first."""
    found = conn.execute(
        select(key_jobs)
        .where(_J.institution == institution, _J.key == key, _J.verb == verb, _J.stage == DONE)
        .order_by(_J.number.desc())
    )
    return [JobRow(*row) for row in found]


def take(conn: Connection, job: JobRow, owner: str, now: int, until: int) -> JobRow | None:
    """Lead a job until then, unless another process does. None where one does."""
    done = conn.execute(
        update(key_jobs)
        .where(
            _J.institution == job.institution,
            _J.job == job.job,
            _J.stage.in_(OPEN),
            (_J.owner == owner) | (_J.lease_until <= now),
        )
        .values(owner=owner, lease_until=until)
    )
    return get(conn, job.institution, job.job) if done.rowcount == 1 else None


def keep(conn: Connection, job: JobRow) -> None:
    """Write down how far a job is, as the process that leads it. Raises LeaseLost."""
    values = {name: getattr(job, name) for name in _COLUMNS if name not in _FIXED}
    done = conn.execute(
        update(key_jobs)
        .where(
            _J.institution == job.institution,
            _J.job == job.job,
            _J.owner == job.owner,
            _J.stage.in_(OPEN),
        )
        .values(**values)
    )
    if done.rowcount != 1:
        raise LeaseLost("another process leads this job")


_FIXED = frozenset({"institution", "job", "number", "key", "verb", "created_at", "owner"})
