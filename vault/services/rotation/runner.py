"""Carries out what two persons have agreed to do with keys, in the background of the full tier.

What was agreed comes from the approved proposals, as the full tier has signed them: a row that
somebody put into the database, there or among the jobs, starts nothing. Each becomes a job in the
key store; one process leads a job at a time, and another one takes it over when that one is gone.

    begun in the log -> batches, each a transaction of the key store -> ended in the log -> ended in
    the key store

A crash anywhere leaves a job that goes on; in front of the last step it is ended in the log twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

import structlog

from vault.access import Action
from vault.access.proposals import Proposal
from vault.audit import AuditEvent, AuditLog, LogUnavailable
from vault.blobs import BlobError
from vault.kms import KmsError
from vault.records import new_ulid
from vault.services.rotation.agreed import is_job_of, job_of
from vault.services.rotation.branch_work import BranchWork
from vault.services.rotation.kek_work import KekWork
from vault.services.rotation.steps import DEFAULT_RATE, Key
from vault.services.rotation.work import DONE, FAILED, Ground, JobRow, Work, failed
from vault.store import StoreError, key_jobs
from vault.store.key_jobs import WAITING, LeaseLost

T = TypeVar("T")

EVERY_SECONDS: Final = 0.5
"""Between two looks for something to do."""

AT_ONCE: Final = 4
"""Jobs of one process at once, each with another key."""

_LAPSES_AFTER: Final = 7 * 86_400_000_000
_CHUNK: Final = 200

_log = structlog.get_logger("vault.services")


class KeyRunner:
    """Of one process of the full tier. ``agreed`` gives the approved proposals about keys, in
    order, from the first one; ``extra`` is work on other keys than KEKs and branch keys; ``may``
    says whether anything may be begun: nothing is where the log was set back."""

    def __init__(
        self,
        ground: Ground,
        log: AuditLog,
        agreed: Callable[[], Sequence[Proposal]],
        owner: str,
        extra: dict[Key, Work] | None = None,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        self._on = ground
        self._log = log
        self._agreed = agreed
        self._owner = owner
        self._may = may
        self._noted = 0
        self._last = ""
        self._leading: set[str] = set()
        self._strange: set[str] = set()
        self._pool = ThreadPoolExecutor(AT_ONCE, "vault-rotation")
        self._works: dict[Key, Work] = {
            **{key: KekWork(ground, key.kek) for key in Key if key.kek is not None},
            **{key: BranchWork(ground, key.branch) for key in Key if key.branch is not None},
            **(extra or {}),
        }

    async def run(self) -> None:
        """Look for something to do and do it, until cancelled; so many jobs at once that a long one
        keeps no other key waiting."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                job = None
                if self._may() and len(under_way) < AT_ONCE:
                    job = await self._guarded(self._next())
                if job is None:
                    await asyncio.sleep(EVERY_SECONDS)
                    continue
                self._leading.add(job.job)
                task = asyncio.create_task(self._alone(job))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            self._pool.shutdown(wait=False)

    async def look(self) -> bool:
        """Take down what was agreed since, and carry out one job that nobody else leads; whether
        there was one. Raises what reading and writing raise."""
        job = await self._next()
        if job is None:
            return False
        await self._carry_out(job)
        return True

    async def _next(self) -> JobRow | None:
        await self._take_down()
        return await self._in_thread(self._lead)

    async def _alone(self, job: JobRow) -> None:
        try:
            await self._guarded(self._carry_out(job))
            await asyncio.sleep(EVERY_SECONDS)
        finally:
            self._leading.discard(job.job)

    async def _guarded(self, doing: Coroutine[Any, Any, T]) -> T | None:
        try:
            return await doing
        except (StoreError, KmsError, BlobError, LogUnavailable) as error:
            # Away for a while, or another process was faster: the job says where to go on.
            _log.warning("keys: tried again soon", problem=type(error).__name__)
        except Exception as error:
            # Whatever it trips over, other keys must still be rotated.
            _log.error("keys: a job was left", error=type(error).__name__)
        return None

    # -- what there is to do -----------------------------------------------------------------

    async def _take_down(self) -> None:
        agreed = self._agreed()
        noted = self._noted
        if noted and (len(agreed) < noted or agreed[noted - 1].identifier != self._last):
            self._noted = 0  # the log was set back, and what was agreed with it
        fresh = agreed[self._noted :]
        for start in range(0, len(fresh), _CHUNK):
            some = fresh[start : start + _CHUNK]
            await self._in_thread(partial(self._note, some))
            self._noted += len(some)
            self._last = some[-1].identifier

    def _note(self, agreed: Sequence[Proposal]) -> None:
        on, now = self._on, self._on.clock.now_micros()
        known = on.read(lambda conn: key_jobs.known(conn, [one.identifier for one in agreed]))
        for one in agreed:
            if one.identifier in known:
                continue
            row = job_of(one, now)
            if row is None:
                # Of a later release, which knows more steps: a process of that one takes it down.
                _log.warning("keys: an approved step is not known to this release")
                continue
            if now - one.decided_at > _LAPSES_AFTER:
                # The key store is from before: what was done then is not done again by itself.
                row = failed(on, row, "agreed to long ago; propose it again if it is still wanted")
            on.write(partial(key_jobs.add, row=row))

    def _lead(self) -> JobRow | None:
        on = self._on
        waiting: set[tuple[str, str]] = set()
        agreed = {one.identifier: one for one in self._agreed()}
        for job in on.read(key_jobs.unfinished):
            if not is_job_of(agreed.get(job.job), job):
                # Nobody has agreed to this: somebody put it there, or has altered it.
                self._tell_strange(job)
                continue
            # What is done with one key is done in the order in which it was agreed to.
            if (job.institution, job.key) in waiting:
                continue
            waiting.add((job.institution, job.key))
            if job.job in self._leading:
                continue
            now = on.clock.now_micros()
            if job.lease_until > now and job.owner != self._owner:
                continue
            led = on.write(
                partial(key_jobs.take, job=job, owner=self._owner, now=now, until=on.until())
            )
            if led is not None:
                return led
        return None

    def _tell_strange(self, job: JobRow) -> None:
        if job.job not in self._strange:
            self._strange.add(job.job)
            _log.error("ALERT: a job with keys that nobody has agreed to is not done", job=job.job)

    # -- doing it ----------------------------------------------------------------------------

    async def _carry_out(self, job: JobRow) -> None:
        work = self._works.get(Key(job.key))
        if work is None:
            await self._end(failed(self._on, job, "this release does not do that"))
            return
        if job.stage == WAITING:
            await self._tell(job, Action.KEYS_BEGIN)
        loop = asyncio.get_running_loop()
        try:
            while job.open:
                if not self._may():
                    await self._let_go(job)
                    return
                started = loop.time()
                step = asyncio.ensure_future(self._in_thread(partial(work.step, job)))
                try:
                    made, taken = await asyncio.shield(step)
                except asyncio.CancelledError:
                    # The thread goes on to the batch's end, and what it writes down must stand.
                    done, _ = await step
                    job = done if done.open else job
                    raise
                if not made.open:
                    await self._end(made)
                    return
                job = made
                rest = taken / (job.rate or DEFAULT_RATE) - (loop.time() - started)
                # Never at once: others want the key store, and the interpreter, too.
                await asyncio.sleep(max(rest, 0.001))
        except LeaseLost:
            return
        except asyncio.CancelledError:
            await self._let_go(job)
            raise

    async def _end(self, job: JobRow) -> None:
        await self._tell(job, Action.KEYS_END)
        await self._in_thread(partial(self._on.write, partial(key_jobs.keep, job=job)))

    async def _let_go(self, job: JobRow) -> None:
        """Another process need not wait for the lease to run out."""
        free = replace(job, lease_until=0)
        try:
            await asyncio.shield(
                self._in_thread(partial(self._on.write, partial(key_jobs.keep, job=free)))
            )
        except Exception:
            return

    async def _tell(self, job: JobRow, action: Action) -> None:
        now = self._on.clock.now_micros()
        under = f"institutions/{job.institution}/" if job.institution else ""
        outcome = {DONE: "OK", FAILED: "FAILED_PRECONDITION"}.get(job.stage, "")
        await self._log.record(
            AuditEvent(
                event_id=new_ulid(now // 1000),
                time=now,
                tier="full",
                action=action.value,
                institution=job.institution,
                resource=f"{under}proposals/{job.job}",
                resources=(f"keys/{job.key}@{job.target}",) if job.target else (),
                outcome=outcome,
                reason="KEY_STEP_FAILED" if job.stage == FAILED else "",
                count=job.done,
            )
        )
        _log.info("keys", step=job.verb, key=job.key, stage=job.stage, done=job.done)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
