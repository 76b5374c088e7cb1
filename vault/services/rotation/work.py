"""What every kind of work on a key has in common: it is done in batches, each of which stands by
itself, and says after each how far it has come.

If the process dies between two batches, the next one that takes the job goes on from what the key
store says; if it dies within one, that batch is undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from vault.kms import KekName, Kms
from vault.sealing import Clock, KeyRing
from vault.sealing.rotating import Rotating
from vault.services.rotation.steps import DEFAULT_RATE
from vault.store import Database, KeyStore, key_jobs
from vault.store.key_jobs import CHECKING as CHECKING
from vault.store.key_jobs import DONE as DONE
from vault.store.key_jobs import FAILED as FAILED
from vault.store.key_jobs import RUNNING as RUNNING
from vault.store.key_jobs import JobRow as JobRow

T = TypeVar("T")

LEASE_SECONDS: Final = 10.0
"""For how long a job waits for a process that has died."""

_BATCHES_A_SECOND: Final = 5
_MOST: Final = 500
_DETAIL: Final = 400


@dataclass(frozen=True, slots=True)
class Ground:
    """What work on keys stands on. Every part is for any thread."""

    database: Database
    keystore: KeyStore
    ring: KeyRing
    kms: Kms
    rotating: Rotating
    clock: Clock
    lease_seconds: float = LEASE_SECONDS

    def write(self, work: Callable[[Connection], T]) -> T:
        """In one transaction of the key store."""
        return self.database.write_sync(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """From the key store."""
        return self.database.read_sync(work)

    def until(self) -> int:
        """When a lease that is prolonged now runs out."""
        return self.clock.now_micros() + int(self.lease_seconds * 1_000_000)

    def newest_kek(self, kek: KekName) -> str:
        """The version that is wrapped under now."""
        return self.rotating.newest_kek(kek)


class Work(Protocol):
    """One kind of work."""

    def step(self, job: JobRow) -> tuple[JobRow, int]:
        """Do one batch; how the job stands, and how many keys it took. What goes on is written
        down already; what has ended is done once more if the process dies here.

        Blocks. Raises LeaseLost, StoreUnavailable, KmsUnavailable: nothing of the batch stands.
        Whatever can never succeed ends the job as FAILED.
        """
        ...


def batch_of(job: JobRow) -> int:
    """How many keys to take at once, so that others get their turn."""
    rate = job.rate or DEFAULT_RATE
    return max(1, min(_MOST, rate // _BATCHES_A_SECOND))


def going_on(ground: Ground, job: JobRow, **changes: object) -> JobRow:
    """The job with what has changed, led on by the same process."""
    now = ground.clock.now_micros()
    made = replace(job, updated_at=now, lease_until=ground.until(), **changes)  # type: ignore[arg-type]  # names checked by replace
    if made.open:
        return made
    return replace(made, finished_at=now, lease_until=0, detail=made.detail[:_DETAIL])


def failed(ground: Ground, job: JobRow, why: str) -> JobRow:
    """The job, which has come to its end without success."""
    return going_on(ground, job, stage=FAILED, detail=why)


def kept(ground: Ground, job: JobRow) -> JobRow:
    """Write down how the job stands, if it goes on: that it has ended is written down when it
    stands in the log. Raises LeaseLost."""
    if job.open:
        ground.write(lambda conn: key_jobs.keep(conn, job))
    return job
