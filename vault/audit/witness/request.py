"""The body of `add-checkpoint` (C2SP tlog-witness): old size, consistency proof, checkpoint."""

from dataclasses import dataclass
from typing import Final, Self

from vault.audit.canonical import decode_base64, encode_base64, parse_decimal
from vault.audit.checkpoint import CheckpointInvalid, UnverifiedCheckpoint, read_checkpoint
from vault.audit.merkle import HASH_BYTES

MAX_PROOF: Final = 63
MAX_BYTES: Final = 128 * 1024
"""More than any request that has to be answered: of a log's keys a few sign."""


class RequestInvalid(ValueError):
    """Not a body of `add-checkpoint`."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request. `note` is the checkpoint's bytes, `proof` hashes of 32 bytes."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body. Raises RequestInvalid; the checkpoint is read by `checkpoint`."""
        head, parted, note = body.partition(b"\n\n")
        if not parted:
            raise RequestInvalid("no empty line before the checkpoint")
        try:
            first, *lines = head.decode("ascii").split("\n")
            word, _, size = first.partition(" ")
            if word != "old":
                raise RequestInvalid("the first line is not the old size")
            if len(lines) > MAX_PROOF:
                raise RequestInvalid(f"a proof has at most {MAX_PROOF} lines")
            proof = tuple(decode_base64(line) for line in lines)
            old_size = parse_decimal(size)
        except RequestInvalid:
            raise
        except ValueError as error:
            raise RequestInvalid("the old size or a line of the proof is malformed") from error
        if any(len(one) != HASH_BYTES for one in proof):
            raise RequestInvalid(f"a hash has {HASH_BYTES} bytes")
        return cls(old_size, proof, note)

    def checkpoint(self) -> UnverifiedCheckpoint:
        """The checkpoint, unverified. Raises RequestInvalid."""
        try:
            return read_checkpoint(self.note)
        except CheckpointInvalid as error:
            raise RequestInvalid(str(error)) from error

    def encode(self) -> bytes:
        """The bytes that `parse` reads."""
        lines = [f"old {self.old_size}\n", *(f"{encode_base64(one)}\n" for one in self.proof)]
        return "".join(lines).encode() + b"\n" + self.note
