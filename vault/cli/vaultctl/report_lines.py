"""A line of an access report: what an entry of the log says to a person who was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from recordsvault.audit.v1.audit_pb2 import ReportLine
from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, Phase
from vault.cli.vaultctl.fields import enum_name, moment
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict
from vault.cli.vaultctl.reports import Column
from vault.store.evidence import BEFORE


class Proof(Enum):
    """What the proof of a line is worth."""

    VERIFIED = "verified"
    GIVEN = "given"
    PENDING = "pending"
    WRONG = "wrong"


_PROOF_TEXTS = {
    Proof.VERIFIED: ("proved", "已证明"),
    Proof.GIVEN: ("attached", "附证明"),
    Proof.PENDING: ("not yet", "尚未"),
    Proof.WRONG: ("WRONG", "不成立"),
}
_VERBS: dict[str, tuple[str, str]] = {
    "create": ("created", "新建"),
    "batch_create": ("created", "新建"),
    "import": ("imported", "导入"),
    "update": ("changed", "修改"),
    "get": ("opened", "查看"),
    "list": ("listed", "列出"),
    "versions": ("read the history", "查看历史"),
    "search": ("searched", "检索"),
    "lookup": ("looked up", "索引查询"),
    "report": ("reported on", "出具报告"),
    "query": ("read the log", "查询日志"),
    "stream": ("followed the log", "跟踪日志"),
}
_DECISIONS = {
    "ALLOWED": ("allowed", "允许"),
    "DENIED": ("denied", "拒绝"),
    "UNAUTHENTICATED": ("unknown caller", "身份未知"),
    "NOT_EVALUATED": ("failed before a decision", "裁决前失败"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, its proof file, and what that is worth."""

    position: int
    time: str
    event: AuditEvent
    leaf: bytes
    proof_file: str
    proof: Proof
    whole: dict[str, Any]

    @property
    def allowed(self) -> bool:
        """Whether the call was let through and succeeded."""
        return self.event.decision == Decision.DECISION_ALLOWED and self.event.outcome == "OK"

    @property
    def style(self) -> str:
        """Colour of the line."""
        return "" if self.allowed else "red"

    def as_dict(self) -> dict[str, Any]:
        """For machines: the entry as the contract has it, and its proof file."""
        return {
            "entry": self.whole,
            "proof": self.proof_file,
            "proof_state": self.proof.value,
        }


def line_of(line: ReportLine, proof: Proof) -> Line:
    """What the vault answered, as a line."""
    entry = line.entry
    return Line(
        entry.position,
        moment(entry.append_time),
        entry.event,
        entry.leaf,
        line.proof,
        proof,
        as_dict(entry),
    )


def title(subject: str, *, of_customer: bool) -> str:
    """What the report is about."""
    if of_customer:
        return say(f"Who had access to {subject}", f"谁访问了 {subject}")
    return say(f"What {subject} had access to", f"{subject} 访问了什么")


def _who(line: Line) -> str:
    event = line.event
    who = event.actor or event.workload or say("unknown", "未知")
    if event.on_behalf_of:
        who += say(f" for {event.on_behalf_of}", f"（代 {event.on_behalf_of}）")
    return who


def _what(line: Line) -> str:
    event = line.event
    verb = event.action.rpartition(".")[2]
    words = _VERBS.get(verb)
    masked = event.action.startswith("masked.")
    text = say(*words) if words else event.action
    if masked:
        text += say(" (masked)", "（脱敏）")
    phase = {
        int(Phase.PHASE_OPENED): say(", stream opened", "，流开始"),
        int(Phase.PHASE_CLOSED): say(", stream closed", "，流结束"),
    }.get(event.phase, "")
    return text + phase


def _of(line: Line) -> str:
    event = line.event
    one = event.resource.partition("/customers/")[2] or event.customer
    if one:
        return one
    # A list or an import, which shows the subject beside others.
    rows = [row for row in event.rows if not row.row.endswith(BEFORE)]
    named = len(event.resources) or len(rows)
    return say(f"{named} records", f"{named} 条记录") if named else event.resource or "-"


def _fields(line: Line) -> str:
    if not line.event.fields and line.allowed and line.event.action.startswith("masked."):
        return say("masked view", "脱敏视图")
    return ", ".join(line.event.fields) or "-"


def _outcome(line: Line) -> str:
    decision = enum_name(Decision.DESCRIPTOR, line.event.decision)
    text = say(*_DECISIONS.get(decision, (decision, decision)))
    if line.event.outcome not in ("OK", ""):
        text += f" ({line.event.reason or line.event.outcome})"
    return text


COLUMNS: tuple[Column[Line], ...] = (
    Column("entry", "entry", "序号", lambda line: str(line.position)),
    Column("time", "time (UTC)", "时间 (UTC)", lambda line: line.time),
    Column("who", "who", "何人", _who),
    Column("what", "what", "何事", _what),
    Column("record", "record", "记录", _of),
    Column("fields", "fields seen", "所见字段", _fields),
    Column("purpose", "purpose", "目的", lambda line: line.event.purpose or "-"),
    Column("outcome", "outcome", "结果", _outcome),
    Column("proof", "proof", "证明", lambda line: say(*_PROOF_TEXTS[line.proof])),
)
