"""OCSF: what is forwarded is an API Activity of OCSF 1.3.0, by the schema and by another's models.

`schemas/ocsf-1.3.0-api-activity.json` holds the facts of the published schema (with its source and
licence). `py-ocsf-models` has no model of this class; its models of the base event and of most
objects in it are held against as well. (Its User asks for more than the schema does, and it has no
Actor and no NetworkEndpoint.)
"""

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from py_ocsf_models.events.base_event import BaseEvent
from py_ocsf_models.objects.api import API
from py_ocsf_models.objects.group import Group
from py_ocsf_models.objects.metadata import Metadata
from py_ocsf_models.objects.policy import Policy
from py_ocsf_models.objects.product import Product
from py_ocsf_models.objects.request_elements import RequestElements
from py_ocsf_models.objects.resource_details import ResourceDetails
from py_ocsf_models.objects.response_elements import ResponseElements
from py_ocsf_models.objects.service import Service
from pydantic import BaseModel

from tests.support.siem import CUSTOMER, KINDS, bare_entry, full_entry, unreadable_entry
from vault.access import Action
from vault.cli.vaultctl.siem.facts import facts
from vault.cli.vaultctl.siem.ocsf import activity, to_ocsf

SCHEMA = json.loads(
    (Path(__file__).parent / "schemas" / "ocsf-1.3.0-api-activity.json").read_text("utf-8")
)
CLASS, OBJECTS, TYPES = SCHEMA["class"], SCHEMA["objects"], SCHEMA["types"]
# Attributes of a schema's profile are of the class only where an event names the profile.
PROFILES: set[str] = set()


def read(entry: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_ocsf(facts(entry)))
    return found


# -- the schema --------------------------------------------------------------------------------


def wrong(value: dict[str, Any], schema: dict[str, Any], path: str = "") -> list[str]:
    """What an object has that its schema does not allow, or lacks."""
    known = {
        name: one
        for name, one in schema["attributes"].items()
        if one.get("profile") is None or one["profile"] in PROFILES
    }
    found = [f"{path}.{name} is unknown" for name in value if name not in known]
    found += [
        f"{path}.{name} is required"
        for name, one in known.items()
        if one["requirement"] == "required" and name not in value
    ]
    some = schema.get("constraints", {}).get("at_least_one", [])
    if some and not set(some) & set(value):
        found.append(f"{path} has none of {some}")
    for name in known.keys() & value.keys():
        one, item, place = known[name], value[name], f"{path}.{name}"
        if one.get("array"):
            if not isinstance(item, list):
                found.append(f"{place} is no array")
                continue
            for member in item:
                found += wrong_value(member, one, place)
        else:
            found += wrong_value(item, one, place)
        if "enum" in one and one["enum"].get(str(item)) is None:
            found.append(f"{place} is not in the enumeration")
        sibling = one.get("sibling")
        if sibling in value and value[sibling] != one["enum"].get(str(item)):
            found.append(f"{path}.{sibling} is not the caption of {item}")
    return found


def wrong_value(value: Any, one: dict[str, Any], place: str) -> list[str]:
    kind = one["type"]
    if kind == "object":
        return [] if isinstance(value, dict) else [f"{place} is no object"]
    if kind not in TYPES:
        return wrong(value, OBJECTS[kind], place)
    facts_of = TYPES[kind]
    base = facts_of.get("type", kind)
    if base in ("integer_t", "long_t"):
        low, high = facts_of.get("range", (-(2**63), 2**63 - 1))
        fits = type(value) is int and low <= value <= high
    else:
        assert base == "string_t", f"no value of {kind} is expected"
        fits = isinstance(value, str) and 0 < len(value) <= facts_of.get("max_len", 65_535)
    if fits and kind == "ip_t":
        ip_address(value)
    return [] if fits else [f"{place} is no {kind}"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_of_the_class_as_the_schema_has_it(kind: str) -> None:
    found = json.loads(to_ocsf(KINDS[kind]))
    assert wrong(found, CLASS) == []
    assert found["metadata"]["version"] == SCHEMA["version"]
    assert found["type_uid"] == CLASS["category_uid"] * 100_000 + 300 + found["activity_id"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: e.pop("api"), ".api is required"),
        (lambda e: e.update(hostname="x"), ".hostname is unknown"),
        (lambda e: e.update(cloud={}), ".cloud is unknown"),
        (lambda e: e.update(severity_id=17), ".severity_id is not in the enumeration"),
        (lambda e: e.update(severity="High"), ".severity is not the caption of 2"),
        (lambda e: e["src_endpoint"].update(port=65_536), ".src_endpoint.port is no port_t"),
        (lambda e: e.update(src_endpoint={"port": 1}), ".src_endpoint has none of"),
        (lambda e: e.update(resources={}), ".resources is no array"),
        (lambda e: e["metadata"]["product"].pop("vendor_name"), ".vendor_name is required"),
    ],
)
def test_the_schema_is_held_to(change: Any, says: str) -> None:
    event = read(full_entry())
    change(event)
    assert any(says in one for one in wrong(event, CLASS)), wrong(event, CLASS)


# -- another's models --------------------------------------------------------------------------


def modelled(value: dict[str, Any], model: type[BaseModel]) -> None:
    """It is accepted, and every attribute is one that the model knows."""
    model.model_validate(value)
    assert set(value) <= set(model.model_fields), model.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_another_library_reads_the_objects_in_an_event(kind: str) -> None:
    found = json.loads(to_ocsf(KINDS[kind]))
    BaseEvent.model_validate(found)
    modelled(found["metadata"], Metadata)
    modelled(found["metadata"]["product"], Product)
    modelled(found["api"], API)
    modelled(found["api"]["service"], Service)
    for name, model in (("request", RequestElements), ("response", ResponseElements)):
        if name in found["api"]:
            modelled(found["api"][name], model)
    for one in found.get("resources", []):
        modelled(one, ResourceDetails)
    for one in found["actor"]["user"].get("groups", []):
        modelled(one, Group)
    for one in found["actor"].get("authorizations", []):
        modelled(one.get("policy", {}), Policy)


# -- what the vault says in it -----------------------------------------------------------------


def test_the_numbers_are_those_of_the_class() -> None:
    found = read(full_entry())
    assert (found["category_uid"], found["class_uid"]) == (6, CLASS["uid"]) == (6, 6003)
    assert found["time"] == 1772357400123
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
def test_an_action_on_records_is_one_of_the_activities(action: Action) -> None:
    number, _ = activity(action.value)
    if action.value.startswith(("records.", "masked.")):
        assert number in (1, 2, 3)
