"""OCSF: the class's required attributes are there, and nothing that the schema does not name.

Names and requirements are those of https://schema.ocsf.io/1.3.0/classes/api_activity and of the
objects that it uses (ocsf/ocsf-schema 1.3.0, Apache-2.0: facts about the format).
"""

import json
from typing import Any

import pytest

from tests.support.siem import CUSTOMER, bare_entry, every_kind, full_entry, unreadable_entry
from vault.access import Action
from vault.cli.vaultctl.siem.facts import facts
from vault.cli.vaultctl.siem.ocsf import activity, to_ocsf

REQUIRED = {
    "activity_id",
    "actor",
    "api",
    "category_uid",
    "class_uid",
    "metadata",
    "severity_id",
    "src_endpoint",
    "time",
    "type_uid",
}
OPTIONAL = {
    "activity_name",
    "category_name",
    "class_name",
    "count",
    "message",
    "resources",
    "severity",
    "status",
    "status_code",
    "status_detail",
    "status_id",
    "type_name",
    "unmapped",
}
# Of each object: its attributes here, and which of them it requires.
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    "metadata": (
        {
            *("version", "product", "uid", "event_code", "correlation_uid", "tenant_uid"),
            *("log_name", "logged_time", "sequence"),
        },
        {"version", "product"},
    ),
    "metadata.product": ({"name", "vendor_name", "version"}, {"vendor_name"}),
    "api": ({"operation", "request", "response", "service"}, {"operation"}),
    "api.request": ({"uid"}, {"uid"}),
    "api.response": ({"code", "error", "message"}, set()),
    "api.service": ({"name"}, set()),
    "actor": ({"user", "authorizations"}, set()),
    "actor.user": ({"name", "uid", "groups"}, set()),
    "actor.user.groups": ({"name"}, set()),
    "actor.authorizations": ({"decision", "policy"}, set()),
    "actor.authorizations.policy": ({"name", "uid"}, set()),
    "src_endpoint": ({"ip", "port", "name"}, set()),
    "resources": ({"name", "uid"}, set()),
}
AT_LEAST_ONE = {"actor": {"user"}, "src_endpoint": {"ip", "name"}, "actor.user": {"name", "uid"}}


def read(entry: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_ocsf(facts(entry)))
    return found


def objects(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [one for item in value for one in objects(item, path)]
    if not isinstance(value, dict) or path == "unmapped":
        return []
    inner = [
        one
        for key, item in value.items()
        for one in objects(item, f"{path}.{key}" if path else key)
    ]
    return [(path, value), *inner] if path else inner


@pytest.mark.parametrize("kind", range(4))
def test_every_event_has_the_required_attributes_and_no_unknown_ones(kind: int) -> None:
    found = json.loads(to_ocsf(every_kind()[kind]))
    assert set(found) >= REQUIRED
    assert set(found) <= REQUIRED | OPTIONAL
    for path, one in objects(found):
        named, required = OBJECTS[path]
        assert required <= set(one) <= named, path
        assert not (AT_LEAST_ONE.get(path) and not set(one) & AT_LEAST_ONE[path]), path


def test_the_numbers_are_those_of_the_class() -> None:
    found = read(full_entry())
    assert (found["category_uid"], found["class_uid"]) == (6, 6003)
    assert found["type_uid"] == 600300 + found["activity_id"] == 600302
    assert found["time"] == 1772357400123
    assert found["metadata"]["version"] == "1.3.0"
    assert (found["severity_id"], found["status_id"]) == (2, 1)
    denied = read(bare_entry())
    assert (denied["severity_id"], denied["status_id"], denied["activity_id"]) == (3, 2, 99)
    assert read(unreadable_entry())["severity_id"] == 5


def test_who_did_what_to_what_is_where_it_is_looked_for() -> None:
    found = read(full_entry())
    assert found["actor"]["user"]["name"] == "compliance"
    assert found["src_endpoint"] == {"ip": "10.1.2.3", "port": 44000}
    assert found["api"]["operation"] == "records.customers.get"
    assert found["resources"][0]["name"] == CUSTOMER
    assert found["actor"]["authorizations"] == [
        {
            "decision": "ALLOWED",
            "policy": {"name": "compliance-full-read", "uid": "compliance-full-read"},
        }
    ]
    assert found["metadata"]["sequence"] == 41
    assert found["unmapped"]["purpose"] == "ONBOARDING_CDD"


@pytest.mark.parametrize("action", Action, ids=str)
def test_every_action_has_an_activity_of_the_class(action: Action) -> None:
    number, name = activity(action.value)
    assert (number, name) in {(1, "Create"), (2, "Read"), (3, "Update"), (99, "Other")}
    if action.value.startswith(("records.", "masked.")):
        assert number != 99
