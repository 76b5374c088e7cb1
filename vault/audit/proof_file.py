"""Proof files (C2SP tlog-proof): one leaf's inclusion proof with the checkpoint it leads to.

    c2sp.org/tlog-proof@v1
    [extra <base64>]
    index <index of the leaf, from 0>
    <base64 of a hash>, lowest first, as many as the proof has

    <the checkpoint, as it was signed>

Whoever has the leaf and the log's public key needs nothing else. `extra` is signed by nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vault.audit.canonical import decode_base64, encode_base64, parse_decimal
from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.merkle import HASH_BYTES, ProofInvalid, verify_inclusion
from vault.audit.note import VerifierKey

__all__ = [
    "CheckpointInvalid",
    "ProofFile",
    "ProofInvalid",
    "format_proof",
    "parse_proof",
    "verify_proof",
]

HEADER: Final = "c2sp.org/tlog-proof@v1"

# A tree whose size fits 63 bits is no deeper.
_MAX_PATH: Final = 63


@dataclass(frozen=True, slots=True)
class ProofFile:
    """What a proof file says, unverified. `checkpoint` is the signed note."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


def format_proof(
    index: int, path: Sequence[bytes], checkpoint_note: bytes, extra: bytes = b""
) -> str:
    """The text of a proof file. Raises ProofInvalid for an index or a path that cannot be."""
    lines = [HEADER]
    if extra:
        lines.append(f"extra {encode_base64(extra)}")
    lines += [f"index {index}", *map(encode_base64, path), "", ""]
    try:
        text = "\n".join(lines) + checkpoint_note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProofInvalid("a checkpoint is UTF-8") from error
    # What we hand out, we can read.
    parse_proof(text)
    return text


def parse_proof(text: str) -> ProofFile:
    """Read a proof file without believing it; the checkpoint is read when it is verified.

    Raises ProofInvalid.
    """
    head, parted, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER:
        raise ProofInvalid("not a proof file of a known version")
    if not parted or not checkpoint:
        raise ProofInvalid("the proof file has no checkpoint")
    extra = b""
    try:
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "))
            if not extra:
                raise ValueError("empty")
        if not lines or not lines[0].startswith("index "):
            raise ProofInvalid("the proof file has no index")
        index = parse_decimal(lines.pop(0).removeprefix("index "))
        if len(lines) > _MAX_PATH:
            raise ProofInvalid("the proof file has too many hashes")
        path = tuple(decode_base64(line) for line in lines)
        note = checkpoint.encode()
    except ProofInvalid:
        raise
    except UnicodeEncodeError as error:
        raise ProofInvalid("a proof file is UTF-8") from error
    except ValueError as error:
        raise ProofInvalid(f"a line of the proof file is {error}") from error
    if any(len(one) != HASH_BYTES for one in path):
        raise ProofInvalid(f"a hash has {HASH_BYTES} bytes")
    return ProofFile(index, path, note, extra)


def verify_proof(
    text: str, leaf_hash: bytes, keys: Sequence[VerifierKey], origin: str
) -> Checkpoint:
    """Check that the leaf is in the log `origin`; return the checkpoint that it is proved by.

    Raises ProofInvalid where the proof does not lead to the checkpoint's root, CheckpointInvalid
    where the checkpoint is not the log's, and AlgorithmMissing.
    """
    proof = parse_proof(text)
    checkpoint = verify_checkpoint(proof.checkpoint, keys, origin)
    verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.path, checkpoint.root)
    return checkpoint
