"""The pure part of the audit stream: what to ask for, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from recordsvault.audit.v1 import audit_pb2 as pb
from recordsvault.audit.v1.event_pb2 import Decision, LogEntry
from recordsvault_masked.errors import ProtocolError
from recordsvault_masked.requests import timestamp

_PREFIX = "DECISION_"


def event_filter(
    *,
    actor: str = "",
    customer: str = "",
    actions: Sequence[str] = (),
    decisions: Sequence[str | int] = (),
    from_time: datetime | None = None,
    to_time: datetime | None = None,
    without_institution: bool = False,
) -> pb.EventFilter:
    """Which entries are wanted: every condition that is given must hold.

    `actions` may end in `*`; `decisions` are names such as `DENIED` or values of the enum.
    `without_institution` asks for entries of no institution instead of those of one's own.
    Raises ValueError for a decision that does not exist or a time without a zone.
    """
    return pb.EventFilter(
        actor=actor,
        customer=customer,
        actions=actions,
        decisions=[decision_of(decision) for decision in decisions],
        from_time=timestamp(from_time),
        to_time=timestamp(to_time),
        without_institution=without_institution,
    )


def decision_of(decision: str | int) -> Decision.ValueType:
    """The enum value of a decision. Raises ValueError, which lists those there are."""
    for name, value in Decision.items():
        if value and decision in (name, name.removeprefix(_PREFIX), value):
            return value
    raise ValueError(f"no such decision; there are {', '.join(decisions())}")


def decisions() -> list[str]:
    """Names of the decisions, without `DECISION_`."""
    return [name.removeprefix(_PREFIX) for name, value in Decision.items() if value]


class Cursor:
    """Where a stream of entries stands, so that it can be taken up without loss or repetition.

    Invariant: every wanted entry before `position` has been handed out, and none from it on.
    `position` is None until the first message, for a stream that starts at the log's end.
    """

    def __init__(self, request: pb.StreamEventsRequest) -> None:
        """Start where `request` says."""
        self._request = request
        self.position = None if request.from_end else request.from_position

    def ends(self, now: datetime) -> bool:
        """Whether the stream may come to an end of its own at `now`."""
        wanted = self._request.filter
        if wanted.HasField("to_time"):
            # Clocks differ; a vault whose clock is slow is asked once more.
            return not self._request.follow or now >= wanted.to_time.ToDatetime(UTC)
        return not self._request.follow

    def over(self) -> bool:
        """Whether it may by now."""
        return self.ends(datetime.now(UTC))

    def request(self) -> pb.StreamEventsRequest:
        """The request that takes the stream up from here."""
        request = pb.StreamEventsRequest()
        request.CopyFrom(self._request)
        if self.position is not None:
            request.from_end = False
            request.from_position = self.position
        return request

    def take(self, message: pb.StreamEventsResponse) -> Iterator[LogEntry]:
        """Hand out the entries of a message that are new, moving on with each.

        Raises ProtocolError if the log has become shorter than what was read.
        """
        if self.position is not None and message.next_position < self.position:
            raise ProtocolError(
                {
                    "en": "The log is shorter than what was read of it before: it may have been "
                    "restored from a backup. Tell a security officer.",
                    "zh": "日志比先前读取的更短：可能已从备份恢复。请告知安全管理员。",
                },
                reason="LOG_WENT_BACK",
            )
        for entry in message.entries:
            if self.position is not None and entry.position < self.position:
                continue
            # Moved before it is handed out: who stops after this entry has seen it.
            self.position = entry.position + 1
            yield entry
        self.position = max(self.position or 0, message.next_position)
