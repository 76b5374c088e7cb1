"""A record: what goes to a sink for one entry of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from recordsvault.audit.v1.event_pb2 import LogEntry
from vault.cli.vaultctl.audit_text import Severity
from vault.cli.vaultctl.siem.cef import to_cef
from vault.cli.vaultctl.siem.ecs import to_ecs
from vault.cli.vaultctl.siem.facts import Facts, facts, rfc3339
from vault.cli.vaultctl.siem.ocsf import to_ocsf


class Format(str, Enum):
    """A published format."""

    OCSF = "ocsf"
    CEF = "cef"
    ECS = "ecs"


FORMATS: dict[Format, Callable[[Facts], bytes]] = {
    Format.OCSF: to_ocsf,
    Format.CEF: to_cef,
    Format.ECS: to_ecs,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One entry in a format, and what a transport says of it in its own header."""

    position: int
    time: str  # RFC 3339
    severity: Severity
    action: str
    payload: bytes  # one line, without its end


def make_record(entry: LogEntry, format_: Format) -> Record:
    """The record of an entry."""
    read = facts(entry)
    time = read.event.time if read.event.HasField("time") else entry.append_time
    payload = FORMATS[format_](read)
    return Record(entry.position, rfc3339(time), read.severity, read.event.action, payload)
