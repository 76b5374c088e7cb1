"""What a caller sees of a refusal, and what the log says of a call."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from vault.audit import AuditEvent, StoredEvent, decode
from vault.audit.reader import head, read, verify_chain
from vault.store import Database


@dataclass(frozen=True)
class Violation:
    """One field violation."""

    field: str
    reason: str
    en: str
    zh: str


@dataclass(frozen=True)
class Refused:
    """A refusal as google.rpc.Status with its details read; `text` is all of it."""

    code: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    en: str = ""
    zh: str = ""
    violations: tuple[Violation, ...] = ()
    resource: str = ""
    retry_seconds: float = 0.0
    text: str = ""

    @property
    def fields(self) -> set[tuple[str, str]]:
        """Each wrong field with its reason."""
        return {(v.field, v.reason) for v in self.violations}


# Makes a call that must be refused, and looks at what it left; see conftest.py.
Refuse = Callable[[Callable[[], object]], Refused]


def refused_status(status: status_pb2.Status) -> Refused:
    """Read a status, as it stands in trailers or in an import's result."""
    reason, metadata, texts, resource, retry = "", {}, {"": ""}, "", 0.0
    violations: list[Violation] = []
    info, words = error_details_pb2.ErrorInfo(), error_details_pb2.LocalizedMessage()
    bad, what = error_details_pb2.BadRequest(), error_details_pb2.ResourceInfo()
    again = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            assert info.domain == "recordsvault"
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(words):
            texts[words.locale] = words.message
        elif detail.Unpack(what):
            resource = what.resource_name
        elif detail.Unpack(again):
            retry = again.retry_delay.ToTimedelta().total_seconds()
        elif detail.Unpack(bad):
            for v in bad.field_violations:
                assert v.localized_message.locale == "zh-CN"
                violations.append(
                    Violation(v.field, v.reason, v.description, v.localized_message.message)
                )
    return Refused(
        code=next(c.name for c in grpc.StatusCode if c.value[0] == status.code),
        reason=reason,
        metadata=metadata,
        en=texts.get("en", ""),
        zh=texts.get("zh-CN", ""),
        violations=tuple(violations),
        resource=resource,
        retry_seconds=retry,
        text=str(status) + repr(violations) + repr(texts) + repr(metadata),
    )


def refused(error: grpc.RpcError) -> Refused:
    """Read an error of a call; with nothing but its code, where the transport made it."""
    # Every error of a call is a call; the stubs cannot say so.
    call = cast(grpc.Call, error)
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            assert isinstance(value, bytes)
            out = refused_status(status_pb2.Status.FromString(value))
            assert out.code == call.code().name
            return out
    return Refused(code=call.code().name, text=str(call.details()))


def refusal(call: Callable[[], object]) -> Refused:
    """Make a call that must fail. A stream is read to its end."""
    try:
        answer = call()
        if not isinstance(answer, Message) and isinstance(answer, Iterable):
            answer = list(answer)
    except grpc.RpcError as error:
        return refused(error)
    raise AssertionError(f"not refused: {type(answer).__name__}")


def call_of(event: AuditEvent) -> str:
    """The call that an event is of: named for itself, where one event is all there is of it."""
    return event.call_id or event.event_id


class LogBook:
    """The log as it lies in the database, whoever may see it through the service."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    @property
    def database(self) -> Database:
        """The vault's database, opened with the full role."""
        return self._database

    def size(self) -> int:
        """How many events there are."""
        return self._database.read_sync(head).size

    def stored(self, since: int = 0) -> list[StoredEvent]:
        """Events after a position, as stored."""
        out: list[StoredEvent] = []
        while True:
            at = out[-1].position if out else since
            page = self._database.read_sync(partial(read, after=at, limit=1000))
            out.extend(page.events)
            if page.at_end:
                return out

    def since(self, position: int) -> list[AuditEvent]:
        """Events after a position."""
        return [decode(e.leaf) for e in self.stored(position)]

    def by(self, call: Callable[[], object]) -> list[AuditEvent]:
        """Events that a call makes, whether it is answered or refused."""
        before = self.size()
        try:
            answer = call()
            if not isinstance(answer, Message) and isinstance(answer, Iterable):
                list(answer)
        except grpc.RpcError:
            pass
        return self.since(before)

    def one(self, call: Callable[[], object]) -> AuditEvent:
        """The one event that a call makes."""
        events = self.by(call)
        assert len(events) == 1, [(e.action, e.phase, e.outcome) for e in events]
        return events[0]

    def wait_for(
        self, wanted: Callable[[AuditEvent], bool], since: int, seconds: float = 5.0
    ) -> AuditEvent:
        """An event that comes on its own time, as that of a cancelled call does."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.since(since):
                if wanted(event):
                    return event
            assert time.monotonic() < deadline, "the event did not come"
            time.sleep(0.02)

    def verify(self) -> int:
        """Check the whole chain; the number of events."""
        return self._database.read_sync(verify_chain).size

    def text(self, since: int = 0) -> str:
        """Events after a position as text, escapes resolved."""
        return "\n".join(
            json.dumps(json.loads(e.leaf), ensure_ascii=False) for e in self.stored(since)
        )
