"""ECS: fields of the published schema only, and allowed values where it allows only some.

Names and values are those of the ECS 8.17 field reference (elastic/ecs, Apache-2.0: facts about the
format).
"""

import json
from typing import Any

import pytest

from tests.support.siem import bare_entry, every_kind, full_entry, unreadable_entry
from vault.cli.vaultctl.siem.ecs import to_ecs
from vault.cli.vaultctl.siem.facts import facts

FIELDS = set(
    """
    @timestamp ecs.version message
    event.kind event.category event.type event.action event.outcome event.reason event.code
    event.severity event.id event.sequence event.created event.module event.dataset event.provider
    event.hash
    user.name user.id user.roles source.address source.ip source.port organization.id
    service.name service.type service.version rule.id trace.id
    related.user related.ip related.hash
    """.split()
)
LISTS = {
    *("event.category", "event.type", "user.roles", "related.user", "related.ip", "related.hash"),
    "rule.id",
}
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
CATEGORIES = {"api", "database"}
# Of both of those categories.
TYPES = {"access", "allowed", "change", "creation", "denied", "info", "start", "end"}


def read(entry: Any) -> dict[str, Any]:
    return flat(json.loads(to_ecs(facts(entry))))


def flat(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, one in value.items():
        name = f"{path}.{key}" if path else key
        found.update(flat(one, name) if isinstance(one, dict) else {name: one})
    return found


@pytest.mark.parametrize("kind", range(4))
def test_every_field_is_one_of_the_schema_or_a_label(kind: int) -> None:
    found = flat(json.loads(to_ecs(every_kind()[kind])))
    labels = {name for name in found if name.startswith("labels.")}
    assert set(found) - labels <= FIELDS
    assert {"@timestamp", "ecs.version", "message", "event.kind"} <= set(found)
    for name in set(found) - labels:
        assert isinstance(found[name], list) == (name in LISTS), name
    # Labels are keywords: text, or several.
    assert all(isinstance(found[name], str | list) for name in labels)


@pytest.mark.parametrize("kind", range(4))
def test_categorisation_takes_allowed_values_only(kind: int) -> None:
    found = flat(json.loads(to_ecs(every_kind()[kind])))
    assert found["event.kind"] in KINDS
    assert set(found["event.category"]) <= CATEGORIES
    assert set(found["event.type"]) <= TYPES
    assert found["event.outcome"] in {"success", "failure", "unknown"}


def test_what_happened_is_where_it_is_looked_for() -> None:
    found = read(full_entry())
    assert found["@timestamp"] == "2026-03-01T09:30:00.123456Z"
    assert found["event.created"] == "2026-03-01T09:30:00.123457Z"
    assert (found["user.name"], found["source.ip"], found["source.port"]) == (
        "compliance",
        "10.1.2.3",
        44000,
    )
    assert found["event.type"] == ["access", "allowed"]
    assert found["event.sequence"] == 41
    denied = read(bare_entry())
    assert (denied["event.outcome"], denied["event.type"]) == ("failure", ["info", "denied"])
    assert read(unreadable_entry())["event.kind"] == "alert"
