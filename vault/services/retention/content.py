"""What two persons agree to about retention, as the content of a proposal. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from vault.store import StoreAltered


class RuleSetChange(
    msgspec.Struct, frozen=True, tag_field="what", tag="rule_set", forbid_unknown_fields=True
):
    """One more rule set, as the text of its file. `shortens`: whoever proposes it says that by it
    something may go earlier."""

    text: str
    shortens: bool = False


class RulingChange(
    msgspec.Struct, frozen=True, tag_field="what", tag="ruling", forbid_unknown_fields=True
):
    """Which rule prevails over which where they conflict, for a customer or for all ("")."""

    prevails: str
    yields: str
    customer: str = ""


class DisposalAgreed(
    msgspec.Struct, frozen=True, tag_field="what", tag="disposal", forbid_unknown_fields=True
):
    """A plan of disposal, by its hash (hexadecimal)."""

    disposal: str
    sha256: str


Change = RuleSetChange | RulingChange | DisposalAgreed

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
