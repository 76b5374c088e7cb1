"""What the vault asks of a provider of key-encryption keys (KEKs), whichever it is."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class KekName(StrEnum):
    """The three KEKs. A masked node is given MASKED and no other."""

    FULL = "full"
    MASKED = "masked"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key as a provider gave it back. Only `blob` is the provider's own format."""

    kek: KekName
    kek_version: str
    blob: bytes = field(repr=False)


class Kms(Protocol):
    """Wraps keys under KEKs that never leave it. Thread-safe; every method may block.

    Every method raises KmsUnavailable while the provider is away.
    """

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """Wrap `key` under the newest version of `kek`, bound to `context`.

        Raises KekMissing where this node has no such KEK.
        """
        ...

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """The key that was wrapped; its memory is the caller's to wipe.

        Raises KekMissing where this node has no such KEK, UnwrapRefused if the blob is not what
        was wrapped for `context`.
        """
        ...

    def check(self) -> None:
        """Prove that each KEK given to this node is there and works. Raises KmsError if not."""
        ...
