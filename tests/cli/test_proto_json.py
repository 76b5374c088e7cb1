"""ProtoJSON is read as protobuf reads it, more strictly, and no error quotes a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.proto_json import Refused, parse_json, parse_message

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DATE = st.fixed_dictionaries(
    {}, optional={"year": st.integers(1, 9999), "month": st.integers(1, 12)}
)
CUSTOMER = st.fixed_dictionaries(
    {},
    optional={
        "customer_number": TEXT,
        "riskClass": st.sampled_from(["RISK_CLASS_LOW", 3]),
        "phones": st.lists(TEXT, max_size=3),
        "natural_person": st.fixed_dictionaries(
            {},
            optional={
                "fullName": TEXT,
                "birth_date": DATE,
                "identity": st.fixed_dictionaries(
                    {}, optional={"kind": st.just("DOCUMENT_KIND_PASSPORT"), "number": TEXT}
                ),
            },
        ),
        "addresses": st.lists(st.fixed_dictionaries({}, optional={"city": TEXT}), max_size=3),
    },
)
TRANSACTION = st.fixed_dictionaries(
    {},
    optional={
        "booking_time": st.sampled_from(
            [
                "2026-03-01T09:30:00Z",
                "2026-03-01T09:30:00.123456+08:00",
                "1999-12-31T23:59:59-05:00",
            ]
        ),
        "amount": st.fixed_dictionaries(
            {},
            optional={
                "units": st.integers(-(2**63), 2**63 - 1).flatmap(
                    lambda n: st.sampled_from([n, str(n)])
                ),
                "nanos": st.integers(-(2**31), 2**31 - 1),
                "currency_code": TEXT,
            },
        ),
        "direction": st.sampled_from(["DIRECTION_CREDIT", 2, None]),
        "vouchers": st.lists(TEXT, max_size=2),
    },
)
ITEM = st.one_of(
    st.fixed_dictionaries({"new_customer": CUSTOMER}),
    st.fixed_dictionaries({"customer_number": TEXT, "transaction": TRANSACTION}),
)


@given(ITEM)
def test_what_is_accepted_is_what_protobuf_itself_reads(value: dict[str, Any]) -> None:
    assert parse_message(value, ImportItem) == ParseDict(value, ImportItem())


@given(ITEM)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    message = parse_message(value, ImportItem)
    written = json.dumps(MessageToDict(message, preserving_proto_field_name=True)).encode()
    assert parse_message(parse_json(written), ImportItem) == message


SECRET = "11010519491231002X"


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"new_customer": {"nope": SECRET}}, ["new_customer.nope"]),
        ({"new_customer": {SECRET: 1}}, ["new_customer.?"]),
        ({"new_customer": {"phones": SECRET}}, ["new_customer.phones"]),
        ({"new_customer": {"phones": ["x", 5]}}, ["new_customer.phones[1]"]),
        ({"new_customer": {"natural_person": [SECRET]}}, ["new_customer.natural_person"]),
        ({"new_customer": {"natural_person": []}}, ["new_customer.natural_person"]),
        ({"new_customer": SECRET}, ["new_customer"]),
        ({"transaction": {"direction": SECRET}}, ["transaction.direction"]),
        ({"transaction": {"direction": 99}}, ["transaction.direction"]),
        ({"transaction": {"direction": True}}, ["transaction.direction"]),
        ({"transaction": {"booking_time": SECRET}}, ["transaction.booking_time"]),
        ({"transaction": {"booking_time": 5}}, ["transaction.booking_time"]),
        ({"transaction": {"booking_time": "2026-03-01T09:30:00"}}, ["transaction.booking_time"]),
        ({"transaction": {"amount": {"units": SECRET}}}, ["transaction.amount.units"]),
        ({"transaction": {"amount": {"units": 1.5}}}, ["transaction.amount.units"]),
        ({"transaction": {"amount": {"units": True}}}, ["transaction.amount.units"]),
        ({"transaction": {"amount": {"nanos": 2**31}}}, ["transaction.amount.nanos"]),
        ({"identity_document": {"long_term": "yes"}}, ["identity_document.long_term"]),
        ({"identity_document": {"number": "\ud800"}}, ["identity_document.number"]),
        ({"transaction": {}, "new_customer": {}}, ["new_customer"]),
        (
            {"transaction": {"time_zone": "x", "timeZone": SECRET}},
            ["transaction.time_zone"],
        ),
        (
            {"transaction": {"direction": "x", "amount": {"units": "y"}, "zz": 1}},
            ["transaction.direction", "transaction.amount.units", "transaction.zz"],
        ),
    ],
)
def test_every_problem_is_named_by_its_field_and_never_by_its_value(
    value: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        parse_message(value, ImportItem)
    assert [problem.field for problem in refused.value.problems] == fields
    for text in (str(refused.value), refused.value.text(zh=False), refused.value.text(zh=True)):
        assert SECRET not in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"11010519491231002X"',
        b"{",
        b'{"a": 11010519491231002X}',
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_json_object_is_refused_without_quoting_it(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse_json(data)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_enum_value_may_leave_out_the_prefix_of_its_type() -> None:
    short = parse_message({"transaction": {"direction": "CREDIT"}}, ImportItem)
    assert short == parse_message({"transaction": {"direction": "DIRECTION_CREDIT"}}, ImportItem)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
