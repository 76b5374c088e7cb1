"""An entry of the log in one line, for the officer at the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, LogEntry, Phase
from vault.cli.vaultctl.audit_text import STYLES, sentence, severity, severity_name
from vault.cli.vaultctl.fields import moment
from vault.cli.vaultctl.language import language
from vault.cli.vaultctl.output import clean

_STYLES: dict[int, str] = {
    Decision.DECISION_ALLOWED: "green",
    Decision.DECISION_DENIED: "bold red",
    Decision.DECISION_UNAUTHENTICATED: "bold magenta",
    Decision.DECISION_NOT_EVALUATED: "yellow",
}
_SHOWN_FIELDS = 4
_PHASES: dict[int, str] = {
    Phase.PHASE_OPENED: "opened",
    Phase.PHASE_MESSAGE: "message",
    Phase.PHASE_CLOSED: "closed",
}


def line(entry: LogEntry) -> Text:
    """An entry in one line: how much it matters and what happened, in the language in use; then
    the facts as they are stored."""
    event = entry.event
    level = severity(event)
    style = _STYLES.get(event.decision, "")
    decision = Decision.Name(event.decision).removeprefix("DECISION_")
    text = Text()
    text.append(f"{moment(entry.append_time)} ", style="dim")
    text.append(f"#{entry.position} ", style="dim")
    text.append(f"{severity_name(level, language())}", style=STYLES[level])
    text.append(f" {clean(sentence(event, language()))} ")
    text.append(decision, style=style)
    text.append(f" {clean(event.actor or event.workload or '-')}", style="bold")
    text.append(f" {clean(event.action)}")
    if phase := _PHASES.get(event.phase):
        text.append(f"/{phase}")
    if event.resource or event.customer:
        text.append(f" {clean(event.resource or event.customer)}", style="cyan")
    text.append(f" {clean(event.outcome)}", style="" if event.outcome == "OK" else style or "red")
    for label, value in _details(event):
        text.append(f" {label}=", style="dim")
        text.append(clean(value))
    return text


def _short(fields: Sequence[str]) -> str:
    """The first few names, and how many more there are; --json has them all."""
    more = len(fields) - _SHOWN_FIELDS
    return ",".join(fields[:_SHOWN_FIELDS]) + (f",+{more}" if more > 0 else "")


def _details(event: AuditEvent) -> list[tuple[str, str]]:
    found = [
        ("reason", event.reason),
        ("purpose", event.purpose),
        ("on_behalf_of", event.on_behalf_of),
        ("person", event.person),
        ("count", str(event.count) if event.count else ""),
        ("rows", str(len(event.rows)) if event.rows else ""),
        ("fields", _short(event.fields)),
        ("policies", ",".join(event.policies)),
        ("tier", event.tier),
        ("peer", event.peer),
        ("part", f"{event.part}/{event.parts}" if event.parts else ""),
    ]
    return [(label, value) for label, value in found if value]
