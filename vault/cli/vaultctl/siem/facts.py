"""What every format says of an entry, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import unquote

from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.audit.v1.event_pb2 import AuditEvent, Decision, LogEntry, Phase
from vault.audit.merkle import leaf_hash
from vault.cli.vaultctl.audit_text import Severity, sentence, severity
from vault.cli.vaultctl.language import Language

VENDOR = "Records Vault"
PRODUCT = "records-vault"


@lru_cache(maxsize=1)
def product_version() -> str:
    """Version of this program."""
    return version("records-vault")


@dataclass(frozen=True, slots=True)
class Facts:
    """An entry, with what formats need that is not a field of it."""

    entry: LogEntry
    event: AuditEvent
    severity: Severity
    sentence: str
    address: str  # of the caller: an IP address, or ""
    port: int  # 0 if not known
    leaf_hash: str  # hexadecimal
    decision: str  # ALLOWED, DENIED, UNAUTHENTICATED, NOT_EVALUATED; "" if the event is unreadable
    phase: str  # CALL, OPENED, MESSAGE, CLOSED; "" if the event is unreadable
    succeeded: bool | None  # None where nothing has come to an end yet


def facts(entry: LogEntry) -> Facts:
    """Read an entry; one whose bytes are no event has an empty event."""
    event = entry.event
    address, port = endpoint(event.peer)
    ended = event.phase != Phase.PHASE_OPENED and bool(event.outcome)
    return Facts(
        entry,
        event,
        severity(event) if entry.HasField("event") else Severity.ALERT,
        sentence(event, Language.EN)
        if entry.HasField("event")
        else "The bytes of this entry are no event: it was altered or damaged.",
        address,
        port,
        leaf_hash(entry.leaf).hex(),
        _short(Decision.Name(event.decision), "DECISION_"),
        _short(Phase.Name(event.phase), "PHASE_"),
        event.outcome == "OK" if ended else None,
    )


def endpoint(peer: str) -> tuple[str, int]:
    """Address and port of a gRPC peer (`ipv4:10.0.0.1:443`, `ipv6:%5B::1%5D:443`)."""
    kind, _, rest = peer.partition(":")
    host, _, port = unquote(rest).rpartition(":")
    try:
        address = str(ip_address(host.strip("[]")))
    except ValueError:
        return "", 0
    known = kind in ("ipv4", "ipv6") and port.isascii() and port.isdigit()
    return (address, int(port)) if known else ("", 0)


def rfc3339(time: Timestamp) -> str:
    """Microseconds, UTC, `Z`: what RFC 5424 allows at most."""
    moment = time.ToDatetime(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds") + "Z"


def milliseconds(time: Timestamp) -> int:
    """Since the Unix epoch."""
    return time.ToMilliseconds()


def _short(name: str, prefix: str) -> str:
    short = name.removeprefix(prefix)
    return "" if short == "UNSPECIFIED" else short
