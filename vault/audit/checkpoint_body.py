"""The text of a checkpoint (C2SP tlog-checkpoint): who, how many leaves, which root.

    <origin>
    <size>
    <base64 of the root>
    [<extension line> ...]

A body says nothing until a signature over it was verified: `vault.audit.checkpoint`.
"""

from dataclasses import dataclass
from typing import Self

from vault.audit.canonical import MAX_NUMBER, decode_base64, encode_base64, parse_decimal
from vault.audit.merkle import EMPTY_ROOT, HASH_BYTES


class CheckpointInvalid(ValueError):
    """Not a checkpoint, or not one that is signed by the log it should be of."""


@dataclass(frozen=True, slots=True)
class CheckpointBody:
    """What a checkpoint claims. `root` is 32 bytes. Raises CheckpointInvalid."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line:
                raise CheckpointInvalid("a checkpoint has no empty lines")
            if any(character < " " for character in line):
                raise CheckpointInvalid("a checkpoint has no control characters")
        if not 0 <= self.size <= MAX_NUMBER:
            raise CheckpointInvalid("a tree's size is a number of 63 bits")
        if len(self.root) != HASH_BYTES:
            raise CheckpointInvalid(f"a root hash has {HASH_BYTES} bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointInvalid("the empty tree has another root")

    def text(self) -> str:
        """The note text, with its last newline."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The body of a note text. Raises CheckpointInvalid."""
        if not text.endswith("\n"):
            raise CheckpointInvalid("a checkpoint ends in a newline")
        lines = text[:-1].split("\n")
        if len(lines) < 3:
            raise CheckpointInvalid("a checkpoint has an origin, a size and a root")
        origin, size, root, *extensions = lines
        try:
            return cls(origin, parse_decimal(size), decode_base64(root), tuple(extensions))
        except CheckpointInvalid:
            raise
        except ValueError as error:
            raise CheckpointInvalid(f"a checkpoint's size or root is {error}") from error
