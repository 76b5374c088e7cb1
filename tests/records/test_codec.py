"""Records and views as bytes: what goes in comes out."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.records import strategies
from tests.records.builders import (
    TODAY,
    customer,
    document,
    entity_customer,
    trader_customer,
    transaction,
)
from vault.records import (
    Customer,
    IdentityDocument,
    RecordUndecodable,
    Transaction,
    decode_customer,
    decode_document,
    decode_masked_customer,
    decode_masked_document,
    decode_masked_transaction,
    decode_transaction,
    encode_record,
    encode_view,
)
from vault.records.masks import mask_customer, mask_document, mask_transaction

DECODERS: list[Any] = [
    decode_customer,
    decode_document,
    decode_transaction,
    decode_masked_customer,
    decode_masked_document,
    decode_masked_transaction,
]


@given(strategies.customers)
def test_a_customer_round_trips(record: Customer) -> None:
    assert decode_customer(encode_record(record)) == record
    view = mask_customer(record, TODAY)
    assert decode_masked_customer(encode_view(view)) == view


@given(strategies.documents)
def test_a_document_round_trips(record: IdentityDocument) -> None:
    assert decode_document(encode_record(record)) == record
    view = mask_document(record)
    assert decode_masked_document(encode_view(view)) == view


@given(strategies.transactions)
def test_a_transaction_round_trips(record: Transaction) -> None:
    assert decode_transaction(encode_record(record)) == record
    view = mask_transaction(record)
    assert decode_masked_transaction(encode_view(view)) == view


def test_the_customers_of_each_kind_round_trip() -> None:
    for record in (customer(), entity_customer(), trader_customer()):
        assert decode_customer(encode_record(record)) == record


def test_the_bytes_are_json_with_the_version_first() -> None:
    data = encode_record(customer())
    assert data.startswith(b'{"v":1,"customer_number":"C000123"')
    assert json.loads(data)["natural_person"]["full_name"] == "王小明"


def test_fields_that_are_not_known_are_passed_over() -> None:
    data = encode_record(transaction())
    later = b'{"v":1,"colour":{"red":[1]},' + data[len(b'{"v":1,') :]
    assert decode_transaction(later) == transaction()


def test_fields_that_are_not_there_take_their_defaults() -> None:
    assert decode_customer(b'{"v":1,"customer_number":"C1"}') == Customer(customer_number="C1")


def test_a_customer_of_before_relationships_and_sources_still_opens() -> None:
    later = ["relationship", "sources", "valid_from", "correction"]
    data = json.loads(encode_record(entity_customer()))
    for field in later:
        del data[field]
    for owner in data["legal_entity"]["beneficial_owners"]:
        del owner["customer"]
    assert decode_customer(json.dumps(data, separators=(",", ":")).encode()) == entity_customer()


def test_a_transaction_of_before_statements_still_opens() -> None:
    data = json.loads(encode_record(transaction()))
    for field in ("sequence_number", "balance_after", "statement"):
        del data[field]
    assert decode_transaction(json.dumps(data, separators=(",", ":")).encode()) == transaction()


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b'{"v":2,"branch":"x"}',
        b'{"v":10,"branch":"x"}',
        b'{"v":1,',
        b'{"v":1,\xff}',
        b'{"v":1,"kind":"secret-kind","booking_time":"secret","phones":["secret",7]}',
    ],
)
def test_other_bytes_are_refused_without_being_repeated(decode: Any, data: bytes) -> None:
    with pytest.raises(RecordUndecodable) as refusal:
        decode(data)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__context__ is None


def test_no_record_shows_its_contents_in_its_repr() -> None:
    view = mask_customer(customer(), TODAY)
    for value in (
        customer(),
        customer().natural_person,
        customer().addresses,
        entity_customer().legal_entity,
        trader_customer().sole_trader,
        document(),
        transaction(),
        transaction().account,
        transaction().amount,
        transaction().channel,
        view,
        view.full_name,
    ):
        for secret in (
            "王",
            "Acme",
            "小明",
            "朝阳",
            "L898902C3",
            "4111",
            "1250",
            "10.1.2.3",
            "C000",
        ):
            assert secret not in repr(value)
