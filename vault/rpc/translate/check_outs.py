"""Check-outs: as the contract has them."""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from vault.access.lending import State, Verdict
from vault.rpc.translate.common import EnumTable, from_micros
from vault.services.lending import Shown

STATES: Final = EnumTable(pb.CheckOutState.DESCRIPTOR, State, "CHECK_OUT_STATE_")
VERDICTS: Final = {
    Verdict.NONE: pb.REVIEW_VERDICT_UNSPECIFIED,
    Verdict.JUSTIFIED: pb.REVIEW_VERDICT_JUSTIFIED,
    Verdict.UNJUSTIFIED: pb.REVIEW_VERDICT_UNJUSTIFIED,
}


def to_proto(shown: Shown) -> pb.CheckOut:
    """An entry of the register. Times that are not yet are left out."""
    out = shown.out
    made = pb.CheckOut(
        name=out.name,
        subject=shown.subject,
        fields=out.fields,
        purpose=purpose_pb2.Purpose.Value(f"PURPOSE_{out.purpose}"),
        duration=from_span(out.duration),
        one_time=out.one_time,
        state=STATES.proto(shown.state),  # type: ignore[arg-type]  # a number of this enumeration
        check_out_class=out.class_name,
        needed_roles=out.needed_roles,
        approvals=[
            pb.Approval(approver=a.approver, role=a.role, time=from_micros(a.time))
            for a in out.approvals
        ],
        requester=out.requester,
        request_time=from_micros(out.requested_at),
        ended_by=out.ended_by,
        break_glass=out.break_glass,
        verdict=VERDICTS[out.verdict],
        reviewer=out.reviewer,
        renews=out.renews,
        etag=shown.etag,
    )
    if shown.words is not None:
        made.reason = shown.words.reason
        made.case_reference = shown.words.case_reference
    times = (
        ("decide_by", 0 if out.break_glass else out.decide_by),
        ("start_time", out.starts_at),
        ("end_time", out.ends_at),
        ("review_by", out.review_by),
    )
    for name, time in times:
        if time:
            getattr(made, name).CopyFrom(from_micros(time))
    return made


def to_span(message: Duration) -> int:
    """Whole microseconds of a duration; 0, which is none, for one out of its own range."""
    seconds, nanos = message.seconds, message.nanos
    opposite = (seconds > 0 > nanos) or (seconds < 0 < nanos)
    if opposite or abs(seconds) > _MAX_SECONDS or abs(nanos) >= 10**9:
        return 0
    # A fraction of a microsecond is none, on either side of nought.
    return seconds * 1_000_000 + int(nanos / 1000)


def from_span(micros: int) -> Duration:
    """Microseconds as a Duration."""
    seconds, rest = divmod(micros, 1_000_000)
    return Duration(seconds=seconds, nanos=rest * 1000)


# The range that google.protobuf.Duration itself allows.
_MAX_SECONDS: Final = 315_576_000_000
