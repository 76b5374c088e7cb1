"""Check-outs (借阅) as requests and as answers: pure, shared by both kinds of client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.requests import new_request_id

_STATE = "CHECK_OUT_STATE_"
_VERDICT = "REVIEW_VERDICT_"
_OVER = frozenset(
    (
        pb.CHECK_OUT_STATE_DENIED,
        pb.CHECK_OUT_STATE_LAPSED,
        pb.CHECK_OUT_STATE_RETURNED,
        pb.CHECK_OUT_STATE_REVOKED,
        pb.CHECK_OUT_STATE_EXPIRED,
        pb.CHECK_OUT_STATE_USED,
    )
)


def check_out_states() -> list[str]:
    """Names of the states, without `CHECK_OUT_STATE_`."""
    return [name.removeprefix(_STATE) for name, value in pb.CheckOutState.items() if value]


def state_of(state: str | int) -> pb.CheckOutState.ValueType:
    """The enum value of a state: a name with or without its prefix, or a value.

    Raises ValueError, which lists the states there are.
    """
    for name, value in pb.CheckOutState.items():
        if value and state in (name, name.removeprefix(_STATE), value):
            return value
    raise ValueError(f"no such state; there are {', '.join(check_out_states())}")


def verdict_of(verdict: str | int) -> pb.ReviewVerdict.ValueType:
    """The enum value of a verdict: JUSTIFIED or UNJUSTIFIED, or a value. Raises ValueError."""
    for name, value in pb.ReviewVerdict.items():
        if value and verdict in (name, name.removeprefix(_VERDICT), value):
            return value
    raise ValueError("no such verdict; there are JUSTIFIED, UNJUSTIFIED")


def is_over(check_out: pb.CheckOut) -> bool:
    """Whether it opens nothing any more, and never will again."""
    return check_out.state in _OVER


def opens_until(check_out: pb.CheckOut) -> datetime | None:
    """When what is open now ends by itself (UTC); None if nothing is open."""
    if check_out.state != pb.CHECK_OUT_STATE_ACTIVE:
        return None
    return check_out.end_time.ToDatetime(UTC)


def waiting_roles(check_out: pb.CheckOut) -> tuple[str, ...]:
    """Roles in which somebody has still to agree; none if it waits for nobody."""
    if check_out.state != pb.CHECK_OUT_STATE_REQUESTED:
        return ()
    agreed = {approval.role for approval in check_out.approvals}
    return tuple(role for role in check_out.needed_roles if role not in agreed)


def check_out_filter(
    *,
    states: Sequence[str | int] = (),
    requester: str = "",
    customer: str = "",
    mine_to_decide: bool = False,
) -> pb.CheckOutFilter:
    """Which check-outs are wanted: every condition that is given must hold.

    `states` are names such as `ACTIVE` or values of the enum; `mine_to_decide` asks for those
    that wait for the caller's own decision. Raises ValueError for a state that does not exist.
    """
    return pb.CheckOutFilter(
        states=[state_of(state) for state in states],
        requester=requester,
        customer=customer,
        mine_to_decide=mine_to_decide,
    )


def request_check_out(
    parent: str,
    subject: str,
    *,
    fields: Sequence[str],
    purpose: str | int,
    reason: str,
    duration: timedelta,
    case_reference: str,
    one_time: bool,
    request_id: str,
) -> pb.RequestCheckOutRequest:
    """A request to borrow. Raises ValueError for a purpose that does not exist."""
    return pb.RequestCheckOutRequest(
        parent=parent,
        check_out=pb.CheckOut(
            subject=subject,
            fields=fields,
            purpose=purpose_of(purpose),
            case_reference=case_reference,
            reason=reason,
            duration=span(duration),
            one_time=one_time,
        ),
        request_id=new_request_id(request_id),
    )


def approve(
    name: str, etag: str, fields: Sequence[str], duration: timedelta | None
) -> pb.ApproveCheckOutRequest:
    """Agreement to what `etag` stands for, or to less of it."""
    return pb.ApproveCheckOutRequest(
        name=name,
        etag=etag,
        fields=fields,
        duration=None if duration is None else span(duration),
    )


def span(value: timedelta) -> Duration:
    """A duration as protobuf carries it. The vault judges whether it is acceptable."""
    out = Duration()
    out.FromTimedelta(value)
    return out


class Seen:
    """What a watch has handed out, so that a resumed one repeats nothing.

    The vault begins every watch with all check-outs as they are. The clock ends some of them
    without a new etag, so the state counts as well.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._last: dict[str, tuple[str, int]] = {}

    def news(self, check_out: pb.CheckOut) -> bool:
        """Whether it is new or has changed; remembers it."""
        now = (check_out.etag, int(check_out.state))
        if self._last.get(check_out.name) == now:
            return False
        self._last[check_out.name] = now
        return True

    def take(self, answer: pb.WatchCheckOutsResponse) -> tuple[pb.CheckOut, ...]:
        """The check-out of an answer, if that is news."""
        return (answer.check_out,) if self.news(answer.check_out) else ()
