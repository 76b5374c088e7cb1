"""Figures of an institution's files, for `records status` and the monthly report: counts and days
only, of what the caller may see. A part that is not open to him says so, and the others go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.admin.v1 import admin_pb2 as admin
from recordsvault.audit.v1 import event_pb2 as events
from recordsvault.records.v1.completeness_pb2 import DueKind
from recordsvault.retention.v1 import retention_pb2 as retention
from recordsvault.type.v1.party_pb2 import RiskClass
from recordsvault_client import PermissionDenied, ProfileError, VaultServices, event_filter
from vault.cli.vaultctl.failures import explain


class Part(StrEnum):
    """A part of the figures."""

    COMPLETENESS = "completeness"
    DUE = "due"
    CUSTODIANS = "custodians"
    DISPOSAL = "disposal"
    HOLDS = "holds"
    ACCESSES = "accesses"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class Period:
    """From a day to the one before another, in UTC."""

    first: date
    behind: date

    def moments(self) -> tuple[datetime, datetime]:
        """Its first moment and the first one behind it."""
        return _midnight(self.first), _midnight(self.behind)

    def has(self, moment: Timestamp) -> bool:
        """Whether a moment is in it."""
        first, behind = self.moments()
        return first <= moment.ToDatetime(UTC) < behind


@dataclass(slots=True)
class Figures:
    """What was found; `closed` are parts that are not, and why."""

    day: date
    period: Period
    closed: dict[Part, str] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    """Files by risk class; and those in which nothing is amiss."""
    complete: Counter[str] = field(default_factory=Counter)
    amiss: Counter[str] = field(default_factory=Counter)
    """Elements that are missing, expired or unverified somewhere: in how many files."""
    overdue: Counter[str] = field(default_factory=Counter)
    """What was due before today, and what will be, by kind; and all of it by month."""
    coming: Counter[str] = field(default_factory=Counter)
    due_months: Counter[str] = field(default_factory=Counter)
    custodians: Counter[str] = field(default_factory=Counter)
    """Files whose custodian is `here`, has `left`, or that have `none`."""
    disposed: Counter[str] = field(default_factory=Counter)
    """Of disposals finished in the period: `plans`, `scopes`, `rows`."""
    plans: Counter[str] = field(default_factory=Counter)
    """Disposals that wait, by state."""
    blocked: Counter[str] = field(default_factory=Counter)
    """What the newest plan has that is due and kept, by kind of cause; and what it has that goes.
    """
    going: int = 0
    holds: Counter[str] = field(default_factory=Counter)
    """Holds that stand, by kind: of the compartments that the caller is a member of, and of no
    other. Whoever is in none finds none, whether there are any or not."""
    accesses: Counter[tuple[date, str]] = field(default_factory=Counter)
    """Calls of the period by day and `allowed` or `denied`; and by kind of action."""
    kinds: Counter[str] = field(default_factory=Counter)
    health: list[tuple[str, str, str]] = field(default_factory=list)
    """Part, state and what was seen."""


_RISKS: Final = "RISK_CLASS_"
_OPEN: Final = ("PLANNED", "APPROVED", "EXECUTING")


def gather(client: VaultServices, parts: frozenset[Part], period: Period, day: date) -> Figures:
    """The figures of these parts. Raises VaultError for what is neither answered nor denied."""
    found = Figures(day, period)
    steps: dict[Part, Callable[[VaultServices, Figures], None]] = {
        Part.COMPLETENESS: _completeness,
        Part.DUE: _due,
        Part.CUSTODIANS: _custodians,
        Part.DISPOSAL: _disposal,
        Part.HOLDS: _holds,
        Part.ACCESSES: _accesses,
        Part.HEALTH: _health,
    }
    for part, step in steps.items():
        if part not in parts:
            continue
        try:
            step(client, found)
        except (PermissionDenied, ProfileError) as error:
            found.closed[part] = explain(error)[0]
    return found


def _completeness(client: VaultServices, found: Figures) -> None:
    for part in client.files.completeness(day=found.day):
        for one in part.counts:
            risk = RiskClass.Name(one.risk_class).removeprefix(_RISKS)
            found.files[risk] += one.files
            found.complete[risk] += one.complete
            for element in one.elements:
                found.amiss[element.element] += (
                    element.missing + element.expired + element.unverified
                )


def _due(client: VaultServices, found: Figures) -> None:
    for one in client.files.due():
        on = one.due.due_date
        kind = DueKind.Name(one.due.kind).removeprefix("DUE_KIND_")
        overdue = date(on.year, on.month, on.day) < found.day
        (found.overdue if overdue else found.coming)[kind] += 1
        found.due_months[f"{on.year:04}-{on.month:02}"] += 1


def _custodians(client: VaultServices, found: Figures) -> None:
    for part in client.files.custodians():
        for one in part.custodians:
            state = "none" if not one.custodian else "left" if one.left else "here"
            found.custodians[state] += one.files


def _disposal(client: VaultServices, found: Figures) -> None:
    newest = ""
    for one in client.retention.list():
        newest = newest or one.name
        state = retention.DisposalState.Name(one.state).removeprefix("DISPOSAL_STATE_")
        if state in _OPEN:
            found.plans[state] += 1
        elif state == "DONE" and found.period.has(one.finish_time):
            found.disposed["plans"] += 1
            found.disposed["scopes"] += one.gone
            found.disposed["rows"] += one.rows
    if not newest:
        return
    for item in client.retention.items(newest):
        state = retention.ItemState.Name(item.state).removeprefix("ITEM_STATE_")
        if state == "BLOCKED":
            cause = retention.BlockCause.Name(item.cause).removeprefix("BLOCK_CAUSE_")
            found.blocked[cause] += 1
        elif state == "DUE":
            found.going += 1


def _holds(client: VaultServices, found: Figures) -> None:
    for compartment in client.compartments.list():
        for one in client.holds.list(compartment.name):
            if one.state != retention.HOLD_STATE_RELEASED:
                found.holds[_hold_kind(one)] += 1


def _hold_kind(one: retention.Hold) -> str:
    """What a hold is on: each is of a customer, and may be narrower."""
    if one.records:
        return "transactions"
    if one.account:
        return "account"
    period = one.HasField("first_day") or one.HasField("last_day")
    return "period" if period else "customer"


def _accesses(client: VaultServices, found: Figures) -> None:
    first, behind = found.period.moments()
    wanted = event_filter(from_time=first, to_time=behind)
    for entry in client.audit.query(filter=wanted, page_size=500):
        event = entry.event
        # Of a stream, its beginning counts; the other events are of the same call.
        if event.phase in (events.PHASE_MESSAGE, events.PHASE_CLOSED):
            continue
        denied = event.decision != events.DECISION_ALLOWED
        day = entry.append_time.ToDatetime(UTC).date()
        found.accesses[day, "denied" if denied else "allowed"] += 1
        if not denied:
            found.kinds[_kind(event.action)] += 1


def _kind(action: str) -> str:
    """What sort of action it is, of the few that a custodian asks about."""
    family, _, rest = action.partition(".")
    verb = rest.rpartition(".")[2]
    if family == "records" or family == "life":
        reading = verb in ("get", "list", "versions", "download", "export", "diff")
        return "full_reads" if reading and family == "records" else "writes_and_reports"
    if family == "masked":
        return "masked_reads"
    return "lending" if family == "lending" else "other"


def _health(client: VaultServices, found: Figures) -> None:
    answer: Any = client.check_health()
    for check in answer.checks:
        state = admin.HealthState.Name(check.state).removeprefix("HEALTH_STATE_")
        found.health.append((check.part, state, check.detail))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
