"""An entry of the lending register (借阅登记), as frozen types: who asked for what, who agreed, and
until when. What it may become is in `transitions`; what it takes is in `classes`.

Times are microseconds since the Unix epoch, UTC; durations are microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """What somebody has done about it; stored."""

    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    DENIED = "DENIED"
    RETURNED = "RETURNED"
    REVOKED = "REVOKED"
    USED = "USED"

    __hash__ = str.__hash__


class State(StrEnum):
    """What it is at a moment: the stage, and what the clock has made of it."""

    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    DENIED = "DENIED"
    LAPSED = "LAPSED"
    RETURNED = "RETURNED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    USED = "USED"

    __hash__ = str.__hash__


class Verdict(StrEnum):
    """What a reviewer says of a broken glass."""

    NONE = ""
    JUSTIFIED = "JUSTIFIED"
    UNJUSTIFIED = "UNJUSTIFIED"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's agreement, in one role."""

    approver: str
    person: str
    role: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOut:
    """A version of a check-out; versions count from 1, and each change makes the next.

    `customer` is empty where every file is asked for, `record` the path inside the customer ("" for
    the whole file). `fields` are paths behind the
    kind of record, such as "customer.natural_person.full_name"; one of a message stands for all in
    it. Of one that was used up by an export that may go on where it broke off, `used_for` is a
    digest of what that is of, `used_after` the customer behind whom it began, and `used_whole`
    whether all of it has left. `starts_at` is 0 until the last approval. A `confidential` one is
    there only for who asks and for the roles `seen_by`. Reason and case reference are not here:
    they are sealed beside it.
    """

    institution: str
    identifier: str
    version: int
    customer: str
    record: str
    fields: tuple[str, ...]
    purpose: str
    duration: int
    one_time: bool
    class_name: str
    needed_roles: tuple[str, ...]
    requester: str
    requester_person: str
    requested_at: int
    decide_by: int
    stage: Stage
    approvals: tuple[Approval, ...] = ()
    starts_at: int = 0
    ends_at: int = 0
    ended_by: str = ""
    break_glass: bool = False
    review_by: int = 0
    verdict: Verdict = Verdict.NONE
    reviewer: str = ""
    renews: str = ""
    confidential: bool = False
    seen_by: tuple[str, ...] = ()
    used_for: str = ""
    used_after: str = ""
    used_whole: bool = False

    def state_at(self, now: int) -> State:
        """What it is at a moment. It ends by itself: nobody has to write that it did."""
        if self.stage is Stage.REQUESTED and now >= self.decide_by:
            return State.LAPSED
        if self.stage is Stage.ACTIVE and now >= self.ends_at:
            return State.EXPIRED
        return State(self.stage.value)

    @property
    def waiting_roles(self) -> tuple[str, ...]:
        """Roles in which somebody has still to agree."""
        filled = {approval.role for approval in self.approvals}
        return tuple(role for role in self.needed_roles if role not in filled)

    @property
    def subject(self) -> str:
        """Resource name of what is asked for; of the institution, where that is every file."""
        base = f"institutions/{self.institution}"
        if not self.customer:
            return base
        file = f"{base}/customers/{self.customer}"
        return f"{file}/{self.record}" if self.record else file

    @property
    def name(self) -> str:
        """Resource name."""
        return f"institutions/{self.institution}/checkOuts/{self.identifier}"
