"""What is changed under four eyes: a proposal, and what may become of it. Pure.

A proposal's content never changes: whoever wants another makes another proposal. An approval names
the etag of exactly that content, so that nobody approves what he has not seen. Rules about another
person compare persons, never names: two accounts of one person are one.

Times are microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

LASTS: Final = 7 * 86_400_000_000
"""How long a proposal waits before it lapses."""

_ETAG_DOMAIN: Final = b"recordsvault proposal v1"


class Kind(StrEnum):
    """What is changed."""

    POLICY = "POLICY"
    DIRECTORY = "DIRECTORY"
    KEYS = "KEYS"
    """Not who may do what, but what is done with a key."""
    RETENTION = "RETENTION"
    """How long records are kept, and what is disposed of."""
    MERGE = "MERGE"
    """Which files of customers are one."""

    __hash__ = str.__hash__


class Stage(StrEnum):
    """What somebody has done about it; stored."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"

    __hash__ = str.__hash__


class State(StrEnum):
    """What it is at a moment: the stage, and what the clock has made of it."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"

    __hash__ = str.__hash__


class WhyNot(StrEnum):
    """Why a step is refused; the `reason` of the ErrorInfo that the caller gets."""

    NOT_OPEN = "PROPOSAL_NOT_OPEN"
    CHANGED = "ETAG_MISMATCH"
    OWN_PROPOSAL = "PROPOSAL_OWN"
    OWN_ENTRY = "PROPOSAL_OWN_ENTRY"
    NOT_PROPOSER = "PROPOSAL_NOT_PROPOSER"
    PROPOSER_GONE = "PROPOSAL_PROPOSER_GONE"
    NO_PERSON = "PERSON_REQUIRED"

    __hash__ = str.__hash__

    @property
    def en(self) -> str:
        """For a person, in English."""
        return _TEXTS[self][0]

    @property
    def zh(self) -> str:
        """For a person, in Chinese."""
        return _TEXTS[self][1]


_TEXTS: Final = {
    WhyNot.NOT_OPEN: (
        "The proposal does not wait for a decision any more. Make a new one.",
        "该提案已不再等待决定。请重新提出。",
    ),
    WhyNot.CHANGED: (
        "The etag is not that of this proposal's content. Read the proposal again.",
        "etag 与该提案的内容不符。请重新读取提案。",
    ),
    WhyNot.OWN_PROPOSAL: (
        "Nobody decides on his own proposal, under whichever account; another person has to.",
        "任何人不得审批自己的提案，无论使用哪个账号；须由另一人审批。",
    ),
    WhyNot.OWN_ENTRY: (
        "The proposal changes an entry of your own; another person has to decide.",
        "该提案涉及您本人的条目，须由另一人决定。",
    ),
    WhyNot.NOT_PROPOSER: (
        "Only the person who made the proposal may withdraw it.",
        "只有提案人本人可撤回提案。",
    ),
    WhyNot.PROPOSER_GONE: (
        "Whoever proposed this could not propose it any more: he is gone, or has lost the right. "
        "Reject it, and have it proposed anew.",
        "提案人已离任或已无权提出该提案。请驳回，并由有权者重新提出。",
    ),
    WhyNot.NO_PERSON: (
        "A person has to do that: call with a person's certificate, or send his token.",
        "此操作须由自然人执行：请使用个人证书，或附上其令牌。",
    ),
}


class ProposalRefused(Exception):
    """A step that is not taken."""

    def __init__(self, why: WhyNot) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who acts on a proposal: his principal's name, and the person that he is."""

    name: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A version of a proposal; versions count from 1, and each step makes the next.

    `institution` is empty where the vault as a whole is changed. `content` is the change, in the
    form that its kind gives it; `reason` says why, `comment` what the person said who decided.
    `applied` numbers what was approved, over all proposals, from 1.
    """

    institution: str
    identifier: str
    kind: Kind
    content: bytes = field(repr=False)
    reason: str = field(repr=False)
    proposer: str
    proposer_person: str
    proposed_at: int
    lapses_at: int
    version: int = 1
    stage: Stage = Stage.PROPOSED
    decided_by: str = ""
    decided_person: str = ""
    decided_at: int = 0
    comment: str = field(default="", repr=False)
    applied: int = 0

    def state_at(self, now: int) -> State:
        """What it is at a moment. It lapses by itself: nobody has to write that it did."""
        if self.stage is Stage.PROPOSED and now >= self.lapses_at:
            return State.LAPSED
        return State(self.stage.value)

    @property
    def name(self) -> str:
        """Resource name."""
        under = f"institutions/{self.institution}/" if self.institution else ""
        return f"{under}proposals/{self.identifier}"

    @property
    def etag(self) -> str:
        """Digest of what is proposed, and of which proposal it is: 32 hexadecimal digits. The same
        in every version."""
        digest = sha256(_ETAG_DOMAIN)
        parts = (self.institution, self.identifier, self.kind, self.reason, self.proposer)
        for part in (*(part.encode() for part in parts), self.content):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
        return digest.hexdigest()[:32]


def propose(
    kind: Kind, institution: str, identifier: str, who: Party, content: bytes, reason: str, now: int
) -> Proposal:
    """A new proposal. Raises ProposalRefused unless a person makes it."""
    if not who.person:
        raise ProposalRefused(WhyNot.NO_PERSON)
    return Proposal(
        institution=institution,
        identifier=identifier,
        kind=kind,
        content=content,
        reason=reason,
        proposer=who.name,
        proposer_person=who.person,
        proposed_at=now,
        lapses_at=now + LASTS,
    )


def approve(
    proposal: Proposal,
    who: Party,
    etag: str,
    stands: Callable[[Party], bool],
    concerned: Callable[[Party], bool],
    applied: int,
    now: int,
    comment: str = "",
) -> Proposal:
    """Agree, as another person than the proposer. `stands` says of the proposer whether he could
    still propose it: of two who want a change, one may not have left when the other agrees.
    `concerned` says whether the change is of one's own entry; `applied` is the next number.

    Raises ProposalRefused.
    """
    _decidable(proposal, who, etag, now)
    if not stands(Party(proposal.proposer, proposal.proposer_person)):
        raise ProposalRefused(WhyNot.PROPOSER_GONE)
    if concerned(who):
        raise ProposalRefused(WhyNot.OWN_ENTRY)
    decided = _decided(proposal, Stage.APPROVED, who, comment, now)
    return replace(decided, applied=applied)


def reject(proposal: Proposal, who: Party, etag: str, now: int, comment: str = "") -> Proposal:
    """Refuse, as another person than the proposer. Raises ProposalRefused."""
    _decidable(proposal, who, etag, now)
    return _decided(proposal, Stage.REJECTED, who, comment, now)


def withdraw(proposal: Proposal, who: Party, now: int) -> Proposal:
    """Take one's own proposal back. Raises ProposalRefused."""
    _open(proposal, now)
    if not who.person or who.person != proposal.proposer_person:
        raise ProposalRefused(WhyNot.NOT_PROPOSER)
    return _decided(proposal, Stage.WITHDRAWN, who, "", now)


def _open(proposal: Proposal, now: int) -> None:
    if proposal.state_at(now) is not State.PROPOSED:
        raise ProposalRefused(WhyNot.NOT_OPEN)


def _decidable(proposal: Proposal, who: Party, etag: str, now: int) -> None:
    _open(proposal, now)
    if not who.person:
        raise ProposalRefused(WhyNot.NO_PERSON)
    if who.person == proposal.proposer_person or who.name == proposal.proposer:
        raise ProposalRefused(WhyNot.OWN_PROPOSAL)
    if etag != proposal.etag:
        raise ProposalRefused(WhyNot.CHANGED)


def _decided(proposal: Proposal, stage: Stage, who: Party, comment: str, now: int) -> Proposal:
    return replace(
        proposal,
        version=proposal.version + 1,
        stage=stage,
        decided_by=who.name,
        decided_person=who.person,
        decided_at=now,
        comment=comment,
    )
