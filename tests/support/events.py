"""Audit events for tests."""

from dataclasses import replace
from typing import Any

from vault.audit import AuditEvent, Decision

_PLAIN = AuditEvent(
    event_id="01j0000000000000000000000a",
    time=1_767_225_600_123_456,
    tier="masked",
    action="masked.customers.get",
    institution="demo",
    customer="01j0000000000000000000000b",
    resource="institutions/demo/customers/01j0000000000000000000000b",
    actor="crm",
    workload="spiffe://demo/crm",
    roles=("crm_viewer",),
    decision=Decision.ALLOWED,
    policies=("crm-view",),
    outcome="OK",
    peer="ipv4:127.0.0.1:44000",
)


def event(event_id: str = "01j0000000000000000000000a", **changes: Any) -> AuditEvent:
    """A plain masked read, with changes."""
    return replace(_PLAIN, event_id=event_id, **changes)
