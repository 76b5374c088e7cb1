"""What an event means to an officer: how much it matters, and one sentence about it.

Pure: an event in, words out. The words are made of what the event holds, which is no personal data:
names of principals and records, never a value.
"""

from __future__ import annotations

from enum import IntEnum

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, Phase
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
    """Another bank's records wanted, data damaged, the log recovered: look at once."""


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
    "OTHER_INSTITUTION RECORD_DAMAGED KEY_DAMAGED STORE_DAMAGED LOG_DAMAGED".split()
)
_WARNING_OUTCOMES = frozenset("INTERNAL UNKNOWN RESOURCE_EXHAUSTED OUT_OF_RANGE".split())

# Action: what was done, what was wanted, and both in Chinese.
_ACTIONS: dict[str, tuple[str, str, str]] = {
    "records.customers.create": ("stored a new customer", "store a new customer", "新增客户"),
    "records.customers.batch_create": (
        "stored new customers",
        "store new customers",
        "批量新增客户",
    ),
    "records.customers.get": (
        "opened a customer's full record",
        "open a customer's full record",
        "打开客户完整记录",
    ),
    "records.customers.list": (
        "listed customers' full records",
        "list customers' full records",
        "列出客户完整记录",
    ),
    "records.customers.update": (
        "changed a customer's record",
        "change a customer's record",
        "修改客户记录",
    ),
    "records.customers.versions": (
        "opened a customer's earlier versions",
        "open a customer's earlier versions",
        "查看客户历史版本",
    ),
    "records.documents.create": (
        "stored an identity document",
        "store an identity document",
        "新增证件",
    ),
    "records.documents.batch_create": (
        "stored identity documents",
        "store identity documents",
        "批量新增证件",
    ),
    "records.documents.get": (
        "opened a full identity document",
        "open a full identity document",
        "打开完整证件记录",
    ),
    "records.documents.list": (
        "listed full identity documents",
        "list full identity documents",
        "列出完整证件记录",
    ),
    "records.documents.update": (
        "changed an identity document",
        "change an identity document",
        "修改证件记录",
    ),
    "records.documents.versions": (
        "opened an identity document's earlier versions",
        "open an identity document's earlier versions",
        "查看证件历史版本",
    ),
    "records.transactions.create": ("stored a transaction", "store a transaction", "新增交易"),
    "records.transactions.batch_create": (
        "stored transactions",
        "store transactions",
        "批量新增交易",
    ),
    "records.transactions.get": (
        "opened a full transaction",
        "open a full transaction",
        "打开完整交易记录",
    ),
    "records.transactions.list": (
        "listed full transactions",
        "list full transactions",
        "列出完整交易记录",
    ),
    "records.import": ("imported records", "import records", "导入记录"),
    "masked.customers.get": (
        "looked at a customer, masked",
        "look at a customer, masked",
        "查看客户脱敏视图",
    ),
    "masked.customers.list": (
        "listed customers, masked",
        "list customers, masked",
        "列出客户脱敏视图",
    ),
    "masked.customers.search": (
        "searched for customers, masked",
        "search for customers, masked",
        "检索客户（脱敏）",
    ),
    "masked.documents.get": (
        "looked at an identity document, masked",
        "look at an identity document, masked",
        "查看证件脱敏视图",
    ),
    "masked.documents.list": (
        "listed identity documents, masked",
        "list identity documents, masked",
        "列出证件脱敏视图",
    ),
    "masked.transactions.get": (
        "looked at a transaction, masked",
        "look at a transaction, masked",
        "查看交易脱敏视图",
    ),
    "masked.transactions.list": (
        "listed transactions, masked",
        "list transactions, masked",
        "列出交易脱敏视图",
    ),
    "audit.events.stream": ("followed the log", "follow the log", "实时查看日志"),
    "audit.events.query": ("read the log", "read the log", "查询日志"),
    "audit.access.report": ("drew up an access report", "draw up an access report", "生成访问报告"),
    "audit.proofs.get": (
        "asked for the proof of an entry",
        "ask for the proof of an entry",
        "获取日志条目证明",
    ),
    "audit.checkpoints.get": (
        "read the log's checkpoint",
        "read the log's checkpoint",
        "读取日志检查点",
    ),
    "audit.tiles.export": ("exported the log", "export the log", "导出日志"),
    "admin.health.check": (
        "checked the vault's health",
        "check the vault's health",
        "检查运行状况",
    ),
    "admin.recovery.get": (
        "looked whether the log awaits recovery",
        "look whether the log awaits recovery",
        "查看日志恢复状态",
    ),
    "admin.recovery.acknowledge": (
        "acknowledged a recovery of the log",
        "acknowledge a recovery of the log",
        "确认日志恢复",
    ),
    "internal.index.lookup": (
        "asked the index for a masked search",
        "ask the index for a masked search",
        "为脱敏检索查询索引",
    ),
    "grpc.health": (
        "asked whether the server serves",
        "ask whether the server serves",
        "探测服务状态",
    ),
    "grpc.reflection": ("read the vault's contract", "read the vault's contract", "读取接口定义"),
    "rpc.unknown": (
        "called a method that does not exist",
        "call a method that does not exist",
        "调用不存在的方法",
    ),
}
_FULL_READS = tuple(
    f"records.{kind}.{verb}"
    for kind in ("customers", "documents", "transactions")
    for verb in ("get", "list", "versions")
)


def severity(event: AuditEvent) -> Severity:
    """How much an event matters, from its action, decision, outcome and reason."""
    refused = event.decision in (Decision.DECISION_DENIED, Decision.DECISION_UNAUTHENTICATED)
    if event.reason in _ALERT_REASONS or event.outcome == "DATA_LOSS":
        return Severity.ALERT
    if event.action.startswith("admin.recovery.") and not event.action.endswith(".get"):
        return Severity.ALERT
    if refused or event.action == "rpc.unknown" or event.outcome in _WARNING_OUTCOMES:
        return Severity.WARNING
    if event.outcome not in ("", "OK", "CANCELLED"):
        return Severity.NOTICE
    if event.action in _FULL_READS or event.action.startswith("audit."):
        return Severity.NOTICE
    return Severity.INFO


def severity_name(level: Severity, language: Language) -> str:
    """Its name for people."""
    return _ZH_SEVERITY[level] if language is Language.ZH else level.name


def sentence(event: AuditEvent, language: Language) -> str:
    """What happened, in one sentence. Control characters are the caller's to clean."""
    return _chinese(event) if language is Language.ZH else _english(event)


def _english(event: AuditEvent) -> str:
    who = event.actor or "Somebody unknown"
    if event.on_behalf_of:
        who += f" on behalf of {event.on_behalf_of}"
    done, wish, _ = _ACTIONS.get(
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
        ]
    )
    tail = f": {counted}" if counted else ""
    broken = " and broke off" if event.outcome == "CANCELLED" else ""
    return f"{who} {done}{about}{purpose}{broken}{tail}."


def _chinese(event: AuditEvent) -> str:
    who = event.actor or "未知主体"
    if event.on_behalf_of:
        who += f"（代表 {event.on_behalf_of}）"
    deed = _ACTIONS[event.action][2] if event.action in _ACTIONS else f"调用 {event.action}"
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
        ]
    )
    tail = f"：{counted}" if counted else ""
    broken = "，中途断开" if event.outcome == "CANCELLED" else ""
    return f"{who} {deed}{about}{purpose}{broken}{tail}。"


def _subject(event: AuditEvent) -> str:
    """The record, without the institution that every line would repeat."""
    name = event.resource or (f"customers/{event.customer}" if event.customer else "")
    parts = name.split("/", 2)
    return parts[2] if len(parts) == 3 and parts[0] == "institutions" else name
