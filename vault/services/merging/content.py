"""What two persons agree to about files that are one, as the content of a proposal. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from vault.store import StoreAltered


class MergeChange(
    msgspec.Struct, frozen=True, tag_field="what", tag="merge", forbid_unknown_fields=True
):
    """A customer's file points to another's from now on. Identifiers of both."""

    customer: str
    into: str


class UnmergeChange(
    msgspec.Struct, frozen=True, tag_field="what", tag="unmerge", forbid_unknown_fields=True
):
    """It stands for itself again. Names the file that it pointed to, so that nobody agrees to
    another change than the one he has seen."""

    customer: str
    into: str


Change = MergeChange | UnmergeChange

_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final[msgspec.json.Decoder[Change]] = msgspec.json.Decoder(Change)


def to_content(change: Change) -> bytes:
    """Always the same bytes for the same change."""
    return _encoder.encode(change)


def change_in(content: bytes) -> Change:
    """The change of such a content. Raises StoreAltered."""
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError as error:
        raise StoreAltered("the content of a proposal is not what was written") from error
