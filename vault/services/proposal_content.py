"""The content of a proposal as bytes: always the same for the same change."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from vault.store import StoreAltered

T = TypeVar("T")


class ProposalContent(Generic[T]):
    """Of one kind of proposals, whose changes `decoder` reads."""

    def __init__(self, decoder: msgspec.json.Decoder[T]) -> None:
        self._decoder = decoder
        self._encoder = msgspec.json.Encoder(order="deterministic")

    def encode(self, change: T) -> bytes:
        """The content."""
        return self._encoder.encode(change)

    def decode(self, content: bytes) -> T:
        """The change of a content. Raises StoreAltered."""
        try:
            return self._decoder.decode(content)
        except msgspec.MsgspecError as error:
            raise altered() from error


def altered() -> StoreAltered:
    """What is said of a content that the vault did not write."""
    return StoreAltered("the content of a proposal is not what was written")
