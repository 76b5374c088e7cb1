"""Who owns and controls a legal entity: chains of shares to natural persons, and what is amiss.

Shares are in basis points (2,500 = 25%) and multiply along a chain. A natural person who reaches
the threshold, over all chains together, is a beneficial owner. Where nobody does, somebody must be
named who controls the entity otherwise. The threshold is data, by jurisdiction and day
(`vault.rules.ownership_files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from vault.records.customer import Customer, LegalEntity, RelatedPerson
from vault.records.enums import DocumentKind

WHOLE: Final = 10_000
DEEPEST: Final = 20
"""Longest chain that is followed."""
_MOST_STEPS: Final = 10_000
_DECIMALS: Final = 6
"""To which a share is rounded: along a chain it is a product of fractions."""
_OF_ORGANISATIONS: Final = frozenset(
    {DocumentKind.CN_BUSINESS_LICENCE, DocumentKind.COMPANY_REGISTRATION}
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which share on somebody is a beneficial owner: what comes to `basis_points`, or only
    what is more; `rule_set` is the rule that says so, with its version."""

    basis_points: int
    more_than: bool = False
    rule_set: str = ""

    def reached_by(self, share: float) -> bool:
        """Whether a share in basis points is enough."""
        share = round(share, _DECIMALS)
        return share > self.basis_points if self.more_than else share >= self.basis_points

    @property
    def strictness(self) -> tuple[int, bool, str]:
        """In order of it: the least comes first, and is reached by most."""
        return self.basis_points, self.more_than, self.rule_set


class Amiss(StrEnum):
    """What is wrong with an ownership."""

    MORE_THAN_WHOLE = "MORE_THAN_WHOLE"
    """The shares of one entity come to more than 100%."""
    UNEXPLAINED_SHARE = "UNEXPLAINED_SHARE"
    """So much is owned by nobody who is named that an owner of the threshold may be missing."""
    CYCLE = "CYCLE"
    """A chain comes back to an entity that it has been at."""
    ENDS_AT_ENTITY = "ENDS_AT_ENTITY"
    """A chain that reaches the threshold ends at an organisation without a file."""
    FILE_MISSING = "FILE_MISSING"
    """A chain goes on in a file that is not there, or that is out of reach."""
    UNIDENTIFIED = "UNIDENTIFIED"
    """A beneficial owner has neither a file nor an identity document."""
    NO_CONTROLLER = "NO_CONTROLLER"
    """Nobody reaches the threshold, and nobody is named who controls the entity otherwise."""
    TOO_DEEP = "TOO_DEEP"
    """A chain is longer than is followed, or there are too many."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is amiss, in whose file, and at which path of it."""

    kind: Amiss
    customer: str
    path: str


@dataclass(frozen=True, slots=True)
class Owner:
    """A natural person at the end of chains. `share` is what they come to, in basis points; `path`
    and `customer` are where the first chain names him, `chain` the files on its way."""

    customer: str
    path: str
    share: float
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ownership:
    """What was found, beneficial owners first, by share; findings in order."""

    owners: tuple[Owner, ...]
    findings: tuple[Finding, ...]

    def beneficial(self, threshold: Threshold) -> tuple[Owner, ...]:
        """Those who reach the threshold."""
        return tuple(one for one in self.owners if threshold.reached_by(one.share))


def wanted_files(customer: Customer) -> frozenset[str]:
    """Names of the files that a customer's owners and controllers have of their own."""
    entity = customer.legal_entity
    if entity is None:
        return frozenset()
    people = (*entity.beneficial_owners, *entity.controllers)
    return frozenset(one.customer for one in people if one.customer)


def evaluate(root: str, files: Mapping[str, Customer], threshold: Threshold) -> Ownership:
    """The ownership of the entity whose file is `root`, with the files that are at hand by name."""
    walk = _Walk(files, threshold)
    walk.entity(root, float(WHOLE), (root,))
    walk.end(root)
    owners = sorted(walk.owners.values(), key=lambda one: (-one.share, one.customer, one.path))
    return Ownership(
        tuple(Owner(one.customer, one.path, one.share, one.chain) for one in owners),
        tuple(sorted(walk.findings)),
    )


@dataclass(slots=True)
class _Found:
    customer: str
    path: str
    chain: tuple[str, ...]
    identified: bool
    share: float = 0.0


@dataclass(slots=True)
class _Walk:
    files: Mapping[str, Customer]
    threshold: Threshold
    owners: dict[tuple[str, ...], _Found] = field(default_factory=dict)
    findings: set[Finding] = field(default_factory=set)
    steps: int = 0

    def entity(self, name: str, share: float, chain: tuple[str, ...]) -> None:
        file = self.files.get(name)
        entity = file.legal_entity if file is not None else None
        if entity is None:
            return
        total = 0
        for path, person in _owning(entity):
            total += person.ownership_basis_points
            self.owner(name, path, person, share * person.ownership_basis_points / WHOLE, chain)
        if total > WHOLE:
            self.findings.add(Finding(Amiss.MORE_THAN_WHOLE, name, "legal_entity"))
        elif self.threshold.reached_by(share * (WHOLE - total) / WHOLE) and not _controlled(entity):
            self.findings.add(Finding(Amiss.UNEXPLAINED_SHARE, name, "legal_entity"))

    def owner(
        self, name: str, path: str, person: RelatedPerson, share: float, chain: tuple[str, ...]
    ) -> None:
        self.steps += 1
        if len(chain) > DEEPEST or self.steps > _MOST_STEPS:
            self.findings.add(Finding(Amiss.TOO_DEEP, name, path))
            return
        at = person.customer
        if at in chain:
            self.findings.add(Finding(Amiss.CYCLE, name, path))
            return
        if at:
            file = self.files.get(at)
            if file is None:
                self.findings.add(Finding(Amiss.FILE_MISSING, name, path))
                return
            if file.legal_entity is not None:
                self.entity(at, share, (*chain, at))
                return
        elif person.identity is not None and person.identity.kind in _OF_ORGANISATIONS:
            if self.threshold.reached_by(share):
                self.findings.add(Finding(Amiss.ENDS_AT_ENTITY, name, path))
            return
        identified = bool(at) or person.identity is not None
        found = self.owners.setdefault(
            _who(name, path, person), _Found(name, path, chain, identified)
        )
        found.share += share
        found.identified = found.identified or identified

    def end(self, root: str) -> None:
        """What can be said when every chain was followed."""
        beneficial = [one for one in self.owners.values() if self.threshold.reached_by(one.share)]
        for one in beneficial:
            if not one.identified:
                self.findings.add(Finding(Amiss.UNIDENTIFIED, one.customer, one.path))
        file = self.files.get(root)
        entity = file.legal_entity if file is not None else None
        if entity is not None and not beneficial and not _controlled(entity):
            self.findings.add(Finding(Amiss.NO_CONTROLLER, root, "legal_entity.controllers"))


def _owning(entity: LegalEntity) -> Iterator[tuple[str, RelatedPerson]]:
    """Who holds shares, each once, although he may stand on both lists."""
    seen = set()
    for name, people in (
        ("beneficial_owners", entity.beneficial_owners),
        ("controllers", entity.controllers),
    ):
        for place, person in enumerate(people):
            path = f"legal_entity.{name}[{place}]"
            who = _who("", path, person, by_name=True)
            if person.ownership_basis_points > 0 and who not in seen:
                seen.add(who)
                yield path, person


def _who(name: str, path: str, person: RelatedPerson, *, by_name: bool = False) -> tuple[str, ...]:
    """By what a person is known again: his file, his document, else where he stands."""
    if person.customer:
        return ("file", person.customer)
    if person.identity is not None and person.identity.number:
        identity = person.identity
        return ("document", identity.kind, identity.issuing_country, identity.number)
    return ("name", person.full_name) if by_name else ("place", name, path)


def _controlled(entity: LegalEntity) -> bool:
    """Whether a natural person is named who controls it otherwise than by shares."""
    return any(
        one.identity is None or one.identity.kind not in _OF_ORGANISATIONS
        for one in entity.controllers
    )
