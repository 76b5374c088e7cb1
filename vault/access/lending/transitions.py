"""What a check-out may become: pure functions, each from one version to the next.

The rules of who may decide stand here and nowhere else. Two accounts of one natural person are one
person, so persons are compared, never names. Whoever calls these has made sure that the version is
the current one, and that policy lets the person ask, decide or end at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vault.access.lending.check_out import Approval, CheckOut, Stage, State, Verdict
from vault.access.lending.classes import LendingClass
from vault.access.lending.paths import all_within
from vault.access.lending.refusals import LendingRefused, Why


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who acts on a check-out: his principal's name, the person that he is, his roles, and
    the customers whose files are his own or a declared relative's."""

    name: str
    person: str
    roles: frozenset[str]
    close_files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for. `duration` in microseconds."""

    institution: str
    customer: str
    record: str
    fields: tuple[str, ...]
    purpose: str
    has_case_reference: bool
    duration: int
    one_time: bool = False
    renews: str = ""


def request(wish: Wish, identifier: str, who: Party, of: LendingClass | None, now: int) -> CheckOut:
    """A new check-out; active at once where its class needs nobody's agreement. One of all
    customers is for one export, whatever was wished.

    Raises LendingRefused.
    """
    if wish.customer in who.close_files:
        raise LendingRefused(Why.OWN_FILE)
    if not wish.fields:
        raise LendingRefused(Why.NO_FIELDS, "fields")
    if of is None:
        raise LendingRefused(Why.NO_CLASS)
    if wish.duration <= 0:
        raise LendingRefused(Why.NO_DURATION, "duration")
    if wish.duration > of.longest:
        raise LendingRefused(Why.TOO_LONG, "duration", longest=of.longest)
    if of.case_reference and not wish.has_case_reference:
        raise LendingRefused(Why.CASE_REFERENCE)
    made = CheckOut(
        institution=wish.institution,
        identifier=identifier,
        version=1,
        customer=wish.customer,
        record=wish.record,
        fields=wish.fields,
        purpose=wish.purpose,
        duration=wish.duration,
        one_time=wish.one_time or not wish.customer,
        class_name=of.name,
        needed_roles=of.needs,
        requester=who.name,
        requester_person=who.person,
        requested_at=now,
        decide_by=now + of.decide_within,
        stage=Stage.REQUESTED,
        renews=wish.renews,
        confidential=of.confidential,
        seen_by=of.seen_by,
    )
    return made if made.waiting_roles else _started(made, now)


def renewal(was: CheckOut, who: Party, duration: int, *, has_case_reference: bool) -> Wish:
    """The wish for the same again, for another `duration` (microseconds). Raises LendingRefused."""
    if who.person != was.requester_person:
        raise LendingRefused(Why.NOT_REQUESTER)
    if was.break_glass or not was.starts_at or was.stage is Stage.REVOKED:
        raise LendingRefused(Why.NOT_RENEWABLE)
    return Wish(
        institution=was.institution,
        customer=was.customer,
        record=was.record,
        fields=was.fields,
        purpose=was.purpose,
        has_case_reference=has_case_reference,
        duration=duration,
        one_time=was.one_time,
        renews=was.name,
    )


def as_agreed(was: CheckOut, stands: Callable[[Party], bool]) -> CheckOut:
    """A check-out without those approvals whose givers could not give them any more, as long as it
    waits for others. `stands` says of a giver, in the one role in which he agreed, whether he is
    still that person in that role, and none whose own file it is."""
    if was.stage is not Stage.REQUESTED or not was.approvals:
        return was
    standing = tuple(
        one
        for one in was.approvals
        if stands(Party(one.approver, one.person, frozenset((one.role,))))
    )
    return was if standing == was.approvals else replace(was, approvals=standing)


def approve(
    was: CheckOut,
    who: Party,
    now: int,
    *,
    fields: Sequence[str] = (),
    duration: int | None = None,
    of: LendingClass | None = None,
) -> CheckOut:
    """Agree, perhaps to fewer fields or a shorter time (microseconds); what is left out stays as
    asked. `of` is the class of a file that takes more by now than others. Raises
    LendingRefused."""
    _require_decider(was, who, now)
    roles = [role for role in was.waiting_roles if role in who.roles]
    if any(approval.person == who.person for approval in was.approvals):
        raise LendingRefused(Why.APPROVED_ALREADY)
    if not roles:
        raise LendingRefused(Why.ROLE_NOT_NEEDED)
    if fields and not all_within(fields, was.fields):
        raise LendingRefused(Why.WIDER, "fields")
    if duration is not None and duration <= 0:
        raise LendingRefused(Why.NO_DURATION, "duration")
    if duration is not None and duration > was.duration:
        raise LendingRefused(Why.WIDER, "duration")
    lasts = was.duration if duration is None else duration
    if of is not None and not _asked_enough(was, of):
        raise LendingRefused(Why.NEEDS_MORE)
    if of is not None and lasts > of.longest:
        raise LendingRefused(Why.TOO_LONG, "duration", longest=of.longest)
    agreed = replace(
        was,
        version=was.version + 1,
        fields=tuple(fields) or was.fields,
        duration=lasts,
        approvals=(*was.approvals, Approval(who.name, who.person, roles[0], now)),
    )
    return agreed if agreed.waiting_roles else _started(agreed, now)


def suffices(out: CheckOut, of: LendingClass, now: int) -> bool:
    """Whether what was lent is within what a class asks for, into which the file has come since."""
    return _asked_enough(out, of) and now < out.starts_at + of.longest


def _asked_enough(out: CheckOut, of: LendingClass) -> bool:
    return set(of.needs) <= set(out.needed_roles)


def deny(was: CheckOut, who: Party, now: int) -> CheckOut:
    """Refuse. Raises LendingRefused."""
    _require_decider(was, who, now)
    if not any(role in who.roles for role in was.needed_roles):
        raise LendingRefused(Why.ROLE_NOT_NEEDED)
    return _ended(was, Stage.DENIED, who, now)


def give_back(was: CheckOut, who: Party, now: int) -> CheckOut:
    """Return, or withdraw while it waits; of all customers also while the export may run. Raises
    LendingRefused."""
    if who.person != was.requester_person:
        raise LendingRefused(Why.NOT_REQUESTER)
    if was.state_at(now) not in (State.ACTIVE, State.REQUESTED) and not exporting(was, now):
        raise LendingRefused(Why.NOT_ACTIVE)
    return _ended(was, Stage.RETURNED, who, now)


def revoke(was: CheckOut, who: Party, now: int) -> CheckOut:
    """Take back what is lent; of all customers also while the export may run. Raises
    LendingRefused."""
    if was.state_at(now) is not State.ACTIVE and not exporting(was, now):
        raise LendingRefused(Why.NOT_ACTIVE)
    return _ended(was, Stage.REVOKED, who, now)


def use(was: CheckOut, now: int) -> CheckOut:
    """A one-time check-out's read. Raises LendingRefused."""
    if was.state_at(now) is not State.ACTIVE or not was.one_time:
        raise LendingRefused(Why.NOT_ACTIVE)
    return replace(was, version=was.version + 1, stage=Stage.USED, ends_at=now)


def export(was: CheckOut, of: str, after: str, now: int) -> CheckOut:
    """The one export that a check-out of all customers is for begins, or goes on where it broke
    off. `of` is a digest of all that it is of, the same each time, and `after` the customer behind
    whom it begins: never in front of where it began first. Raises LendingRefused."""
    if was.stage is not Stage.USED:
        return replace(use(was, now), used_for=of, used_after=after)
    if not exporting(was, now):
        raise LendingRefused(Why.NOT_ACTIVE)
    if was.used_for != of or after < was.used_after:
        raise LendingRefused(Why.OTHER_EXPORT)
    return replace(was, version=was.version + 1)


def exported(was: CheckOut, now: int) -> CheckOut:
    """All that the export is of has left: nothing goes on any more. Raises LendingRefused."""
    if not exporting(was, now):
        raise LendingRefused(Why.NOT_ACTIVE)
    return replace(was, version=was.version + 1, used_whole=True)


def exporting(was: CheckOut, now: int) -> bool:
    """Whether the one export that used it up may still be running: its use is its beginning."""
    return (
        was.stage is Stage.USED
        and not was.customer
        and not was.used_whole
        and now < was.starts_at + was.duration
    )


def going_on(was: CheckOut, began: CheckOut, now: int) -> bool:
    """Whether what takes its time may go on. `began` is the version that its beginning left, which
    may have used it up: then it goes on, alone, until the time is over that it was lent for."""
    if was.stage is Stage.USED:
        return was.version == began.version and now < was.starts_at + was.duration
    return was.state_at(now) is State.ACTIVE


def break_glass(
    wish: Wish,
    identifier: str,
    who: Party,
    of: LendingClass | None,
    now: int,
    *,
    longest: int,
    review_within: int,
) -> CheckOut:
    """Open at once, for the shortest of what is wished and `longest`. It is as confidential as a
    request `of` that class. Raises LendingRefused."""
    if wish.customer in who.close_files:
        raise LendingRefused(Why.OWN_FILE)
    made = CheckOut(
        institution=wish.institution,
        identifier=identifier,
        version=1,
        customer=wish.customer,
        record="",
        fields=wish.fields,
        purpose=wish.purpose,
        duration=min(wish.duration, longest),
        one_time=False,
        class_name="break_glass",
        needed_roles=(),
        requester=who.name,
        requester_person=who.person,
        requested_at=now,
        decide_by=now,
        stage=Stage.ACTIVE,
        break_glass=True,
        review_by=now + review_within,
        confidential=of is not None and of.confidential,
        seen_by=of.seen_by if of is not None else (),
    )
    return _started(made, now)


def review(
    was: CheckOut, who: Party, verdict: Verdict, reviewers: frozenset[str], now: int
) -> CheckOut:
    """Say, in one of the roles `reviewers`, whether breaking the glass was right; an unjustified
    one ends at once.

    Raises LendingRefused.
    """
    if not was.break_glass:
        raise LendingRefused(Why.NOT_BREAK_GLASS)
    if who.person == was.requester_person:
        raise LendingRefused(Why.OWN_REQUEST)
    if was.customer in who.close_files:
        raise LendingRefused(Why.OWN_FILE)
    if who.roles.isdisjoint(reviewers):
        raise LendingRefused(Why.ROLE_NOT_NEEDED)
    if was.verdict is not Verdict.NONE:
        raise LendingRefused(Why.REVIEWED_ALREADY)
    seen = replace(was, version=was.version + 1, verdict=verdict, reviewer=who.name)
    if verdict is Verdict.UNJUSTIFIED and was.state_at(now) is State.ACTIVE:
        return replace(seen, stage=Stage.REVOKED, ends_at=now, ended_by=who.name)
    return seen


def waits_for(was: CheckOut, who: Party, reviewers: frozenset[str], now: int) -> bool:
    """Whether it waits for this person's decision: for one of his roles, or for the review of a
    broken glass by one of the roles `reviewers`."""
    if who.person == was.requester_person or was.customer in who.close_files:
        return False
    if was.break_glass:
        return was.verdict is Verdict.NONE and not reviewers.isdisjoint(who.roles)
    return (
        was.state_at(now) is State.REQUESTED
        and all(approval.person != who.person for approval in was.approvals)
        and not who.roles.isdisjoint(was.waiting_roles)
    )


def _require_decider(was: CheckOut, who: Party, now: int) -> None:
    if was.state_at(now) is not State.REQUESTED:
        raise LendingRefused(Why.NOT_WAITING)
    if who.person == was.requester_person:
        raise LendingRefused(Why.OWN_REQUEST)
    if was.customer in who.close_files:
        raise LendingRefused(Why.OWN_FILE)


def _started(made: CheckOut, now: int) -> CheckOut:
    return replace(made, stage=Stage.ACTIVE, starts_at=now, ends_at=now + made.duration)


def _ended(was: CheckOut, stage: Stage, who: Party, now: int) -> CheckOut:
    return replace(was, version=was.version + 1, stage=stage, ends_at=now, ended_by=who.name)
