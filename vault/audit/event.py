"""The audit event and its bytes: who did what to which record, under which decision.

The bytes are JSON (RFC 8259) in UTF-8 without spaces, fields in one fixed order, empty values left
out, "v":1 first. They are the leaf of the log: stored, hashed and exported as they are, never
encoded a second time. What the resource's name says of institution and customer is not repeated,
and the phase of a whole call is left out: an event is kept for decades. A reader accepts fields
that it does not know, so that tomorrow's events can be read by today's tools. An event holds no
personal data: resource names are opaque, and free text stands elsewhere, sealed, with only a salted
commitment here.
"""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

FORMAT_VERSION: Final = 1
# An entry bundle of C2SP tlog-tiles prefixes each entry with its length in 16 bits.
MAX_EVENT_BYTES: Final = 65_535


class EventTooLarge(ValueError):
    """The event's bytes would be more than `MAX_EVENT_BYTES`, and its rows cannot be split off."""


class EventUnreadable(ValueError):
    """The bytes are not an audit event."""


class Phase(StrEnum):
    """A call makes one CALL event; a stream an OPENED before and a CLOSED after its messages.

    A stream that writes makes one MESSAGE event a message, durable with what the message wrote; one
    that exports makes one a message too, durable before the message leaves.
    """

    CALL = "call"
    OPENED = "opened"
    MESSAGE = "message"
    CLOSED = "closed"


class Decision(StrEnum):
    """What was decided about the call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNAUTHENTICATED = "unauthenticated"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class RowHash:
    """A sealed row that the call wrote: its name and the 32 bytes of its hash (store/rows.py)."""

    name: str
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry of the log. Strings are "" and tuples () where there is nothing to say."""

    event_id: str  # ULID; the parts of one event share it
    time: int  # microseconds since the Unix epoch, UTC, when the call was answered or refused
    tier: str  # "full" or "masked"
    action: str  # "records.customers.get"
    phase: Phase = Phase.CALL
    institution: str = ""  # id of the institution acted upon
    customer: str = ""  # id of the customer acted upon
    resource: str = ""  # full resource name
    actor: str = ""  # principal's name, "" when unauthenticated
    workload: str = ""  # URI of the caller's certificate
    on_behalf_of: str = ""
    roles: tuple[str, ...] = ()
    purpose: str = ""
    case_reference_commitment: bytes = b""
    decision: Decision = Decision.NOT_EVALUATED
    policies: tuple[str, ...] = ()  # ids of the policies that decided
    outcome: str = ""  # name of the gRPC status code, "OK"
    reason: str = ""  # ErrorInfo reason
    fields: tuple[str, ...] = ()  # paths of the fields revealed
    rows: tuple[RowHash, ...] = ()
    resources: tuple[str, ...] = ()  # names, where a call touched several
    count: int = 0  # how many records a batch or stream touched
    peer: str = ""  # address of the caller
    request_id: str = ""
    call_id: str = ""  # joins the events of one call, or of one search in both tiers; "" if alone
    oracle_kind: str = ""  # kind of term that the index oracle was asked about
    part: int = 0  # 1-based, where an event was split
    parts: int = 0
    check_out: str = ""  # id of the check-out that it was read by, or that it is about
    person: str = ""  # principal of the person behind on_behalf_of, by the word of another node


class _Wire(msgspec.Struct, omit_defaults=True, array_like=False):
    """The event as JSON has it. The order of the fields is the order of the bytes: append only."""

    v: int
    event_id: str
    time: str
    tier: str
    action: str
    decision: Decision
    phase: Phase = Phase.CALL
    institution: str = ""
    customer: str = ""
    resource: str = ""
    actor: str = ""
    workload: str = ""
    on_behalf_of: str = ""
    roles: tuple[str, ...] = ()
    purpose: str = ""
    case_reference_commitment: str = ""
    policies: tuple[str, ...] = ()
    outcome: str = ""
    reason: str = ""
    fields: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    count: int = 0
    peer: str = ""
    request_id: str = ""
    call_id: str = ""
    oracle_kind: str = ""
    part: int = 0
    parts: int = 0
    rows: tuple[tuple[str, str], ...] = ()
    check_out: str = ""
    person: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Wire)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # Not strftime, whose %Y has no leading zeros on Linux.
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(timespec="seconds")


def format_time(micros: int) -> str:
    """RFC 3339 with six digits of the second and "Z". Years 1 to 9999; else OverflowError."""
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}Z"


def parse_time(text: str) -> int:
    """Microseconds of what `format_time` wrote, or of another RFC 3339 time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - _EPOCH) // _MICROSECOND


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _parents(resource: str) -> tuple[str, str]:
    """Institution and customer that a resource name begins with; "" where it names none."""
    parts = resource.split("/", 4)
    institution = parts[1] if len(parts) > 1 and parts[0] == "institutions" else ""
    customer = parts[3] if institution and len(parts) > 3 and parts[2] == "customers" else ""
    return institution, customer


def customers_of(event: AuditEvent) -> list[str]:
    """The customers that an event concerns, each once: the call's own, those of its page or batch
    (`resources`), and those whose rows it wrote."""
    found = {event.customer: None} if event.customer else {}
    for name in (*event.resources, *(row.name for row in event.rows)):
        # Relative to the institution: customers/{customer}, perhaps with more behind it.
        if name.startswith("customers/"):
            found[name[10:].partition("/")[0].partition("@")[0]] = None
    return list(found)


def _encode(event: AuditEvent) -> bytes:
    # What the resource's name says is not said again; an event is stored for decades.
    named = bool(event.resource) and _parents(event.resource) == (event.institution, event.customer)
    return _encoder.encode(
        _Wire(
            FORMAT_VERSION,
            event.event_id,
            format_time(event.time),
            event.tier,
            event.action,
            event.decision,
            event.phase,
            *(("", "") if named else (event.institution, event.customer)),
            event.resource,
            event.actor,
            event.workload,
            event.on_behalf_of,
            event.roles,
            event.purpose,
            _b64(event.case_reference_commitment) if event.case_reference_commitment else "",
            event.policies,
            event.outcome,
            event.reason,
            event.fields,
            event.resources,
            event.count,
            event.peer,
            event.request_id,
            event.call_id,
            event.oracle_kind,
            event.part,
            event.parts,
            tuple([(row.name, _b64(row.sha256)) for row in event.rows]) if event.rows else (),
            event.check_out,
            event.person,
        )
    )


def encode(event: AuditEvent) -> bytes:
    """The event's bytes. Raises EventTooLarge beyond `MAX_EVENT_BYTES`."""
    data = _encode(event)
    if len(data) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"the event has {len(data)} bytes")
    return data


def decode(data: bytes) -> AuditEvent:
    """Read an event's bytes, passing over fields that are not known. Raises EventUnreadable."""
    try:
        wire = _decoder.decode(data)
        institution, customer = wire.institution, wire.customer
        if not institution and not customer:
            institution, customer = _parents(wire.resource)
        return AuditEvent(
            event_id=wire.event_id,
            time=parse_time(wire.time),
            tier=wire.tier,
            action=wire.action,
            phase=wire.phase,
            institution=institution,
            customer=customer,
            resource=wire.resource,
            actor=wire.actor,
            workload=wire.workload,
            on_behalf_of=wire.on_behalf_of,
            roles=wire.roles,
            purpose=wire.purpose,
            case_reference_commitment=_unb64(wire.case_reference_commitment),
            decision=wire.decision,
            policies=wire.policies,
            outcome=wire.outcome,
            reason=wire.reason,
            fields=wire.fields,
            rows=tuple([RowHash(name, _unb64(digest)) for name, digest in wire.rows]),
            resources=wire.resources,
            count=wire.count,
            peer=wire.peer,
            request_id=wire.request_id,
            call_id=wire.call_id,
            oracle_kind=wire.oracle_kind,
            part=wire.part,
            parts=wire.parts,
            check_out=wire.check_out,
            person=wire.person,
        )
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise EventUnreadable("not an audit event") from error


# Room for "part" and "parts" in the JSON, which the measured whole does not have yet.
_PART_ROOM = 64


def split_rows(event: AuditEvent) -> tuple[AuditEvent, ...]:
    """The event itself if it fits, else as many parts as its rows and resources need.

    Every part repeats everything but `rows` and `resources`, which are dealt out in order, and
    says which it is of how many. Raises EventTooLarge when what is repeated is itself too large,
    or one row or resource is.
    """
    if len(_encode(event)) <= MAX_EVENT_BYTES:
        return (event,)
    bare = replace(event, rows=(), resources=())
    room = MAX_EVENT_BYTES - len(_encode(bare)) - _PART_ROOM
    if room <= 0:
        raise EventTooLarge("what every part of the event must repeat leaves no room")
    # Dealt out as one sequence, resources first as in the bytes.
    rows: list[tuple[RowHash, ...]] = []
    resources: list[tuple[str, ...]] = []
    part_rows: list[RowHash] = []
    part_resources: list[str] = []
    used = 0

    def close() -> None:
        nonlocal used
        rows.append(tuple(part_rows))
        resources.append(tuple(part_resources))
        part_rows.clear()
        part_resources.clear()
        used = 0

    def take(size: int) -> None:
        nonlocal used
        if size > room:
            raise EventTooLarge("one name in the event is too long for any part")
        if used + size > room:
            close()
        used += size

    for name in event.resources:
        take(len(_encoder.encode(name)) + 1)
        part_resources.append(name)
    for row in event.rows:
        take(len(_encoder.encode((row.name, _b64(row.sha256)))) + 1)
        part_rows.append(row)
    close()
    return tuple(
        replace(bare, rows=r, resources=s, part=i, parts=len(rows))
        for i, (r, s) in enumerate(zip(rows, resources, strict=True), start=1)
    )
