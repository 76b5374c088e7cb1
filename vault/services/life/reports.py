"""Reports over all files of an institution: names and counts, and no value of any file."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, TypeVar

from vault.access import ActionClass
from vault.records import Customer, RiskClass
from vault.rules.completeness import State
from vault.rules.currency import Due, DueKind, until
from vault.services.call import Call
from vault.services.errors import VaultError
from vault.services.life.assessing import Assessment, Assessor
from vault.services.life.files import File

DUE_DAYS: Final = 90
MOST_GROUPS: Final = 10_000
_Key = TypeVar("_Key")
_AMISS: Final = (State.MISSING, State.EXPIRED, State.UNVERIFIED)


class TooManyGroups(VaultError):
    """Counts would not fit into memory or an answer."""

    code = "FAILED_PRECONDITION"
    reason = "TOO_MANY_GROUPS"

    def __init__(self) -> None:
        super().__init__(
            f"The files have more than {MOST_GROUPS} branches, segments or custodians. Ask for one "
            "branch at a time, and have the names looked at.",
            f"档案涉及的网点、分类或保管人超过 {MOST_GROUPS} 个。请按网点分别查询，并检查其名称。",
        )


@dataclass(slots=True)
class Group:
    """Counts of a branch and risk class, or of a segment. Elements by name and state."""

    files: int = 0
    complete: int = 0
    ownership: int = 0
    conflicts: int = 0
    elements: Counter[tuple[str, State]] = field(default_factory=Counter)

    def add(self, found: Assessment) -> None:
        """Count a file."""
        self.files += 1
        self.complete += found.complete
        self.ownership += bool(found.ownership)
        self.conflicts += bool(found.conflicts)
        for one in found.completeness.elements:
            if one.state in _AMISS:
                self.elements[one.name, one.state] += 1


@dataclass(slots=True)
class Groups:
    """The counts of a report: each file once by branch and risk class, and in each of its segments
    ("" for none)."""

    by_risk: dict[tuple[str, RiskClass], Group] = field(default_factory=dict)
    by_segment: dict[str, Group] = field(default_factory=dict)

    def add(self, customer: Customer, found: Assessment) -> None:
        """Count a file. Raises TooManyGroups."""
        _group(self.by_risk, (customer.branch, customer.risk_class)).add(found)
        for segment in segments_of(customer) or ("",):
            _group(self.by_segment, segment).add(found)


def segments_of(customer: Customer) -> tuple[str, ...]:
    """Each segment of a customer once, in order."""
    relationship = customer.relationship
    return tuple(sorted(set(relationship.segments))) if relationship is not None else ()


def _group(groups: dict[_Key, Group], key: _Key) -> Group:
    if key not in groups and len(groups) >= MOST_GROUPS:
        raise TooManyGroups
    return groups.setdefault(key, Group())


@dataclass(frozen=True, slots=True)
class WantedFiles:
    """Which files a report is about: of all branches, risk classes and segments where empty."""

    institution: str
    branch: str = ""
    risk_classes: frozenset[RiskClass] = frozenset()
    custodian: str = ""
    segments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """How far a report of completeness is, and what is amiss in files of this part."""

    examined: int
    files: list[tuple[File, Assessment]]


@dataclass(frozen=True, slots=True)
class DuePart:
    """How far a list of what falls due is, and what does in this part."""

    examined: int
    items: list[tuple[File, Due, str]]


@dataclass(slots=True)
class Kept:
    """The files of a custodian; `by_default` of them name none."""

    files: int = 0
    by_default: int = 0


class Reports:
    """The use cases."""

    def __init__(self, assessor: Assessor) -> None:
        self._assessor = assessor
        self.may_keep = assessor.custody.may_keep

    async def completeness(
        self,
        call: Call,
        wanted: WantedFiles,
        day: date | None,
        groups: Groups,
    ) -> AsyncIterator[Part]:
        """Part by part; `groups` is filled on the way. `day` None is today."""
        call.require(ActionClass.REPORT, wanted.institution)
        on = day or self._assessor.files.today()
        examined = 0
        async for page in self._assessor.files.pages(call, wanted.institution):
            amiss = []
            for file in page:
                if not self._is_wanted(wanted, file):
                    continue
                found = await self._assessor.assess(call, file, on)
                examined += 1
                groups.add(file.customer, found)
                if not found.complete:
                    amiss.append((file, found))
            call.touched(count=examined)
            yield Part(examined, amiss)

    async def due(
        self, call: Call, wanted: WantedFiles, by: date | None, kinds: frozenset[DueKind]
    ) -> AsyncIterator[DuePart]:
        """What falls due by a day, of some kinds or of all (empty); `by` None is in ninety days."""
        call.require(ActionClass.REPORT, wanted.institution)
        last = by or self._assessor.files.today() + timedelta(days=DUE_DAYS)
        examined = 0
        async for page in self._assessor.files.pages(call, wanted.institution, bookings=True):
            items = []
            for file in page:
                if not self._is_wanted(wanted, file):
                    continue
                examined += 1
                custodian = self._assessor.custody.keeper(file.institution, file.customer)
                items += [
                    (file, one, custodian)
                    for one in until(self._assessor.due(file), last)
                    if not kinds or one.kind in kinds
                ]
            call.touched(count=examined)
            yield DuePart(examined, items)
        async for page in self._assessor.files.asked_elsewhere(call, wanted.institution):
            yield DuePart(
                examined,
                [
                    (file, one, self._assessor.rules.custodian(file.institution, file.customer))
                    for file in page
                    if self._is_wanted(wanted, file)
                    for one in until(file.requests, last)
                    if not kinds or one.kind in kinds
                ],
            )

    async def custodians(
        self, call: Call, institution: str, kept: dict[str, Kept]
    ) -> AsyncIterator[tuple[int, list[str]]]:
        """How far it is, and the names of files whose custodian has left or that have none;
        `kept` is filled on the way, by custodian."""
        call.require(ActionClass.REPORT, institution)
        examined = 0
        here: dict[str, bool] = {"": False}
        async for page in self._assessor.files.pages(call, institution, documents=False):
            alone = []
            for file in page:
                examined += 1
                custodian = self._assessor.custody.keeper(institution, file.customer)
                if custodian not in kept and len(kept) >= MOST_GROUPS:
                    raise TooManyGroups
                count = kept.setdefault(custodian, Kept())
                count.files += 1
                relationship = file.customer.relationship
                count.by_default += relationship is None or not relationship.custodian
                if custodian not in here:
                    here[custodian] = self.may_keep(institution, custodian)
                if not here[custodian]:
                    alone.append(file.name)
            call.touched(count=examined)
            yield examined, alone

    def _is_wanted(self, wanted: WantedFiles, file: File) -> bool:
        customer = file.customer
        if wanted.branch and customer.branch != wanted.branch:
            return False
        if wanted.risk_classes and customer.risk_class not in wanted.risk_classes:
            return False
        if wanted.segments and wanted.segments.isdisjoint(segments_of(customer)):
            return False
        if not wanted.custodian:
            return True
        return self._assessor.custody.keeper(file.institution, customer) == wanted.custodian
