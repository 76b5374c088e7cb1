"""The events of alerts, made of the event of the call that raised them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vault.access import Action
from vault.access.detection import Severity
from vault.audit import AuditEvent, Phase
from vault.audit import Decision as Verdict
from vault.records import new_ulid
from vault.services.call import Call


def customers_of_page(resources: Iterable[str]) -> dict[str, None]:
    """Identifiers of the customers of a page, each once."""
    return dict.fromkeys(
        name.split("/", 2)[1].partition("@")[0]
        for name in resources
        if name.startswith("customers/")
    )


def alert_of(
    call: Call, event: AuditEvent, severity: Severity, reason: str, customer: str, count: int
) -> AuditEvent:
    """The event of an alert: who, and about which customer; it names the call."""
    return replace(
        event,
        event_id=new_ulid(event.time // 1000),
        action=(Action.WATCH_ALERT if severity is Severity.ALERT else Action.WATCH_WARNING).value,
        phase=Phase.CALL,
        customer=customer,
        resource=f"institutions/{event.institution}/customers/{customer}" if customer else "",
        decision=Verdict.NOT_EVALUATED,
        policies=(),
        outcome="",
        reason=reason,
        fields=(),
        rows=(),
        resources=(),
        count=count,
        request_id="",
        case_reference_commitment=b"",
        call_id=call.joined_call_id or call.call_id,
        check_out="",
    )
