"""Entries of the log, outward; and filters, inward."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.audit.v1 import audit_pb2, event_pb2
from vault.access import Action, is_principal_name
from vault.audit import (
    AuditEvent,
    Decision,
    EventFilter,
    EventUnreadable,
    Phase,
    StoredEvent,
    decode,
)
from vault.records import CustomerName, InvalidName
from vault.rpc.problems import Problems
from vault.rpc.translate.common import EnumTable, from_micros

_DECISION = EnumTable(event_pb2.DESCRIPTOR.enum_types_by_name["Decision"], Decision, "DECISION_")
_PHASE = EnumTable(event_pb2.DESCRIPTOR.enum_types_by_name["Phase"], Phase, "PHASE_")


def entry(stored: StoredEvent) -> event_pb2.LogEntry:
    """An entry with its bytes as they are stored. Positions count from 0 outside, as leaves of a
    Merkle tree do; from 1 in the store."""
    out = event_pb2.LogEntry(
        position=stored.position - 1,
        append_time=from_micros(stored.recorded_at),
        leaf=stored.leaf,
        chain_hash=stored.chain,
    )
    try:
        out.event.CopyFrom(_event(decode(stored.leaf)))
    except EventUnreadable:
        # Bytes that cannot be read are sent as they are: hiding an entry would hide the damage.
        out.ClearField("event")
    return out


def _event(e: AuditEvent) -> event_pb2.AuditEvent:
    return event_pb2.AuditEvent(
        event_id=e.event_id,
        time=from_micros(e.time),
        tier=e.tier,
        action=e.action,
        phase=_PHASE.proto(e.phase),  # type: ignore[arg-type]  # by the table
        institution=e.institution,
        customer=e.customer,
        resource=e.resource,
        actor=e.actor,
        workload=e.workload,
        on_behalf_of=e.on_behalf_of,
        roles=e.roles,
        purpose=e.purpose,
        case_commitment=e.case_reference_commitment,
        decision=_DECISION.proto(e.decision),  # type: ignore[arg-type]  # by the table
        policies=e.policies,
        outcome=e.outcome,
        reason=e.reason,
        fields=e.fields,
        resources=e.resources,
        rows=[event_pb2.RowHash(row=r.name, sha256=r.sha256) for r in e.rows],
        count=e.count,
        peer=e.peer,
        request_id=e.request_id,
        call_id=e.call_id or e.event_id,
        part=e.part,
        parts=e.parts,
        oracle_kind=e.oracle_kind,
        check_out=e.check_out,
        person=e.person,
    )


def wanted(institution: str, message: audit_pb2.EventFilter, problems: Problems) -> EventFilter:
    """A filter, held to one institution. What could match nothing by its form is a problem, and
    never a condition that is dropped."""
    with problems.under("filter"):
        if message.actor and not is_principal_name(message.actor):
            problems.add("actor", "PRINCIPAL_NAME", "must be a principal's name", "必须为主体名称")
        if message.without_institution and message.customer:
            problems.add(
                "customer",
                "OF_AN_INSTITUTION",
                "no customer is without an institution; leave it out",
                "客户均属于某一机构；请勿填写",
            )
        return EventFilter(
            institution=institution,
            customer=_customer(institution, message.customer, problems),
            actor=message.actor,
            actions=frozenset(a for given in message.actions for a in _actions(given)),
            decisions=frozenset(str(_DECISION.domain(d).value) for d in message.decisions if d),
            from_time=_micros(message.from_time) if message.HasField("from_time") else None,
            to_time=_micros(message.to_time) if message.HasField("to_time") else None,
            without_institution=message.without_institution,
        )


def reported(
    institution: str, request: audit_pb2.ReportAccessRequest, problems: Problems
) -> EventFilter:
    """The filter of an access report: one customer or one principal of an institution."""
    if request.actor and not is_principal_name(request.actor):
        problems.add("actor", "PRINCIPAL_NAME", "must be a principal's name", "必须为主体名称")
    return EventFilter(
        institution=institution,
        customer=_customer(institution, request.customer, problems),
        actor=request.actor,
        from_time=_micros(request.from_time) if request.HasField("from_time") else None,
        to_time=_micros(request.to_time) if request.HasField("to_time") else None,
    )


def _customer(institution: str, name: str, problems: Problems) -> str:
    if not name:
        return ""
    try:
        found = CustomerName.parse(name)
    except InvalidName:
        found = None
    if found is None or found.institution != institution:
        problems.add(
            "customer",
            "RESOURCE_NAME",
            "must be the name of a customer of the parent",
            "必须为所属机构的客户资源名称",
        )
        return ""
    return found.customer


def _actions(given: str) -> Iterable[str]:
    """The actions that a pattern stands for; itself where there are none, which finds nothing."""
    if not given.endswith("*"):
        return (given,)
    return [a.value for a in Action if a.value.startswith(given[:-1])] or (given,)


def _micros(t: Timestamp) -> int:
    return t.seconds * 1_000_000 + t.nanos // 1000
