"""Asking Cedar one question."""

import json
from typing import Final, NamedTuple

import cedarpy

from vault.access.actions import Action

NAMESPACE: Final = "RecordsVault"
"""The namespace of the schema."""


class Question(NamedTuple):
    """Everything that enters a decision."""

    institution: str
    roles: frozenset[str]
    action: Action
    resource_institution: str
    resource_kind: str
    purpose: str
    case_reference: bool
    person: bool = False
    check_out: bool = False


class Answer(NamedTuple):
    """Whether some policy permits and none forbids, which policies decided, whether one failed."""

    allowed: bool
    policies: tuple[str, ...]
    failed: bool


def ask(policies: cedarpy.PolicySet, schema: cedarpy.Schema, question: Question) -> Answer:
    """Evaluate the policies, each of which has an @id.

    A policy that fails to evaluate makes the answer a refusal: Cedar only skips it, which would
    turn a failing forbid into a permission. A question that does not fit the schema has failed too.
    """
    principal = {"type": f"{NAMESPACE}::Principal", "id": "caller"}
    resource = {"type": f"{NAMESPACE}::{question.resource_kind}", "id": "resource"}
    roles = [{"type": f"{NAMESPACE}::Role", "id": role} for role in sorted(question.roles)]
    entities = [
        {"uid": principal, "attrs": _belongs_to(question.institution), "parents": roles},
        {"uid": resource, "attrs": _belongs_to(question.resource_institution), "parents": []},
    ]
    result = cedarpy.is_authorized(
        {
            "principal": principal,
            "action": {"type": f"{NAMESPACE}::Action", "id": question.action},
            "resource": resource,
            "context": {
                "purpose": question.purpose,
                "case_reference": question.case_reference,
                "person": question.person,
                "check_out": question.check_out,
            },
        },
        policies,
        json.dumps(entities),
        schema,
    )
    failed = bool(result.diagnostics.errors)
    decided = sorted(result.diagnostics.id_annotations_by_reason.values())
    return Answer(result.allowed and not failed, tuple(decided), failed)


def _belongs_to(institution: str) -> dict[str, str]:
    # An institution that is not there is left out, and never an empty text that equals another.
    return {"institution": institution} if institution else {}
