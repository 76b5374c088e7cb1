"""What an event means to an officer: how much it matters, and one sentence about it.

Pure: an event in, words out. The words are made of what the event holds, which is no personal data:
names of principals and records, never a value.
"""

from __future__ import annotations

from enum import IntEnum

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, Phase
from vault.cli.vaultctl.action_words import ACTIONS
from vault.cli.vaultctl.language import Language


class Severity(IntEnum):
    """How much an event matters, in rising order."""

    INFO = 1
    """Daily work."""
    NOTICE = 2
    """Full records opened, the log read, calls that came to nothing."""
    WARNING = 3
    """Somebody wanted what he may not have, or something failed that should not."""
    ALERT = 4
    """Another bank's records wanted, damage, a recovery, an emergency: look at once."""


STYLES = {
    Severity.INFO: "green",
    Severity.NOTICE: "cyan",
    Severity.WARNING: "bold yellow",
    Severity.ALERT: "bold white on red",
}

_ZH_SEVERITY = {
    Severity.INFO: "信息",
    Severity.NOTICE: "注意",
    Severity.WARNING: "警告",
    Severity.ALERT: "警报",
}

_ALERT_REASONS = frozenset(
    "OTHER_INSTITUTION RECORD_DAMAGED KEY_DAMAGED STORE_DAMAGED LOG_DAMAGED "
    "BUDGET_EXHAUSTED".split()
)
_WARNING_ACTIONS = frozenset({"rpc.unknown", "watch.warning"})
_WARNING_OUTCOMES = frozenset("INTERNAL UNKNOWN RESOURCE_EXHAUSTED OUT_OF_RANGE".split())

_WRITES = frozenset("create batch_create update upload progress import".split())


def severity(event: AuditEvent) -> Severity:
    """How much an event matters, from its action, decision, outcome and reason."""
    refused = event.decision in (Decision.DECISION_DENIED, Decision.DECISION_UNAUTHENTICATED)
    if event.reason in _ALERT_REASONS or event.outcome == "DATA_LOSS":
        return Severity.ALERT
    if event.action.startswith("admin.recovery.") and not event.action.endswith(".get"):
        return Severity.ALERT
    if event.action == "watch.alert":
        return Severity.ALERT
    if event.action == "lending.break_glass.open" and not refused:
        return Severity.ALERT
    if refused or event.action in _WARNING_ACTIONS or event.outcome in _WARNING_OUTCOMES:
        return Severity.WARNING
    if event.outcome not in ("", "OK", "CANCELLED"):
        return Severity.NOTICE
    if event.action.startswith(("access.", "audit.", "lending.")) or _opens_files(event.action):
        return Severity.NOTICE
    return Severity.INFO


def _opens_files(action: str) -> bool:
    """Whether it opens records in full: what of them is no write."""
    return action.startswith("records.") and action.rpartition(".")[2] not in _WRITES


def severity_name(level: Severity, language: Language) -> str:
    """Its name for people."""
    return _ZH_SEVERITY[level] if language is Language.ZH else level.name


def sentence(event: AuditEvent, language: Language) -> str:
    """What happened, in one sentence. Control characters are the caller's to clean."""
    return _chinese(event) if language is Language.ZH else _english(event)


def _english(event: AuditEvent) -> str:
    who = event.actor or ("The vault" if _is_its_own(event) else "Somebody unknown")
    if event.on_behalf_of and _is_its_own(event):
        who += f", for {event.on_behalf_of},"
    elif event.on_behalf_of:
        who += f" on behalf of {event.on_behalf_of}"
    if event.person:
        who += f", for {event.person}"
    done, wish, _ = ACTIONS.get(
        event.action, (f"called {event.action}", f"call {event.action}", "")
    )
    about = f" ({subject})" if (subject := _subject(event)) else ""
    purpose = f" for {event.purpose}" if event.purpose else ""
    why = event.reason or event.outcome
    if event.decision in (Decision.DECISION_DENIED, Decision.DECISION_UNAUTHENTICATED):
        return f"{who} wanted to {wish}{about}{purpose} and was refused: {why}."
    if event.outcome not in ("", "OK", "CANCELLED"):
        return f"{who} wanted to {wish}{about}{purpose}, which failed: {why}."
    if event.phase == Phase.PHASE_OPENED:
        return f"{who} began to {wish}{about}{purpose}."
    counted = ", ".join(
        [
            *([f"{len(event.fields)} fields"] if event.fields else []),
            *([f"{event.count} in number"] if event.count else []),
            *([event.reason] if event.reason and _is_its_own(event) else []),
        ]
    )
    tail = f": {counted}" if counted else ""
    broken = " and broke off" if event.outcome == "CANCELLED" else ""
    return f"{who} {done}{about}{purpose}{broken}{tail}."


def _chinese(event: AuditEvent) -> str:
    who = event.actor or ("保险库" if _is_its_own(event) else "未知主体")
    if event.on_behalf_of and _is_its_own(event):
        who += f"向 {event.on_behalf_of}"
    elif event.on_behalf_of:
        behind = f"，使用人 {event.person}" if event.person else ""
        who += f"（代表 {event.on_behalf_of}{behind}）"
    deed = ACTIONS[event.action][2] if event.action in ACTIONS else f"调用 {event.action}"
    about = f"（{subject}）" if (subject := _subject(event)) else ""
    purpose = f"，目的 {event.purpose}" if event.purpose else ""
    why = event.reason or event.outcome
    if event.decision in (Decision.DECISION_DENIED, Decision.DECISION_UNAUTHENTICATED):
        return f"{who} 试图{deed}{about}{purpose}，已拒绝：{why}。"
    if event.outcome not in ("", "OK", "CANCELLED"):
        return f"{who} {deed}{about}{purpose}，未成功：{why}。"
    if event.phase == Phase.PHASE_OPENED:
        return f"{who} 开始{deed}{about}{purpose}。"
    counted = "，".join(
        [
            *([f"{len(event.fields)} 个字段"] if event.fields else []),
            *([f"共 {event.count} 条"] if event.count else []),
            *([event.reason] if event.reason and _is_its_own(event) else []),
        ]
    )
    tail = f"：{counted}" if counted else ""
    broken = "，中途断开" if event.outcome == "CANCELLED" else ""
    return f"{who} {deed}{about}{purpose}{broken}{tail}。"


def _is_its_own(event: AuditEvent) -> bool:
    """Whether the vault did it by itself: nobody called."""
    called = event.actor or event.workload or event.peer
    return not called and event.decision == Decision.DECISION_NOT_EVALUATED


def _subject(event: AuditEvent) -> str:
    """The record, without the institution that every line would repeat."""
    name = event.resource or (f"customers/{event.customer}" if event.customer else "")
    parts = name.split("/", 2)
    return parts[2] if len(parts) == 3 and parts[0] == "institutions" else name
