"""Entries of the log for tests of what goes to a SIEM."""

from typing import Any

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, LogEntry, Phase, RowHash
from vault.access import Action
from vault.cli.vaultctl.siem.facts import Facts, facts

BANK = "institutions/demo-bank"
CUSTOMER = f"{BANK}/customers/01jd0000000000000000000000"


def full_entry(position: int = 41, **changes: Any) -> LogEntry:
    """An entry with every field that an event can have."""
    fields: dict[str, Any] = {
        "event_id": "01jd000000000000000000000e",
        "tier": "full",
        "action": "records.customers.get",
        "phase": Phase.PHASE_CALL,
        "institution": "demo-bank",
        "customer": "01jd0000000000000000000000",
        "resource": CUSTOMER,
        "actor": "compliance",
        "workload": "spiffe://demo.bank/compliance",
        "on_behalf_of": "crm",
        "roles": ["compliance", "operator"],
        "purpose": "ONBOARDING_CDD",
        "case_commitment": bytes(32),
        "decision": Decision.DECISION_ALLOWED,
        "policies": ["compliance-full-read"],
        "outcome": "OK",
        "fields": ["natural_person.full_name", "phones"],
        "resources": ["customers/01jd0000000000000000000001"],
        "rows": [RowHash(row="customers/01jd0000000000000000000000@1", sha256=bytes(32))],
        "count": 2,
        "peer": "ipv4:10.1.2.3:44000",
        "request_id": "5f0e4cf1-9e0a-4f0a-83ad-7b1c48f0c53f",
        "call_id": "01jd000000000000000000000c",
        "part": 1,
        "parts": 2,
        "oracle_kind": "phone",
        "person": "teller-li",
    }
    entry = LogEntry(position=position, leaf=b"{}", event=AuditEvent(**(fields | changes)))
    entry.append_time.FromJsonString("2026-03-01T09:30:00.123457Z")
    entry.event.time.FromJsonString("2026-03-01T09:30:00.123456Z")
    return entry


def bare_entry() -> LogEntry:
    """An entry that says next to nothing: a call of nobody known."""
    event = AuditEvent(
        event_id="01jd000000000000000000000f",
        tier="full",
        action="rpc.unknown",
        phase=Phase.PHASE_CALL,
        decision=Decision.DECISION_UNAUTHENTICATED,
        outcome="UNAUTHENTICATED",
        reason="UNKNOWN_PRINCIPAL",
    )
    entry = LogEntry(position=0, leaf=b"{}", event=event)
    entry.append_time.FromSeconds(1_772_357_400)
    return entry


def unreadable_entry() -> LogEntry:
    """An entry whose bytes are no event."""
    entry = LogEntry(position=7, leaf=b"damaged")
    entry.append_time.FromSeconds(1_772_357_400)
    return entry


def kinds() -> dict[str, LogEntry]:
    """Every kind of entry that is forwarded, by name: each action allowed, denied and failed, each
    phase and decision, and what is bare, unreadable or from elsewhere."""
    denied: dict[str, Any] = {
        "decision": Decision.DECISION_DENIED,
        "outcome": "PERMISSION_DENIED",
        "reason": "OTHER_INSTITUTION",
        "policies": [],
    }
    found = {
        "full": full_entry(),
        "bare": bare_entry(),
        "unreadable": unreadable_entry(),
        "from an IPv6 address": full_entry(peer="ipv6:%5Bfd00::1%5D:44000"),
        "from a socket": full_entry(peer="unix:/run/vault.sock"),
        "of several policies": full_entry(policies=["one", "two"]),
    }
    for action in Action:
        found[f"{action} allowed"] = full_entry(action=action.value)
        found[f"{action} denied"] = full_entry(action=action.value, **denied)
        found[f"{action} failed"] = full_entry(
            action=action.value, outcome="UNAVAILABLE", reason="STORE_UNAVAILABLE"
        )
    for phase in Phase.values():
        found[f"{Phase.Name(phase)}"] = full_entry(action="audit.events.stream", phase=phase)
    for decision in Decision.values():
        found[f"{Decision.Name(decision)}"] = full_entry(decision=decision)
    return found


KINDS: dict[str, Facts] = {name: facts(entry) for name, entry in kinds().items()}
