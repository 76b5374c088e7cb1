"""What was found in a file, as messages."""

from __future__ import annotations

from collections.abc import Iterable

from recordsvault.records.v1 import completeness_pb2 as pb
from vault.rpc.translate.common import from_date
from vault.rules.business import Effect
from vault.rules.completeness import State
from vault.rules.conflicts import Conflict
from vault.rules.currency import Due, DueKind
from vault.rules.ownership import Finding
from vault.services.life import Assessment, File

_STATES = {state: pb.ElementState.Value(f"ELEMENT_STATE_{state.value}") for state in State}
_KINDS = {kind: pb.DueKind.Value(f"DUE_KIND_{kind.value}") for kind in DueKind}
_KINDS_BACK: dict[int, DueKind] = {number: kind for kind, number in _KINDS.items()}


def to_proto(file: File, found: Assessment, due: Iterable[Due]) -> pb.Completeness:
    """All that was found."""
    out = pb.Completeness(
        assessed_on=from_date(found.day),
        complete=found.complete,
        ownership=found_owners(found.ownership),
        conflicts=found_conflicts(file, found.conflicts),
        broken_rules=[
            pb.BrokenRule(rule=one.rule, refuses=one.effect is Effect.REFUSE, elements=one.elements)
            for one in found.broken
        ],
        due=map(due_item, due),
    )
    if found.threshold is not None:
        out.ownership_threshold.CopyFrom(
            pb.OwnershipThreshold(
                basis_points=found.threshold.basis_points,
                more_than=found.threshold.more_than,
                rule_set=found.threshold.rule_set,
            )
        )
    for one in found.completeness.elements:
        status = out.elements.add(
            element=one.name,
            state=_STATES[one.state],
            why_not="" if one.why_not is None else one.why_not.value,
            rule_set=one.rule_set,
            paths=one.paths,
        )
        if one.expiry is not None:
            status.expiry_date.CopyFrom(from_date(one.expiry))
    return out


def found_owners(findings: Iterable[Finding]) -> list[pb.OwnershipFinding]:
    """What is amiss with an ownership."""
    return [
        pb.OwnershipFinding(kind=one.kind.value, customer=one.customer, path=one.path)
        for one in findings
    ]


def found_conflicts(file: File, conflicts: Iterable[Conflict]) -> list[pb.DocumentConflict]:
    """Where documents contradict a file."""
    return [
        pb.DocumentConflict(
            path=one.path, document=f"{file.name}/{one.document}", differs=one.differs.value
        )
        for one in conflicts
    ]


def due_item(due: Due) -> pb.DueItem:
    """Something that falls due."""
    return pb.DueItem(kind=_KINDS[due.kind], due_date=from_date(due.day), path=due.path)


def due_kinds(numbers: Iterable[int]) -> frozenset[DueKind]:
    """Kinds that were asked for; one that the contract has not has been refused before."""
    return frozenset(_KINDS_BACK[number] for number in numbers if number in _KINDS_BACK)


def due_number(kind: str) -> pb.DueKind.ValueType:
    """The contract's number of a kind by its name; unspecified for none, or one that is not
    known."""
    return _KINDS[DueKind(kind)] if kind in set(DueKind) else pb.DUE_KIND_UNSPECIFIED
