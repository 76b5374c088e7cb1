"""ECS: fields of the published schema only, of its types, and allowed values where it has some.

`schemas/ecs-8.11-to-9.0.json` holds the facts (with their source and licence). Those of 8.11.0 and
of 9.0.0 are the same for the field sets that are used, so they are those of 8.17, which is claimed.
"""

import json
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.support.siem import KINDS, bare_entry, full_entry, unreadable_entry
from vault.cli.vaultctl.siem.ecs import to_ecs
from vault.cli.vaultctl.siem.facts import facts

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "ecs-8.11-to-9.0.json").read_text("utf-8"))
FIELDS: dict[str, dict[str, Any]] = SCHEMA["fields"]
HOLDS: dict[str, type[Any]] = {"string": str, "number": int, "list": list}


def read(entry: Any) -> dict[str, Any]:
    return flat(json.loads(to_ecs(facts(entry))))


def flat(value: dict[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, one in value.items():
        name = f"{path}.{key}" if path else key
        found.update(flat(one, name) if isinstance(one, dict) else {name: one})
    return found


def wrong(found: dict[str, Any]) -> list[str]:
    """What an event has that the schema does not allow, or lacks."""
    # Labels are keywords under names of one's own: text, or several.
    labels = {name for name in found if name.startswith("labels.")}
    problems = [f"{n} is no keyword" for n in labels if not isinstance(found[n], str | list)]
    problems += [f"{n} is unknown" for n in found.keys() - labels - FIELDS.keys()]
    problems += [
        f"{n} is required" for n, one in FIELDS.items() if one.get("required") and n not in found
    ]
    for name in found.keys() & FIELDS.keys():
        kind, value = FIELDS[name]["type"], found[name]
        if type(value) is not HOLDS[kind] or value in ("", []):
            problems.append(f"{name} holds no {kind}")
        elif kind == "list" and not all(isinstance(one, str) and one for one in value):
            problems.append(f"{name} holds something else than texts")
    for name in ("event.kind", "event.outcome"):
        if found.get(name) not in SCHEMA[name]:
            problems.append(f"{name} is none of the allowed values")
    expected = SCHEMA["event.category"]
    if not set(found["event.category"]) <= set(expected):
        problems.append("event.category is none of the allowed values")
    elif not set(found["event.type"]) <= {
        one for category in found["event.category"] for one in expected[category]
    }:
        problems.append("event.type is not expected in the category")
    return problems


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_one_of_the_schema(kind: str) -> None:
    found = flat(json.loads(to_ecs(KINDS[kind])))
    assert wrong(found) == []
    low, high = (tuple(map(int, v.split("."))) for v in SCHEMA["versions"])
    assert low < tuple(map(int, found["ecs.version"].split("."))) < high
    for name in ("@timestamp", "event.created"):
        assert datetime.fromisoformat(found[name]).tzinfo is not None
    for address in (*found.get("related.ip", []), found.get("source.ip", "::1")):
        ip_address(address)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"@timestamp": None}, "@timestamp is required"),
        ({"event.roles": ["x"]}, "event.roles is unknown"),
        ({"rule.id": ["one", "two"]}, "rule.id holds no string"),
        ({"event.sequence": "41"}, "event.sequence holds no number"),
        ({"related.user": ["crm", ""]}, "related.user holds something else than texts"),
        ({"event.kind": "audit"}, "event.kind is none of the allowed values"),
        ({"event.category": ["records"]}, "event.category is none of the allowed values"),
        ({"event.category": ["database"]}, "event.type is not expected in the category"),
        ({"labels.count": 2}, "labels.count is no keyword"),
    ],
)
def test_the_schema_is_held_to(change: dict[str, Any], says: str) -> None:
    found = read(full_entry()) | change
    assert says in wrong({name: value for name, value in found.items() if value is not None})


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
    several = read(full_entry(policies=["one", "two"]))
    assert (several["rule.id"], several["labels.policies"]) == ("one", ["one", "two"])
