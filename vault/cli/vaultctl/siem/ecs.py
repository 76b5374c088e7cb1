"""Elastic Common Schema 8.17: https://www.elastic.co/docs/reference/ecs.

`event.kind`, `.category`, `.type` and `.outcome` take allowed values only. What has no field of its
own stands in `labels`, which holds keywords.
"""

from __future__ import annotations

import json
from typing import Any

from vault.cli.vaultctl.audit_text import Severity
from vault.cli.vaultctl.siem.facts import PRODUCT, Facts, product_version, rfc3339
from vault.cli.vaultctl.siem.ocsf import activity

SCHEMA_VERSION = "8.17.0"
_SEVERITIES = {
    Severity.INFO: 1,
    Severity.NOTICE: 3,
    Severity.WARNING: 6,
    Severity.ALERT: 9,
}
_TYPES = {1: "creation", 2: "access", 3: "change", 99: "info"}
_DECISIONS = {"ALLOWED": "allowed", "DENIED": "denied", "UNAUTHENTICATED": "denied"}
_OUTCOMES = {True: "success", False: "failure", None: "unknown"}


def to_ecs(facts: Facts) -> bytes:
    """The entry as one line of JSON."""
    event, entry = facts.event, facts.entry
    records = event.action.startswith(("records.", "masked."))
    happened = event.time if event.HasField("time") else entry.append_time
    types = [_TYPES[activity(event.action)[0]]]
    if facts.decision in _DECISIONS:
        types.append(_DECISIONS[facts.decision])
    record: dict[str, Any] = {
        "@timestamp": rfc3339(happened),
        "ecs": {"version": SCHEMA_VERSION},
        "message": facts.sentence,
        "event": {
            "kind": "alert" if facts.severity is Severity.ALERT else "event",
            "category": ["api", "database"] if records else ["api"],
            "type": types,
            "action": event.action,
            "outcome": _OUTCOMES[facts.succeeded],
            "reason": event.reason,
            "code": event.outcome,
            "severity": _SEVERITIES[facts.severity],
            "id": event.event_id,
            "sequence": entry.position,
            "created": rfc3339(entry.append_time),
            "module": "recordsvault",
            "dataset": "recordsvault.audit",
            "provider": PRODUCT,
            "hash": facts.leaf_hash,
        },
        "user": {"name": event.actor, "id": event.workload, "roles": list(event.roles)},
        "source": {"address": facts.address, "ip": facts.address, "port": facts.port or None},
        "organization": {"id": event.institution},
        "service": {"name": PRODUCT, "type": event.tier, "version": product_version()},
        # One value, by the schema: the first policy that decided. All of them are in labels.
        "rule": {"id": event.policies[0] if event.policies else ""},
        "trace": {"id": event.call_id},
        "related": {
            "user": [n for n in (event.actor, event.on_behalf_of, event.person) if n],
            "ip": [facts.address] if facts.address else [],
            "hash": [facts.leaf_hash],
        },
        "labels": {
            "decision": facts.decision,
            "phase": facts.phase,
            "policies": list(event.policies),
            "purpose": event.purpose,
            "customer": event.customer,
            "resource": event.resource,
            "resources": list(event.resources),
            "on_behalf_of": event.on_behalf_of,
            "person": event.person,
            "fields": list(event.fields),
            "rows": [row.row for row in event.rows],
            "count": str(event.count) if event.count else "",
            "part": f"{event.part}/{event.parts}" if event.parts else "",
            "request_id": event.request_id,
            "oracle_kind": event.oracle_kind,
        },
    }
    return json.dumps(_filled(record), separators=(",", ":")).encode()


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _filled(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in ("", None, [], {})}
    return value
