"""Proposals, principals and explanations into messages; changes of principals out of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date
from typing import Any

from recordsvault.admin.v1 import access_admin_pb2 as pb
from vault.access.decision import Decision
from vault.access.decision_table import Difference
from vault.access.directory_change import BoundEntry, read_change
from vault.access.explaining import Able, Explanation
from vault.access.policy_files import Policy
from vault.access.policy_tests import Outcome
from vault.access.principals_entry import Entry
from vault.access.proposals import Kind, Proposal
from vault.access.scope import Limit, Scope
from vault.access.stored_directory import Listed
from vault.rpc.translate.common import from_micros
from vault.rpc.translate.keys import key_step
from vault.services.closed import NothingOpened, OwnFile
from vault.services.errors import VaultError
from vault.services.policy_report import PolicyReport
from vault.services.proposal_rows import policies_in
from vault.services.rotation.steps import step_in

KINDS = {
    pb.PROPOSAL_KIND_UNSPECIFIED: "",
    pb.PROPOSAL_KIND_POLICY: Kind.POLICY.value,
    pb.PROPOSAL_KIND_DIRECTORY: Kind.DIRECTORY.value,
    pb.PROPOSAL_KIND_KEYS: Kind.KEYS.value,
    pb.PROPOSAL_KIND_RETENTION: Kind.RETENTION.value,
    pb.PROPOSAL_KIND_MERGE: Kind.MERGE.value,
}
_KIND_NUMBERS = {kind: number for number, kind in KINDS.items()}
_LISTS = ("certificates", "accounts", "own_files", "related_files")


def to_content(change: pb.DirectoryChange) -> bytes:
    """The content of a proposal, always the same bytes for the same change."""
    document: dict[str, Any] = {
        "upsert": [_entry_document(entry) for entry in change.upsert],
        "remove": list(change.remove),
    }
    if change.leaves_files:
        document["leaves_files"] = True
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode()


def proposal(one: Proposal, now: int, *, whole: bool) -> pb.Proposal:
    """With its content if `whole`; `now` in microseconds."""
    message = pb.Proposal(
        name=one.name,
        kind=_KIND_NUMBERS[one.kind.value],
        state=pb.ProposalState.Value(f"PROPOSAL_STATE_{one.state_at(now)}"),
        etag=one.etag,
        reason=one.reason,
        proposer=one.proposer,
        propose_time=from_micros(one.proposed_at),
        lapse_time=from_micros(one.lapses_at),
        decided_by=one.decided_by,
        comment=one.comment,
        applied=one.applied,
    )
    if one.decided_at:
        message.decide_time.CopyFrom(from_micros(one.decided_at))
    if whole and one.kind is Kind.POLICY:
        message.files.extend(files(policies_in(one.content)))
    elif one.kind is Kind.KEYS:
        # A step is short, and says what the proposal is: it stands in lists, too.
        message.key_step.CopyFrom(key_step(step_in(one.content)))
    elif whole and one.kind is Kind.DIRECTORY:
        change = read_change(one.institution, one.content)
        message.directory_change.upsert.extend(map(principal_entry, change.upsert))
        message.directory_change.remove.extend(change.remove)
        message.directory_change.leaves_files = change.leaves_files
    return message


def files(texts: Mapping[str, str]) -> list[pb.PolicyFile]:
    """Texts by file name."""
    return [pb.PolicyFile(name=name, text=text) for name, text in sorted(texts.items())]


def report(found: PolicyReport) -> pb.PolicyReport:
    """What was found of policies."""
    return pb.PolicyReport(
        problem=found.problem,
        tests=map(_outcome, found.tests),
        changes=map(_difference, found.changes),
        added=found.added,
        removed=found.removed,
    )


def principal_entry(entry: Entry) -> pb.PrincipalEntry:
    """An entry of the directory. The certificates have their prefix again."""
    who = entry.principal
    ends = entry.ends if isinstance(entry, BoundEntry) else {}
    return pb.PrincipalEntry(
        name=who.name,
        uri=who.workload,
        roles=[
            pb.RoleBinding(role=role, not_after=from_micros(ends[role]) if role in ends else None)
            for role in sorted(who.roles)
        ],
        not_after=entry.not_after.isoformat() if isinstance(entry.not_after, date) else "",
        certificates=[f"sha256:{digest}" for digest in sorted(entry.certificates)],
        person=who.person,
        accounts=[f"{account.issuer}|{account.subject}" for account in entry.accounts],
        branches=sorted(who.scope.branches or ()),
        own_files=sorted(who.own_files),
        related_files=sorted(who.related_files),
        home_branch=who.home_branch,
        scope=scope(who.scope),
    )


def scope(reach: Scope) -> pb.Scope | None:
    """How far somebody's roles reach; None where they are not limited."""
    if not reach.limits:
        return None
    return pb.Scope(branches=_limit(reach.branches), classes=_limit(reach.classes))


def _limit(names: Limit) -> pb.Limit | None:
    return None if names is None else pb.Limit(names=sorted(names))


def listed(one: Listed, known_roles: frozenset[str]) -> pb.ListedPrincipal:
    """A principal as he stands."""
    roles = sorted(one.principal.roles) if one.principal is not None else []
    return pb.ListedPrincipal(
        entry=principal_entry(one.entry),
        source=pb.PRINCIPAL_SOURCE_STORE if one.stored else pb.PRINCIPAL_SOURCE_FILE,
        active=one.principal is not None,
        active_roles=roles,
        unknown_roles=[role for role in roles if role not in known_roles],
    )


def explanation(one: Explanation) -> pb.Explanation:
    """How a call is decided about one principal."""
    decision: Decision | VaultError = one.decision
    if one.decision.allowed and not one.allowed:
        decision = OwnFile() if one.close_file else NothingOpened()
    return pb.Explanation(
        principal=one.who.name,
        roles=sorted(one.who.roles),
        allowed=one.allowed,
        policies=policies(one.policies),
        reason=decision.reason or "",
        en=decision.en,
        zh=decision.zh,
        roles_that_would=one.roles_that_would,
        purposes_that_would=one.purposes_that_would,
        scope=scope(one.who.scope),
    )


def able(one: Able, customer: str) -> pb.Able:
    """Somebody who may do something with a customer (its identifier; empty for any)."""
    return pb.Able(
        principal=one.who.name,
        person=one.who.person,
        roles=sorted(one.who.roles),
        purposes=one.purposes,
        purposes_with_case=one.purposes_with_case,
        for_person=one.for_person,
        with_check_out=one.with_check_out,
        close_file=customer in one.who.close_files,
        policies=policies(one.policies),
        scope=scope(one.who.scope),
    )


def policies(said: Iterable[Policy]) -> list[pb.DecidingPolicy]:
    """Policies that decide."""
    return [pb.DecidingPolicy(id=p.id, effect=p.effect, en=p.en, zh=p.zh) for p in said]


def _outcome(one: Outcome) -> pb.PolicyTestOutcome:
    return pb.PolicyTestOutcome(
        file=one.test.file, name=one.test.name, passed=one.passed, detail=one.says
    )


def _difference(one: Difference) -> pb.DecisionChange:
    return pb.DecisionChange(
        role=one.cell.role,
        action=one.cell.action,
        where=one.cell.where,
        before=one.before,
        after=one.after,
    )


def _entry_document(entry: pb.PrincipalEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": entry.name,
        "roles": [_binding(binding) for binding in entry.roles],
    }
    for key in ("uri", "not_after", "person", "home_branch"):
        if value := getattr(entry, key):
            document[key] = value
    for key in _LISTS:
        if values := list(getattr(entry, key)):
            document[key] = values
    if entry.scope.HasField("branches") or entry.branches:
        inside = entry.scope.branches.names if entry.scope.HasField("branches") else entry.branches
        document["branches"] = list(inside)
    if entry.scope.HasField("classes"):
        document["classes"] = list(entry.scope.classes.names)
    return document


def _binding(binding: pb.RoleBinding) -> dict[str, str]:
    document = {"role": binding.role}
    if binding.HasField("not_after"):
        document["not_after"] = binding.not_after.ToDatetime(UTC).isoformat()
    return document
