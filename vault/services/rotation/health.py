"""Says what is being done with keys, and whether somebody has to look at it."""

from __future__ import annotations

import asyncio
from typing import Final

from vault.services.health import Check, Probe, State
from vault.services.rotation.work import Ground
from vault.store import StoreError, key_jobs
from vault.store.key_jobs import FAILED, WAITING, JobRow

_STUCK_MICROS: Final = 60_000_000
_LATEST: Final = 200


def rotation_probe(ground: Ground) -> Probe:
    """Steps with keys go on, and none has ended without success since the last one of its key."""

    async def probe() -> Check:
        try:
            jobs = await asyncio.to_thread(ground.read, lambda conn: key_jobs.latest(conn, _LATEST))
        except StoreError as error:
            return Check("keys", State.CRITICAL, str(error), "bring the key store back")
        going = [job for job in jobs if job.open]
        figures = {"under_way": float(len(going))}
        stuck = [job for job in going if _stuck(job, jobs, ground.clock.now_micros())]
        if stuck:
            detail = f"{_named(stuck[0])} makes no progress"
            remedy = "see the server's log; the key provider or the key store may be away"
            return Check("keys", State.WARNING, detail, remedy, figures)
        if broken := [job for job in _newest(jobs) if job.stage == FAILED]:
            detail = f"{_named(broken[0])} failed: {broken[0].detail}"
            remedy = "mend what it names, and propose the step once more"
            return Check("keys", State.WARNING, detail, remedy, figures)
        if going:
            shown = ", ".join(f"{_named(job)} {job.done}/{job.total}" for job in going[:3])
            return Check("keys", State.OK, shown, figures=figures)
        return Check("keys", State.OK, "nothing is being done with keys", figures=figures)

    return probe


def _named(job: JobRow) -> str:
    of = f" of {job.institution}" if job.institution else ""
    return f"{job.verb} {job.key}{of}"


def _newest(jobs: list[JobRow]) -> list[JobRow]:
    """The latest job of each key; `jobs` are newest first."""
    found: dict[tuple[str, str], JobRow] = {}
    for job in jobs:
        found.setdefault((job.institution, job.key), job)
    return list(found.values())


def _stuck(job: JobRow, jobs: list[JobRow], now: int) -> bool:
    """Whether nothing was written down of a job for long, although nothing of its key is before
    it."""
    behind = job.stage == WAITING and any(
        (other.institution, other.key) == (job.institution, job.key)
        and other.open
        and other.number < job.number
        for other in jobs
    )
    return not behind and now - job.updated_at > _STUCK_MICROS
