"""Proposals into rows, and back."""

from __future__ import annotations

from typing import Final

import msgspec

from vault.access.proposals import Kind, Proposal, Stage
from vault.services.proposal_content import ProposalContent
from vault.store import StoreAltered
from vault.store.proposals import ProposalRow


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has no column of its own. Append only; format version 1."""

    content: bytes
    reason: str
    proposed_at: int
    lapses_at: int
    decided_by: str = ""
    decided_person: str = ""
    decided_at: int = 0
    comment: str = ""
    v: int = 1


class _Policies(msgspec.Struct, frozen=True):
    files: dict[str, str]


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_body: Final = msgspec.json.Decoder(_Body)
_policies: Final = ProposalContent(msgspec.json.Decoder(_Policies))


def to_row(proposal: Proposal, now: int, actor: str) -> ProposalRow:
    """The row of a version that `actor` makes at `now` (microseconds)."""
    body = _Body(
        content=proposal.content,
        reason=proposal.reason,
        proposed_at=proposal.proposed_at,
        lapses_at=proposal.lapses_at,
        decided_by=proposal.decided_by,
        decided_person=proposal.decided_person,
        decided_at=proposal.decided_at,
        comment=proposal.comment,
    )
    return ProposalRow(
        institution=proposal.institution,
        proposal=proposal.identifier,
        version=proposal.version,
        kind=proposal.kind.value,
        stage=proposal.stage.value,
        proposer=proposal.proposer,
        person=proposal.proposer_person,
        applied=proposal.applied,
        recorded_at=now,
        recorded_by=actor,
        body=_encoder.encode(body),
    )


def from_row(row: ProposalRow) -> Proposal:
    """The proposal of a row. Raises StoreAltered for what the vault did not write."""
    try:
        body = _body.decode(row.body)
        kind, stage = Kind(row.kind), Stage(row.stage)
        if (row.applied > 0) is not (stage is Stage.APPROVED):
            raise ValueError("approved and not numbered, or the reverse")
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise StoreAltered("a row of the proposals is not what was written") from error
    return Proposal(
        institution=row.institution,
        identifier=row.proposal,
        version=row.version,
        kind=kind,
        content=body.content,
        reason=body.reason,
        stage=stage,
        proposer=row.proposer,
        proposer_person=row.person,
        proposed_at=body.proposed_at,
        lapses_at=body.lapses_at,
        decided_by=body.decided_by,
        decided_person=body.decided_person,
        decided_at=body.decided_at,
        comment=body.comment,
        applied=row.applied,
    )


def policies_content(files: dict[str, str]) -> bytes:
    """The content of a proposal of policies, from texts by file name."""
    return _policies.encode(_Policies(files))


def policies_in(content: bytes) -> dict[str, str]:
    """The texts in such a content. Raises StoreAltered."""
    return _policies.decode(content).files
