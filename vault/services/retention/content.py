"""What two persons agree to about retention, as the content of a proposal. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from vault.services.proposal_content import ProposalContent


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

_content: Final[ProposalContent[Change]] = ProposalContent(msgspec.json.Decoder(Change))
to_content = _content.encode
change_in = _content.decode
