"""Steps with keys, versions of keys and the work on them into messages, and steps out of them."""

from __future__ import annotations

from typing import Final

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.admin.v1 import keys_pb2 as pb
from vault.rpc.translate.common import from_micros
from vault.services.rotation.showing import Version
from vault.services.rotation.steps import Key, Step, Verb
from vault.store.key_jobs import JobRow

KEYS: Final = {
    ap.KEY_KEK_FULL: Key.KEK_FULL,
    ap.KEY_KEK_MASKED: Key.KEK_MASKED,
    ap.KEY_KEK_INDEX: Key.KEK_INDEX,
    ap.KEY_BRANCH_FULL: Key.BRANCH_FULL,
    ap.KEY_BRANCH_MASKED: Key.BRANCH_MASKED,
    ap.KEY_INDEX: Key.INDEX,
    ap.KEY_RECORDS: Key.RECORDS,
}
VERBS: Final = {
    ap.KEY_VERB_ROTATE: Verb.ROTATE,
    ap.KEY_VERB_REWRAP: Verb.REWRAP,
    ap.KEY_VERB_RETIRE: Verb.RETIRE,
    ap.KEY_VERB_RESEAL: Verb.RESEAL,
}
_KEY_NUMBERS: Final = {key: number for number, key in KEYS.items()}
_VERB_NUMBERS: Final = {verb: number for number, verb in VERBS.items()}


def to_step(message: ap.KeyStep) -> Step:
    """The step of a message that names a key and a verb."""
    return Step(
        KEYS[message.key], VERBS[message.verb], message.version, message.rate, message.provider
    )


def key_step(step: Step) -> ap.KeyStep:
    """A step."""
    return ap.KeyStep(
        key=_KEY_NUMBERS[step.key],
        verb=_VERB_NUMBERS[step.verb],
        version=step.version,
        rate=step.rate,
        provider=step.provider,
    )


def version(one: Version) -> pb.KeyVersion:
    """A version of a key."""
    return pb.KeyVersion(
        key=_KEY_NUMBERS[one.key],
        version=one.version,
        key_id=one.key_id,
        kek_version=one.kek_version,
        newest=one.newest,
        hanging=one.hanging,
        create_time=from_micros(one.created_at) if one.created_at else None,
        searched=one.searched,
    )


def work(job: JobRow) -> pb.KeyWork:
    """How far a step is."""
    under = f"institutions/{job.institution}/" if job.institution else ""
    verb = Verb(job.verb)
    retired = job.target if verb is Verb.RETIRE else ""
    return pb.KeyWork(
        name=f"{under}proposals/{job.job}",
        step=key_step(Step(Key(job.key), verb, retired, job.rate, job.provider)),
        state=pb.KeyWorkState.Value(f"KEY_WORK_STATE_{job.stage}"),
        target=job.target,
        total=job.total,
        done=job.done,
        checked=job.checked,
        detail=job.detail,
        create_time=from_micros(job.created_at),
        update_time=from_micros(job.updated_at),
        finish_time=from_micros(job.finished_at) if job.finished_at else None,
    )
