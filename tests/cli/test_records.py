"""`vaultctl customers|documents|transactions`: store, open, list, find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from recordsvault.masked.v1.views_pb2 import MaskedCustomer
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1.masked_string_pb2 import MaskedString, MaskState
from recordsvault.type.v1.purpose_pb2 import Purpose
from tests.cli.conftest import Vaultctl
from tests.clients.fake_vault import FakeVault
from vault.cli.vaultctl.fields import flatten

RECORD: dict[str, Any] = {
    "customer_number": "C1",
    "phones": ["+8613800138000"],
    "natural_person": {"full_name": "张伟", "birth_date": {"year": 1990, "month": 2, "day": 3}},
}


@pytest.fixture
def file(fake: FakeVault) -> Path:
    path = fake.folder / "customer.json"
    path.write_text(json.dumps(RECORD))
    return path


@pytest.fixture
def name(vaultctl: Vaultctl, file: Path) -> str:
    """A stored customer."""
    return str(vaultctl("customers", "create", file, "--json").json["name"])


def test_a_customer_is_stored_from_a_file_or_standard_input(
    fake: FakeVault, vaultctl: Vaultctl, file: Path
) -> None:
    made = vaultctl("customers", "create", file, "--json")
    assert made.code == 0
    assert set(made.json) == {"name", "etag", "version"}
    assert vaultctl("customers", "create", "-", stdin=json.dumps(RECORD)).code == 0
    first, second = fake.called("CreateCustomer")
    assert first.customer == second.customer == ParseDict(RECORD, Customer())


def test_a_write_can_be_repeated_by_its_request_id(
    fake: FakeVault, vaultctl: Vaultctl, file: Path
) -> None:
    uuid = "0b5f1d0c-7f4c-4f3f-9c55-0d0f3b1e9a11"
    for _ in range(2):
        assert vaultctl("customers", "create", file, "--request-id", uuid).code == 0
    assert len(fake.customers) == 1


@pytest.mark.parametrize("short", [False, True])
def test_a_customer_is_shown_masked_unless_the_full_record_is_asked_for(
    fake: FakeVault, vaultctl: Vaultctl, name: str, short: bool
) -> None:
    given = name.rpartition("/")[2] if short else name
    assert vaultctl("customers", "get", given).code == 0
    assert not fake.called("GetCustomer")
    full = vaultctl("customers", "get", given, "--full", "--purpose", "onboarding_cdd", "--json")
    assert full.json["natural_person"] == RECORD["natural_person"]


def test_case_fields_and_version_reach_the_vault(
    fake: FakeVault, vaultctl: Vaultctl, name: str
) -> None:
    vaultctl(
        *("customers", "get", name, "--full", "--purpose", "JUDICIAL_REQUEST"),
        *("--case", "2026-77", "--fields", "phones, natural_person.full_name", "--version", 1),
    )
    (request,) = fake.called("GetCustomer")
    assert request.purpose == Purpose.PURPOSE_JUDICIAL_REQUEST
    assert request.case_reference == "2026-77"
    assert list(request.read_mask.paths) == ["phones", "natural_person.full_name"]
    assert request.version == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--full"], "--purpose"),
        (["--full", "--purpose", "CURIOSITY"], "ONBOARDING_CDD"),
        (["--purpose", "ONBOARDING_CDD"], "--full"),
        (["--version", "2"], "--full"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_the_call(
    fake: FakeVault, vaultctl: Vaultctl, name: str, arguments: list[str], said: str
) -> None:
    calls = len(fake.calls)
    ran = vaultctl("customers", "get", name, *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert len(fake.calls) == calls


def test_people_see_a_field_a_line(vaultctl: Vaultctl, name: str) -> None:
    ran = vaultctl("customers", "get", name, "--full", "--purpose", "DATA_QUALITY")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["natural_person.full_name", "张伟"] in lines
    assert ["natural_person.birth_date", "1990-02-03"] in lines
    assert ["phones[0]", "+8613800138000"] in lines
    assert ["name", name] in lines


def test_each_state_of_a_masked_value_is_told_apart() -> None:
    shown = [
        next(iter(flatten(MaskedCustomer(full_name=MaskedString(state=state, value="张*")))))[1]
        for state in (
            MaskState.MASK_STATE_MASKED,
            MaskState.MASK_STATE_WITHHELD,
            MaskState.MASK_STATE_ABSENT,
            MaskState.MASK_STATE_SHREDDED,
        )
    ]
    assert shown == ["张*", "<withheld>", "<absent>", "<destroyed>"]


def store(vaultctl: Vaultctl, file: Path, count: int) -> None:
    for _ in range(count):
        vaultctl("customers", "create", file)


def test_a_list_ends_with_a_token_that_goes_on(vaultctl: Vaultctl, file: Path) -> None:
    store(vaultctl, file, 5)
    first = vaultctl("customers", "list", "--limit", 2, "--json").json
    assert len(first["customers"]) == 2
    rest = vaultctl(
        *("customers", "list", "--limit", 0, "--page-token", first["next_page_token"], "--json")
    ).json
    assert len(rest["customers"]) == 3
    assert rest["next_page_token"] == ""
    names = [customer["name"] for customer in first["customers"] + rest["customers"]]
    assert len(set(names)) == 5
    people = vaultctl("customers", "list", "--limit", 2)
    assert first["next_page_token"] in people.err
    assert first["next_page_token"] not in people.out


def test_all_pages_are_one_json_object(vaultctl: Vaultctl, file: Path) -> None:
    store(vaultctl, file, 5)
    everything = vaultctl("customers", "list", "--limit", 0, "--page-size", 2, "--json").json
    assert len(everything["customers"]) == 5


def test_an_empty_list_is_said_and_is_json(vaultctl: Vaultctl) -> None:
    ran = vaultctl("customers", "list")
    assert (ran.code, ran.out) == (0, "")
    assert "none" in ran.err
    assert vaultctl("customers", "list", "--json").json == {"customers": [], "next_page_token": ""}


def test_full_records_are_listed_and_versions_are_shown_for_a_purpose(
    vaultctl: Vaultctl, name: str
) -> None:
    full = vaultctl("customers", "list", "--full", "--purpose", "DATA_QUALITY", "--json").json
    assert full["customers"][0]["customer_number"] == "C1"
    history = vaultctl("customers", "history", name, "--purpose", "DATA_QUALITY", "--json").json
    assert history["customers"][0]["version"] == "1"
    assert vaultctl("customers", "history", name).code == 2


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("--identity-number", "identity_number"),
        ("--phone", "phone"),
        ("--account", "account_number"),
        ("--name", "full_name"),
        ("--customer-number", "customer_number"),
    ],
)
def test_a_value_to_search_for_may_come_from_standard_input(
    fake: FakeVault, vaultctl: Vaultctl, option: str, field: str
) -> None:
    assert vaultctl("customers", "search", option, "张伟 1").code == 0
    assert vaultctl("customers", "search", option, "-", stdin="张伟 1\n").code == 0
    for request in fake.called("SearchMaskedCustomers"):
        assert request.WhichOneof("term") == field
        assert getattr(request, field) == "张伟 1"


def test_a_search_by_nothing_or_by_two_values_is_refused(
    fake: FakeVault, vaultctl: Vaultctl
) -> None:
    assert vaultctl("customers", "search").code == 2
    assert vaultctl("customers", "search", "--phone", "1", "--name", "x").code == 2
    assert vaultctl("customers", "search", "--phone", "-", stdin="\n").code == 13
    assert not fake.calls


def test_documents_and_transactions_are_stored_and_opened_under_their_customer(
    fake: FakeVault, vaultctl: Vaultctl, name: str
) -> None:
    document = json.dumps({"kind": "PASSPORT", "number": "E1"})
    made = vaultctl("documents", "create", name, "-", "--json", stdin=document).json
    assert made["name"].startswith(f"{name}/documents/")
    full = ("--full", "--purpose", "DATA_QUALITY", "--json")
    assert vaultctl("documents", "get", made["name"], *full).json["number"] == "E1"
    transaction = json.dumps({"institution_reference": "R1"})
    made = vaultctl("transactions", "create", name, "-", "--json", stdin=transaction).json
    short = made["name"].removeprefix("institutions/demo-bank/")
    assert vaultctl("transactions", "get", short, *full).json["institution_reference"] == "R1"
    listed = vaultctl(
        *("transactions", "list", name, "--from", "2026-01-01", "--newest-first", "--json")
    ).json
    assert [entry["name"] for entry in listed["transactions"]] == [made["name"]]
    (request,) = fake.called("ListMaskedTransactions")
    assert request.newest_first
    assert request.booked_from.ToJsonString() == "2026-01-01T00:00:00Z"


def test_a_document_is_not_looked_for_under_a_customers_name(
    fake: FakeVault, vaultctl: Vaultctl, name: str
) -> None:
    calls = len(fake.calls)
    assert vaultctl("documents", "get", name).code == 2
    assert len(fake.calls) == calls
