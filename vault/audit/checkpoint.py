"""Checkpoints (C2SP tlog-checkpoint): a tree head, signed by its log.

What was only read is an `UnverifiedCheckpoint`. A `Checkpoint` exists only where
`verify_checkpoint` found a signature of the log under it; what relies on a root takes that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass
from typing import Final

from vault.audit.checkpoint_body import CheckpointBody, CheckpointInvalid
from vault.audit.note import (
    Note,
    NoteInvalid,
    NoteSigner,
    SignatureInvalid,
    VerifierKey,
    parse_note,
    signatures_by,
)

__all__ = [
    "Checkpoint",
    "CheckpointBody",
    "CheckpointInvalid",
    "Cosignature",
    "UnverifiedCheckpoint",
    "cosignatures",
    "read_checkpoint",
    "sign_checkpoint",
    "verify_checkpoint",
]

# Only verify_checkpoint passes it on.
_VERIFIED: Final = object()


@dataclass(frozen=True, slots=True)
class UnverifiedCheckpoint:
    """A note that reads like a checkpoint. Nothing in it may be relied on."""

    body: CheckpointBody
    note: Note

    def verify(self, keys: Sequence[VerifierKey], origin: str) -> "Checkpoint":
        """As `verify_checkpoint`."""
        return verify_checkpoint(self.note.encode(), keys, origin)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head that its log has signed. `note` is the signed note, byte for byte."""

    origin: str
    size: int
    root: bytes
    note: bytes
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _VERIFIED:
            raise TypeError("a Checkpoint is made by verify_checkpoint() only")


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: `key` has seen the checkpoint at `time` (POSIX seconds)."""

    key: VerifierKey
    time: int


def read_checkpoint(note: bytes) -> UnverifiedCheckpoint:
    """Read a checkpoint without believing it. Raises CheckpointInvalid."""
    try:
        read = parse_note(note)
    except NoteInvalid as error:
        raise CheckpointInvalid(f"not a signed note: {error}") from error
    return UnverifiedCheckpoint(CheckpointBody.parse(read.text), read)


def sign_checkpoint(body: CheckpointBody, signers: Sequence[NoteSigner]) -> bytes:
    """The checkpoint, signed by each of `signers` in their order. What they raise comes through."""
    text = body.text()
    return Note(text, tuple(signer.sign(text) for signer in signers)).encode()


def verify_checkpoint(note: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint of the log `origin`, signed by at least one of the log's `keys`.

    Lines of other keys are ignored; a wrong one of a key in `keys` refuses the whole. `keys` are
    the log's own: those of witnesses go to `cosignatures`. Raises CheckpointInvalid, and
    AlgorithmMissing.
    """
    read = read_checkpoint(note)
    if read.body.origin != origin:
        raise CheckpointInvalid("the checkpoint is of another log")
    try:
        signatures_by(read.note, keys)
    except SignatureInvalid as error:
        raise CheckpointInvalid(str(error)) from error
    return Checkpoint(origin, read.body.size, read.body.root, bytes(note), _VERIFIED)


def cosignatures(checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of these witnesses, one a key (its latest); none is no error.

    Keys that carry no time are ValueError. Raises CheckpointInvalid for a wrong signature, and
    AlgorithmMissing.
    """
    known = tuple(keys)
    if not all(key.kind.timestamped for key in known):
        raise ValueError("a witness signs cosignatures")
    note = parse_note(checkpoint.note)
    if not any(key.made(one) for key in known for one in note.signatures):
        return ()
    times: dict[VerifierKey, int] = {}
    try:
        for key, signature in signatures_by(note, known):
            times[key] = max(key.signed_at(signature), times.get(key, 0))
    except SignatureInvalid as error:
        raise CheckpointInvalid(str(error)) from error
    return tuple(Cosignature(key, time) for key, time in times.items())
