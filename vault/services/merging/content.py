"""What two persons agree to about files that are one, as the content of a proposal. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from vault.services.proposal_content import ProposalContent


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

_content: Final[ProposalContent[Change]] = ProposalContent(msgspec.json.Decoder(Change))
to_content = _content.encode
change_in = _content.decode
