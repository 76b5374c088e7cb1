"""Reading the policies and their schema, and refusing those that do not fit."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import cedarpy

from vault.access.actions import Action, ActionClass
from vault.access.cedar import NAMESPACE, Question, ask

POLICY_FOLDER: Final = Path(__file__).parent / "policies"
"""The policies that come with the vault."""

SCHEMA_FILE: Final = "schema.cedarschema"
POLICIES: Final = ".cedar"
TESTS: Final = ".tests.toml"
"""How the names of files of policies, and of tests of policies, end."""

_KEPT: Final = 4


class PolicyInvalid(Exception):
    """The policies cannot be used, and why; the server does not start with them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: its id, whether it permits or forbids, and what it says to a person."""

    id: str
    effect: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True, eq=False)
class PolicyBook:
    """Policies, parsed and checked against the schema. Each is equal to itself alone."""

    policy_set: cedarpy.PolicySet
    schema: cedarpy.Schema
    policies: Mapping[str, Policy]
    roles: frozenset[str]
    """The roles that some policy names; any other role allows nothing."""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What they were read from, and the tests beside it, by file name."""


def read_policies(folder: Path) -> PolicyBook:
    """Read and check `*.cedar` and `schema.cedarschema` of a folder.

    Raises:
        PolicyInvalid: see PolicyEngine.load.
    """
    schema = _schema(_text(folder / SCHEMA_FILE))
    texts = read_texts(folder)
    if not any(name.endswith(POLICIES) for name in texts):
        raise PolicyInvalid(f"no *.cedar file in {folder}: nobody could do anything")
    return _book(texts, schema)


def read_texts(folder: Path) -> dict[str, str]:
    """The policies of a folder and the tests beside them, by file name, as they are proposed.

    Raises:
        PolicyInvalid: one cannot be read.
    """
    files = sorted([*folder.glob(f"*{POLICIES}"), *folder.glob(f"*{TESTS}")])
    return {file.name: _text(file) for file in files}


def book_of(texts: Mapping[str, str]) -> PolicyBook:
    """The policies among the texts (by file name), checked against the program's own schema.

    Raises:
        PolicyInvalid: they do not parse or do not fit, have no id or text, or are none.
    """
    if not any(name.endswith(POLICIES) for name in texts):
        raise PolicyInvalid("there is no *.cedar file: nobody could do anything")
    return _book(texts, _own_schema())


@lru_cache(maxsize=1)
def _own_schema() -> cedarpy.Schema:
    return _schema(_text(POLICY_FOLDER / SCHEMA_FILE))


# The same texts are read again: as they are proposed, approved and put in force.
@lru_cache(maxsize=_KEPT)
def _schema(text: str) -> cedarpy.Schema:
    try:
        schema = cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise PolicyInvalid(f"{SCHEMA_FILE}: not a Cedar schema: {error}") from error
    _check_actions(schema)
    return schema


def _book(files: Mapping[str, str], schema: cedarpy.Schema) -> PolicyBook:
    policies = sorted((name, text) for name, text in files.items() if name.endswith(POLICIES))
    checked = _checked(tuple(policies), schema)
    return PolicyBook(
        policy_set=checked.policy_set,
        schema=schema,
        policies=checked.policies,
        roles=checked.roles,
        texts=MappingProxyType(dict(files)),
    )


class _Checked(NamedTuple):
    """What is made of texts of policies, and of nothing else."""

    policy_set: cedarpy.PolicySet
    policies: Mapping[str, Policy]
    roles: frozenset[str]


@lru_cache(maxsize=_KEPT)
def _checked(files: tuple[tuple[str, str], ...], schema: cedarpy.Schema) -> _Checked:
    policies: dict[str, Policy] = {}
    texts: list[str] = []
    for name, text in files:
        for policy in _policies_of(name, text):
            if policy.id in policies:
                raise PolicyInvalid(f'{name}: a second policy with @id("{policy.id}")')
            policies[policy.id] = policy
        result = cedarpy.validate_policies(text, schema)
        if not result.validation_passed:
            raise PolicyInvalid(f"{name}: does not fit {SCHEMA_FILE}: {_errors(result)}")
        texts.append(text)
    whole = "\n".join(texts)
    return _Checked(
        policy_set=cedarpy.PolicySet.from_str(whole),
        policies=MappingProxyType(policies),
        roles=frozenset(_roles_of(whole)),
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


def _roles_of(text: str) -> Iterator[str]:
    """Every role that the policies name, in scopes and conditions alike (comments do not count)."""
    waiting: list[object] = [json.loads(cedarpy.policies_to_json_str(text))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            if node.get("type") == f"{NAMESPACE}::Role" and isinstance(node.get("id"), str):
                yield node["id"]
            waiting.extend(node.values())


def _check_actions(schema: cedarpy.Schema) -> None:
    """Make sure that the schema has the vault's actions, each in the group of its class alone.

    An action that the schema lacks could not be decided; one in another group would be granted
    with it. Asked of Cedar itself, with one policy for each group.
    """
    groups = [group for group in ActionClass if group is not ActionClass.NONE]
    probe = "\n".join(
        f'@id("{group}") permit (principal, action in {NAMESPACE}::Action::"{group}", resource);'
        for group in groups
    )
    result = cedarpy.validate_policies(probe, schema)
    if not result.validation_passed:
        raise PolicyInvalid(
            f"{SCHEMA_FILE}: lacks a group of actions ({', '.join(groups)}): {_errors(result)}"
        )
    policies = cedarpy.PolicySet.from_str(probe)
    for action in Action:
        question = Question("", frozenset(), action, "", action.kind, "", False)
        answer = ask(policies, schema, question)
        if answer.failed:
            raise PolicyInvalid(f"{SCHEMA_FILE}: lacks the action {action} on a {action.kind}")
        group = action.action_class
        if answer.policies != (() if group is ActionClass.NONE else (group.value,)):
            raise PolicyInvalid(
                f"{SCHEMA_FILE}: the action {action} is in the groups "
                f"({', '.join(answer.policies)}); it belongs to {group} alone"
            )


def _errors(result: cedarpy.ValidationResult) -> str:
    return "; ".join(error.error for error in result.errors)
