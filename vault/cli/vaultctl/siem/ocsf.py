"""OCSF 1.3.0, class API Activity (6003): https://schema.ocsf.io/1.3.0/classes/api_activity.

Required there: activity_id, actor, api (operation), category_uid, class_uid, metadata (product with
its vendor_name, version), severity_id, src_endpoint, time, type_uid. Of an actor and of an endpoint
at least one of certain attributes. What has no attribute stands in `unmapped`, under the name that
the log gives it.
"""

from __future__ import annotations

import json
from typing import Any

from vault.cli.vaultctl.audit_text import Severity
from vault.cli.vaultctl.siem.facts import PRODUCT, VENDOR, Facts, milliseconds, product_version

SCHEMA_VERSION = "1.3.0"
_CATEGORY = (6, "Application Activity")
_CLASS = (6003, "API Activity")
_SEVERITIES = {
    Severity.INFO: (1, "Informational"),
    Severity.NOTICE: (2, "Low"),
    Severity.WARNING: (3, "Medium"),
    Severity.ALERT: (5, "Critical"),
}
_CREATE, _READ, _UPDATE, _OTHER = (1, "Create"), (2, "Read"), (3, "Update"), (99, "Other")
_ACTIVITIES = {
    "create": _CREATE,
    "batch_create": _CREATE,
    "import": _CREATE,
    "file": _CREATE,
    "extend": _UPDATE,
    "close": _UPDATE,
    "use": _READ,
    "upload": _CREATE,
    "update": _UPDATE,
    "get": _READ,
    "list": _READ,
    "versions": _READ,
    "search": _READ,
    "lookup": _READ,
    "query": _READ,
    "stream": _READ,
    "report": _READ,
    "export": _READ,
    "transfer": _READ,
    "diff": _READ,
    "download": _READ,
    "produce": _READ,
    "progress": _READ,
    "reconstruct": _READ,
    "view": _READ,
    "check": _READ,
}


def activity(action: str) -> tuple[int, str]:
    """activity_id and activity_name of an action."""
    return _ACTIVITIES.get(action.rpartition(".")[2], _OTHER)


def to_ocsf(facts: Facts) -> bytes:
    """The entry as one line of JSON."""
    event, entry = facts.event, facts.entry
    activity_id, activity_name = activity(event.action)
    severity_id, severity = _SEVERITIES[facts.severity]
    status_id, status = {True: (1, "Success"), False: (2, "Failure"), None: (0, "Unknown")}[
        facts.succeeded
    ]
    happened = event.time if event.HasField("time") else entry.append_time
    record: dict[str, Any] = {
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": _CATEGORY[0],
        "category_name": _CATEGORY[1],
        "class_uid": _CLASS[0],
        "class_name": _CLASS[1],
        "type_uid": _CLASS[0] * 100 + activity_id,
        "type_name": f"{_CLASS[1]}: {activity_name}",
        "time": milliseconds(happened),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": event.outcome,
        "status_detail": event.reason,
        "message": facts.sentence,
        "count": event.count or None,
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": product_version()},
            "uid": event.event_id,
            "event_code": event.action,
            "correlation_uid": event.call_id,
            "tenant_uid": event.institution,
            "log_name": "audit",
            "logged_time": milliseconds(entry.append_time),
            "sequence": entry.position,
        },
        "api": {
            "operation": event.action or "unknown",
            "request": {"uid": event.request_id or event.call_id or event.event_id},
            "response": {"code": None, "message": event.outcome, "error": event.reason},
            "service": {
                "name": f"recordsvault {event.tier}".strip(),
                "uid": event.tier or "unknown",
                "version": product_version(),
            },
        },
        "actor": {
            "user": {
                "name": event.actor or "unknown",
                "uid": event.workload,
                "groups": [{"name": role} for role in event.roles],
            },
            "authorizations": [
                {"decision": facts.decision, "policy": {"name": policy, "uid": policy}}
                for policy in event.policies
            ]
            or ([{"decision": facts.decision}] if facts.decision else []),
        },
        "src_endpoint": {"ip": facts.address, "port": facts.port or None}
        if facts.address
        else {"name": event.workload or "unknown"},
        "resources": [
            {"name": name, "uid": name}
            for name in ([event.resource] if event.resource else []) + list(event.resources)
        ],
        "unmapped": {
            "phase": facts.phase,
            "customer": event.customer,
            "purpose": event.purpose,
            "on_behalf_of": event.on_behalf_of,
            "person": event.person,
            "fields": list(event.fields),
            "rows": [row.row for row in event.rows],
            "part": f"{event.part}/{event.parts}" if event.parts else "",
            "oracle_kind": event.oracle_kind,
            "leaf_hash": facts.leaf_hash,
        },
    }
    return json.dumps(_filled(record), separators=(",", ":")).encode()


def _filled(value: Any) -> Any:
    """Without what is empty: an attribute that says nothing is left out."""
    if isinstance(value, dict):
        found = {key: _filled(one) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in ("", None, [], {})}
    if isinstance(value, list):
        return [_filled(one) for one in value]
    return value
