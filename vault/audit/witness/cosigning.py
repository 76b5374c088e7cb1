"""The answer to `add-checkpoint`, by the statuses of C2SP tlog-witness.

400  malformed, or an old size beyond the checkpoint's       nothing changes
404  a log that this witness does not know
403  no signature of the log's keys
409  another old size than the one cosigned last (which the body says), or two roots of one size
422  the consistency proof does not verify
200  the cosignature; the state is on disk before it
500  the state cannot be read or written: nothing is signed
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from vault.audit.checkpoint import (
    CheckpointBody,
    CheckpointInvalid,
    UnverifiedCheckpoint,
    verify_checkpoint,
)
from vault.audit.faults import point
from vault.audit.merkle import ProofInvalid, verify_consistency
from vault.audit.note import AlgorithmMissing, KeySigner, VerifierKey
from vault.audit.witness.keys import WitnessKey
from vault.audit.witness.request import AddCheckpoint, RequestInvalid
from vault.audit.witness.state import StateFolder, StateUnusable

_logger = logging.getLogger("vault.witness")
_TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = _TEXT


class Cosigner:
    """Cosigns for the logs that it knows, by origin. Thread-safe; one request at a time is decided.

    `clock` gives POSIX seconds. A clock that goes back does not make a later cosignature look
    older.
    """

    def __init__(
        self,
        key: WitnessKey,
        logs: Mapping[str, Sequence[VerifierKey]],
        state: StateFolder,
        clock: Callable[[], int],
    ) -> None:
        self._key = key
        self._logs = dict(logs)
        self._state = state
        self._clock = clock
        self._time = 0
        # Looking at the state, and writing it, must not be interleaved (tlog-witness, the race).
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request's body. Never raises for what a caller sent."""
        try:
            request = AddCheckpoint.parse(body)
            read = request.checkpoint()
        except RequestInvalid as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        keys = self._logs.get(read.body.origin)
        if keys is None:
            return _refused(HTTPStatus.NOT_FOUND, "this witness does not know that log")
        try:
            verify_checkpoint(request.note, keys, read.body.origin)
        except (AlgorithmMissing, CheckpointInvalid):
            return _refused(HTTPStatus.FORBIDDEN, "no signature of the log's keys")
        if request.old_size > read.body.size:
            return _refused(HTTPStatus.BAD_REQUEST, "the old size is beyond the checkpoint's")
        try:
            with self._lock:
                return self._decide(request, read)
        except StateUnusable as error:
            _logger.error("nothing is signed: %s", error)
            return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, "the witness's state is unusable")

    def _decide(self, request: AddCheckpoint, read: UnverifiedCheckpoint) -> Answer:
        new = read.body
        latest = self._state.latest(new.origin)
        old = latest.body if latest is not None else None
        size = old.size if old is not None else 0
        if request.old_size != size:
            return Answer(HTTPStatus.CONFLICT, f"{size}\n".encode(), _SIZE)
        if old is not None and old.size == new.size and old.root != new.root:
            # The log has signed two histories: this request is the proof of it.
            _logger.error("SPLIT VIEW of %s at size %d:\n%s", new.origin, size, read.note.text)
            return Answer(HTTPStatus.CONFLICT, f"{size}\n".encode(), _SIZE)
        if not _continues(old, new, request.proof):
            _logger.error("%s does not continue %d with %d", new.origin, size, new.size)
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, "the consistency proof does not hold")
        return self._sign(read)

    def _sign(self, read: UnverifiedCheckpoint) -> Answer:
        self._time = max(self._time, self._clock())
        signer = KeySigner(self._key.verifier, self._key.sign, lambda: self._time)
        signature = signer.sign(read.note.text)
        point("cosigned")
        self._state.keep(read.body.origin, read.note.with_signatures((signature,)).encode())
        point("kept")
        return Answer(HTTPStatus.OK, signature.line().encode())


def _continues(old: CheckpointBody | None, new: CheckpointBody, proof: Sequence[bytes]) -> bool:
    if old is None or old.size == 0:
        return not proof
    if old.size == new.size:
        return not proof and old.root == new.root
    try:
        verify_consistency(old.size, new.size, old.root, new.root, proof)
    except ProofInvalid:
        return False
    return True


def _refused(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())
