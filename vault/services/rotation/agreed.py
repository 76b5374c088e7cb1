"""What was agreed to be done with a key, as a job that waits."""

from __future__ import annotations

from vault.access.proposals import Proposal
from vault.services.rotation.steps import Verb, step_in
from vault.store import StoreAltered
from vault.store.key_jobs import WAITING, JobRow


def job_of(proposal: Proposal, now: int) -> JobRow | None:
    """The job of an approved proposal; None of a step that this release does not know."""
    try:
        step = step_in(proposal.content)
    except StoreAltered:
        return None
    return JobRow(
        institution=proposal.institution,
        job=proposal.identifier,
        number=proposal.applied,
        key=step.key.value,
        verb=step.verb.value,
        target=step.version if step.verb is Verb.RETIRE else "",
        provider=step.provider,
        rate=step.rate,
        stage=WAITING,
        total=0,
        done=0,
        checked=0,
        cursor="",
        detail="",
        owner="",
        lease_until=0,
        created_at=now,
        updated_at=now,
        finished_at=0,
    )


def is_job_of(proposal: Proposal | None, job: JobRow) -> bool:
    """Whether a job is what was agreed to: with that key, and as it says."""
    meant = None if proposal is None else job_of(proposal, job.created_at)
    if meant is None:
        return False
    fixed = ("institution", "job", "number", "key", "verb", "provider", "rate")
    same = all(getattr(job, name) == getattr(meant, name) for name in fixed)
    # A retirement's target is agreed to; another's is worked out.
    return same and (not meant.target or job.target == meant.target)
