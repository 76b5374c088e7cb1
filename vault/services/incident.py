"""What is told of a log that was set back, and whose word lets it go on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from vault.audit import AuditEvent
from vault.audit.comparing import Comparison, Verdict

OPERATOR, OFFICER = "operator", "security_officer"
_TEXTS = {
    Verdict.SET_BACK: "the log does not have what this server has seen in it",
    Verdict.OLDER: "the log is older than the checkpoint kept in the second place",
    Verdict.DIFFERENT: "the log is not the one whose checkpoint is kept in the second place",
    Verdict.NOTHING_KEPT: "the log has entries, and the second place has never seen it",
    Verdict.UNBELIEVABLE: "the checkpoint kept in the second place is not signed by this log",
}
_RESTORE = "restore the database that belongs to the second place; if there is none, "
REMEDY = (
    f"{_RESTORE}an operator and a security officer each run `vaultctl recovery show` and "
    "`vaultctl recovery acknowledge`"
)
REMEDY_ELSEWHERE = (
    f"{_RESTORE}an operator and a security officer acknowledge it on the full tier; this node goes "
    "on by itself then, or where no second place is configured after a restart"
)


class Phase(Enum):
    """How a log stands to its second place (recovery.py)."""

    COMPARING = "comparing"
    REFUSED = "refused"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One person's word that the log is to go on from where it is. ``time`` in microseconds."""

    principal: str
    roles: frozenset[str]
    time: int
    event: AuditEvent = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """How things stand. ``incident`` names what is to be acknowledged; empty where nothing is."""

    phase: Phase
    incident: str
    detail: str
    remedy: str
    comparison: Comparison | None
    acknowledgements: tuple[Acknowledgement, ...]


def complete(words: Iterable[Acknowledgement]) -> bool:
    """Whether an operator and a security officer, two different principals, have spoken."""
    given = list(words)
    return any(
        OPERATOR in one.roles and OFFICER in another.roles and one.principal != another.principal
        for one in given
        for another in given
    )


def incident_of(found: Comparison) -> str:
    """A name that both persons read out: of what is kept and of what is there, whatever entries
    may still be added to it."""
    text = "\n".join((found.verdict.value, *sides(found)))
    digest = hashlib.sha256(b"recordsvault/recovery/v1\n" + text.encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


def sides(found: Comparison) -> tuple[str, ...]:
    """Both sides of a comparison, as the entry of its acknowledgement names them."""
    known = (f"known/{found.known_size}/{found.known_chain.hex()}",) if found.known_size else ()
    return (
        f"kept/{found.kept_size}/{found.kept_root.hex()}",
        f"signed/{found.signed_size}/{found.signed_root.hex()}",
        *known,
    )


def describe(found: Comparison) -> str:
    """What was found, in a line."""
    seen = f"seen {found.known_size}, " if found.known_size else ""
    return (
        f"{_TEXTS[found.verdict]}: {seen}kept {found.kept_size}, "
        f"signed {found.signed_size}, {found.log_size} entries"
    )
