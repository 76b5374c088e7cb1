"""Who calls, and may they: principals and policy decisions.

In: the URI and digest of a caller's certificate and a token beside it, the action, the resource,
the purpose and whether there is a case reference. Out: a `Principal` (only the `Directory` makes
one) and a `Decision`, which for an allowed call holds a `Grant` (only the `PolicyEngine` makes
one). Use cases demand the grant and make sure with `covers` that it is theirs.

Policies are Cedar files in `policies/`, checked against `policies/schema.cedarschema` at start; a
role is a string of the principals file that some policy names, so a new role is no change of code.
Deny is the default and a forbid wins. docs/decision-matrix.md shows what comes out.

This room never looks into a record, never logs, and knows nothing of gRPC or certificates.
"""

from vault.access.actions import Action, ActionClass, ResourceKind
from vault.access.decision import Decision, Grant, GrantMismatch, Reason, ResourceRef, both
from vault.access.directory import Directory, PrincipalsInvalid
from vault.access.policy import PolicyEngine
from vault.access.policy_files import PolicyInvalid
from vault.access.principals import Principal, is_principal_name
from vault.access.purposes import Purpose
from vault.access.recognising import Credentials, Recognised, Recogniser

__all__ = [
    "Action",
    "ActionClass",
    "Credentials",
    "Decision",
    "Directory",
    "Grant",
    "GrantMismatch",
    "PolicyEngine",
    "PolicyInvalid",
    "Principal",
    "PrincipalsInvalid",
    "Purpose",
    "Reason",
    "Recognised",
    "Recogniser",
    "ResourceKind",
    "ResourceRef",
    "both",
    "is_principal_name",
]
