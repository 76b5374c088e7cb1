"""Reading the policies and their schema, and refusing those that do not fit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import cedarpy

from vault.access.actions import Action, ActionClass

POLICY_FOLDER: Final = Path(__file__).parent / "policies"
"""The policies that come with the vault."""

SCHEMA_FILE: Final = "schema.cedarschema"

_ROLE: Final = re.compile(r'RecordsVault::Role::"([^"\\]*)"')
_ACTION: Final = 'RecordsVault::Action::"{}"'


class PolicyInvalid(Exception):
    """The policies cannot be used, and why; the server does not start with them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: its id, whether it permits or forbids, and what it says to a person."""

    id: str
    effect: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policies in force, parsed and checked against the schema."""

    policy_set: cedarpy.PolicySet
    schema: cedarpy.Schema
    policies: Mapping[str, Policy]
    roles: frozenset[str]
    """The roles that some policy names; any other role allows nothing."""


def read_policies(folder: Path) -> PolicyBook:
    """Read and check `*.cedar` and `schema.cedarschema` of a folder.

    Raises:
        PolicyInvalid: see PolicyEngine.load.
    """
    schema_text = _text(folder / SCHEMA_FILE)
    try:
        schema = cedarpy.Schema.from_str(schema_text)
    except ValueError as error:
        raise PolicyInvalid(f"{SCHEMA_FILE}: not a Cedar schema: {error}") from error
    _check_actions(schema)

    files = sorted(folder.glob("*.cedar"))
    if not files:
        raise PolicyInvalid(f"no *.cedar file in {folder}: nobody could do anything")
    policies: dict[str, Policy] = {}
    texts: list[str] = []
    for file in files:
        text = _text(file)
        for policy in _policies_of(file.name, text):
            if policy.id in policies:
                raise PolicyInvalid(f'{file.name}: a second policy with @id("{policy.id}")')
            policies[policy.id] = policy
        result = cedarpy.validate_policies(text, schema)
        if not result.validation_passed:
            raise PolicyInvalid(
                f"{file.name}: does not fit {SCHEMA_FILE}: "
                + "; ".join(error.error for error in result.errors)
            )
        texts.append(text)
    whole = "\n".join(texts)
    return PolicyBook(
        policy_set=cedarpy.PolicySet.from_str(whole),
        schema=schema,
        policies=MappingProxyType(policies),
        roles=frozenset(_ROLE.findall(re.sub(r"//[^\n]*", "", whole))),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{file} cannot be read: {error}") from error


def _policies_of(file: str, text: str) -> list[Policy]:
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        raise PolicyInvalid(f"{file}: not Cedar policies: {error}") from error
    if parsed.templates:
        raise PolicyInvalid(f"{file}: holds a template; write the policies out")
    found = []
    for position, policy in enumerate(parsed.static_policies.values(), start=1):
        said = {name: policy.annotations.get(name) or "" for name in ("id", "en", "zh")}
        lacking = [f"@{name}" for name, value in said.items() if not value.strip()]
        if lacking:
            raise PolicyInvalid(
                f"{file}: policy {position} has no {' and no '.join(lacking)}: the log names a "
                "policy by its @id, and people read why in @en and @zh"
            )
        found.append(Policy(said["id"], policy.effect, said["en"], said["zh"]))
    return found


def _check_actions(schema: cedarpy.Schema) -> None:
    """Make sure that the schema has the vault's actions, each in the group of its class.

    An action that the schema lacks could not be decided; one in another group would be granted
    with it. Asked of the validator, by a policy that only fits if it is so.
    """
    for action in Action:
        for kind in (action.kind,):
            probe = (
                f"permit (principal, action == {_ACTION.format(action)}, "
                f"resource is RecordsVault::{kind});"
            )
            if not cedarpy.validate_policies(probe, schema).validation_passed:
                raise PolicyInvalid(f"{SCHEMA_FILE}: lacks the action {action} on a {kind}")
    for action_class in ActionClass:
        if action_class is not ActionClass.NONE:
            probe = f"permit (principal, action in {_ACTION.format(action_class)}, resource);"
            if not cedarpy.validate_policies(probe, schema).validation_passed:
                raise PolicyInvalid(f"{SCHEMA_FILE}: lacks the group {action_class}")
