"""Looks at one file by all rules: its elements, its owners, its documents, and what falls due."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from vault.records import Customer
from vault.rules import ownership
from vault.rules.business import Broken, BusinessRule, broken
from vault.rules.completeness import Completeness, ElementBook
from vault.rules.conflicts import Conflict, conflicts
from vault.rules.currency import CurrencyRules, Due, DueKind, due_items
from vault.rules.ownership import Threshold
from vault.rules.ownership_files import ThresholdBook
from vault.services.call import Call
from vault.services.custody import Custody
from vault.services.life.files import File, Files


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, and what holds in an institution whose files say nothing: its jurisdictions, and
    by institution the custodian of files that name none."""

    elements: ElementBook
    thresholds: ThresholdBook
    business: tuple[BusinessRule, ...]
    currency: CurrencyRules
    jurisdictions: frozenset[str]
    custodians: Mapping[str, str]

    def custodian(self, institution: str, customer: Customer) -> str:
        """Who keeps a file; "" where nobody does."""
        relationship = customer.relationship
        named = relationship.custodian if relationship is not None else ""
        return named or self.custodians.get(institution, "")

    def threshold(self, customer: Customer, day: date) -> Threshold:
        """From which share on somebody is a beneficial owner of a customer."""
        return self.thresholds.threshold(customer, self.jurisdictions, day)

    def completeness(self, customer: Customer, day: date) -> Completeness:
        """How the elements stand."""
        return self.elements.evaluate(customer, self.jurisdictions, day)


async def kept_by(files: Files, custody: Custody, institution: str, names: Collection[str]) -> int:
    """How many files somebody of these keeps, whoever asks. Raises as `Files` does."""
    found = 0
    async for page in files.pages(None, institution, documents=False):
        found += sum(custody.keeper(institution, file.customer) in names for file in page)
    return found


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found in a file on a day. `due` is empty where it was not asked for; `threshold` is
    that of a legal entity's owners."""

    day: date
    completeness: Completeness
    ownership: tuple[ownership.Finding, ...]
    conflicts: tuple[Conflict, ...]
    broken: tuple[Broken, ...]
    due: tuple[Due, ...] = ()
    threshold: Threshold | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is amiss."""
        return self.completeness.complete and not self.ownership and not self.conflicts


class Assessor:
    """Looks at files. Raises as `Files` does."""

    def __init__(self, files: Files, rules: Rules, custody: Custody) -> None:
        self.files = files
        self.rules = rules
        self.custody = custody

    async def assess(self, call: Call, file: File, day: date) -> Assessment:
        """Everything but what falls due."""
        found = self.rules.completeness(file.customer, day)
        amiss: tuple[ownership.Finding, ...] = ()
        threshold = None
        if file.customer.legal_entity is not None:
            chain = await self.files.owners(call, file)
            threshold = self.rules.threshold(file.customer, day)
            amiss = ownership.evaluate(file.name, chain, threshold).findings
        return Assessment(
            day,
            found,
            amiss,
            conflicts(file.customer, file.documents),
            broken(self.rules.business, file.customer, found),
            threshold=threshold,
        )

    def due(self, file: File) -> tuple[Due, ...]:
        """What falls due of a file, the earliest first."""
        own = due_items(
            file.customer,
            file.documents,
            self.rules.currency,
            recorded_on=file.recorded_on,
            last_booking=file.last_booking,
        )
        # These also of a relationship that has ended.
        found = [*own, *file.requests]
        if not self.custody.is_kept(file.institution, file.customer):
            found.append(Due(self.files.today(), DueKind.CUSTODIAN_LEFT))
        return tuple(sorted(found))
