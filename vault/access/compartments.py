"""Who is in a compartment: pure rules, each from one version of a place to the next.

A compartment is opened by its first member. From then on two persons make a member and unmake him:
a member proposes, and another person whom he names agrees. Persons are compared, never accounts.
Whoever calls these has made sure that the caller is a member, or is the person who was named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class CompartmentKind(StrEnum):
    """What a compartment is for."""

    UNSPECIFIED = "UNSPECIFIED"
    INVESTIGATION = "INVESTIGATION"
    HOLD = "HOLD"
    SUSPICIOUS_ACTIVITY = "SUSPICIOUS_ACTIVITY"


class MemberState(StrEnum):
    """Whether a person is a member."""

    UNSPECIFIED = "UNSPECIFIED"
    PROPOSED = "PROPOSED"
    MEMBER = "MEMBER"
    REMOVAL_PROPOSED = "REMOVAL_PROPOSED"
    REMOVED = "REMOVED"


class NotForMembers(StrEnum):
    """Why a change is refused, to somebody who may know of the compartment."""

    CLOSED = "COMPARTMENT_CLOSED"
    SECOND_PERSON = "COMPARTMENT_SECOND_PERSON"
    MEMBER_ALREADY = "COMPARTMENT_MEMBER_ALREADY"
    NO_MEMBER = "COMPARTMENT_NO_MEMBER"
    LAST_MEMBER = "COMPARTMENT_LAST_MEMBER"
    NOTHING_PROPOSED = "COMPARTMENT_NOTHING_PROPOSED"
    OWN_FILE = "COMPARTMENT_OWN_FILE"
    HOLDS_STAND = "COMPARTMENT_HOLDS_STAND"

    __hash__ = str.__hash__


TEXTS: Final[dict[NotForMembers, tuple[str, str]]] = {
    NotForMembers.CLOSED: (
        "The compartment is closed; nothing is added to it any more.",
        "该保密案卷已关闭，不得再添加内容。",
    ),
    NotForMembers.SECOND_PERSON: (
        "Another person has to agree: neither who proposes it, nor whom it is about.",
        "须由另一人同意：不得为提出人，也不得为当事人。",
    ),
    NotForMembers.MEMBER_ALREADY: (
        "That person is a member already.",
        "该人员已是成员。",
    ),
    NotForMembers.NO_MEMBER: (
        "That person is no member.",
        "该人员不是成员。",
    ),
    NotForMembers.LAST_MEMBER: (
        "The last member stays: without one, nobody could open the compartment again.",
        "最后一名成员不得移除，否则无人能再打开该保密案卷。",
    ),
    NotForMembers.NOTHING_PROPOSED: (
        "Nothing waits for agreement; it was agreed to, or withdrawn.",
        "没有待同意的事项：已被同意或撤回。",
    ),
    NotForMembers.HOLDS_STAND: (
        "Holds in this compartment still stand; two members release each of them first.",
        "该保密案卷中仍有冻结；须先由两名成员逐一解除。",
    ),
    NotForMembers.OWN_FILE: (
        "Nobody notes anything about himself or a declared relative.",
        "任何人不得记录关于本人或已申报亲属的内容。",
    ),
}


class CompartmentRefused(Exception):
    """A change that is not made."""

    def __init__(self, why: NotForMembers) -> None:
        super().__init__(why.value)
        self.why = why

    @property
    def en(self) -> str:
        """For a person, in English."""
        return TEXTS[self.why][0]

    @property
    def zh(self) -> str:
        """For a person, in Chinese."""
        return TEXTS[self.why][1]


@dataclass(frozen=True, slots=True)
class Place:
    """A version of a person's place in a compartment.

    ``proposer`` is the principal who proposed it, ``proposer_person`` who he is; ``agree_by`` the
    person who is waited for, "" where nobody is; ``agreed_by`` the principal who agreed.
    """

    person: str
    version: int
    state: MemberState
    proposer: str
    proposer_person: str
    agree_by: str = ""
    agreed_by: str = ""

    @property
    def is_member(self) -> bool:
        """Whether he sees the compartment. One whose removal is only proposed still does."""
        return self.state in (MemberState.MEMBER, MemberState.REMOVAL_PROPOSED)

    @property
    def waits(self) -> bool:
        """Whether somebody has to agree."""
        return self.state in (MemberState.PROPOSED, MemberState.REMOVAL_PROPOSED)


@dataclass(frozen=True, slots=True)
class By:
    """Who does something: his principal's name, and the person that he is."""

    name: str
    person: str


def founder(by: By) -> Place:
    """The place of who opens a compartment."""
    return Place(by.person, 1, MemberState.MEMBER, by.name, by.person)


def propose_member(before: Place | None, person: str, by: By, agree_by: str) -> Place:
    """A person as a member, once `agree_by` agrees; in place of an earlier proposal, if there is
    one. Raises CompartmentRefused."""
    _another(agree_by, by.person, person)
    if before is not None and before.is_member:
        raise CompartmentRefused(NotForMembers.MEMBER_ALREADY)
    version = 1 if before is None else before.version + 1
    return Place(person, version, MemberState.PROPOSED, by.name, by.person, agree_by)


def propose_removal(
    before: Place | None, by: By, agree_by: str, everybody: Iterable[Place]
) -> Place:
    """A person as no member any more, once `agree_by` agrees. A proposal that nobody agreed to is
    withdrawn at once: it opened nothing. Raises CompartmentRefused."""
    if before is None or before.state is MemberState.REMOVED:
        raise CompartmentRefused(NotForMembers.NO_MEMBER)
    _another(agree_by, by.person, before.person)
    made = Place(before.person, before.version + 1, MemberState.REMOVED, by.name, by.person)
    if before.state is MemberState.PROPOSED:
        return made
    _leave_one(before.person, everybody)
    return replace(made, state=MemberState.REMOVAL_PROPOSED, agree_by=agree_by)


def agree(before: Place, by: By, everybody: Iterable[Place]) -> Place:
    """What was proposed, agreed to. Raises CompartmentRefused, also where who proposed it is no
    member himself any more."""
    everybody = list(everybody)
    proposer_stays = any(p.is_member and p.person == before.proposer_person for p in everybody)
    if not before.waits or not proposer_stays:
        raise CompartmentRefused(NotForMembers.NOTHING_PROPOSED)
    if by.person != before.agree_by or by.person in ("", before.person, before.proposer_person):
        raise CompartmentRefused(NotForMembers.SECOND_PERSON)
    state = MemberState.MEMBER
    if before.state is MemberState.REMOVAL_PROPOSED:
        _leave_one(before.person, everybody)
        state = MemberState.REMOVED
    return replace(before, version=before.version + 1, state=state, agree_by="", agreed_by=by.name)


def _another(agree_by: str, proposer: str, about: str) -> None:
    if agree_by in ("", proposer, about):
        raise CompartmentRefused(NotForMembers.SECOND_PERSON)


def _leave_one(person: str, everybody: Iterable[Place]) -> None:
    if not any(p.is_member and p.person != person for p in everybody):
        raise CompartmentRefused(NotForMembers.LAST_MEMBER)
