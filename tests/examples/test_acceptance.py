"""The files against the contract and the vault's own rules."""

import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from clients.examples.rejected import Rejected, rejected_items
from recordsvault.records.v1.records_pb2 import ImportItem
from tests.examples.conftest import SEED, Sample, read
from vault.records import Customer, IdentityDocument, Transaction, claims
from vault.records.validation import (
    validate_customer,
    validate_document,
    validate_transaction,
)
from vault.rpc.problems import Problems
from vault.rpc.translate import customers, documents, transactions

BAD = list(rejected_items(SEED))
# What is right by itself, and refused for what the vault holds already or does not hold.
BY_STATE = ("ALREADY_EXISTS", "NOT_FOUND")
EXAMPLES = Path(__file__).parents[2] / "clients/examples"


def parsed(line: dict[str, Any]) -> ImportItem:
    return json_format.ParseDict(line, ImportItem())


def record_of(item: ImportItem, problems: Problems) -> Customer | IdentityDocument | Transaction:
    if item.HasField("new_customer"):
        return customers.to_domain(item.new_customer, problems)
    if item.HasField("identity_document"):
        return documents.to_domain(item.identity_document, problems)
    return transactions.to_domain(item.transaction, problems)


def violations(line: dict[str, Any]) -> list[tuple[str, str]]:
    """Field and reason of all that is wrong with an item."""
    problems = Problems()
    record = record_of(parsed(line), problems)
    found = [(problem.field, problem.reason) for problem in problems.found]
    if isinstance(record, Customer):
        wrong = validate_customer(record)
    elif isinstance(record, IdentityDocument):
        wrong = validate_document(record)
    else:
        wrong = validate_transaction(record)
    return found + [(violation.field, violation.reason) for violation in wrong]


def test_every_record_passes_the_vaults_rules(sample: Sample) -> None:
    refused = [(line, found) for line in sample.lines() if (found := violations(line))]
    assert refused == []


def test_every_line_comes_back_from_the_contract_unchanged(sample: Sample) -> None:
    for line in (*sample.customers, *sample.documents, *sample.transactions[::20]):
        item = parsed(line)
        text = json_format.MessageToDict(item, preserving_proto_field_name=True)
        assert ImportItem.FromString(item.SerializeToString()) == item
        assert text.keys() == line.keys()


def test_nothing_is_claimed_by_two_customers(sample: Sample) -> None:
    owners: dict[object, str] = {}
    for line in (*sample.customers, *sample.documents):
        record = record_of(parsed(line), Problems())
        assert not isinstance(record, Transaction)
        owner = line.get("customer_number") or line["new_customer"]["customer_number"]
        for claim in claims(record):
            assert owners.setdefault(claim, owner) == owner


def test_the_refused_items_are_those_of_the_file_and_the_page() -> None:
    assert [bad.item for bad in BAD] == read(EXAMPLES / "rejected.jsonl")
    page = (EXAMPLES / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (?:`(.*)`)? *\| (\w+) \|$", page, re.MULTILINE)
    assert rows == [(str(line), bad.what, bad.field, bad.reason) for line, bad in enumerate(BAD, 1)]


@pytest.mark.parametrize(
    "bad", [bad for bad in BAD if bad.reason not in BY_STATE], ids=lambda bad: bad.what
)
def test_each_is_refused_for_its_one_reason(bad: Rejected) -> None:
    assert violations(bad.item) == [(bad.field, bad.reason)]


@pytest.mark.parametrize(
    "bad", [bad for bad in BAD if bad.reason in BY_STATE], ids=lambda bad: bad.what
)
def test_those_that_the_vaults_state_refuses_are_sound_by_themselves(bad: Rejected) -> None:
    assert violations(bad.item) == []


def test_the_duplicates_claim_what_one_other_customer_holds(sample: Sample) -> None:
    held = {
        claim
        for line in sample.customers
        for claim in claims(customers.to_domain(parsed(line).new_customer, Problems()))
    }
    for bad in BAD:
        item = parsed(bad.item)
        if not item.HasField("new_customer"):
            continue
        record = customers.to_domain(item.new_customer, Problems())
        expected = 1 if bad.reason == "ALREADY_EXISTS" else 0
        assert len(claims(record) & held) == expected


def test_the_missing_owner_is_missing(sample: Sample) -> None:
    numbers = {line["new_customer"]["customer_number"] for line in sample.customers}
    owners = {bad.item["customer_number"] for bad in BAD if bad.reason == "NOT_FOUND"}
    assert owners
    assert owners.isdisjoint(numbers)
