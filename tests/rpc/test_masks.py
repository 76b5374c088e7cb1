"""Masks: what is read, what is changed, and what the log says was revealed."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.records.v1 import customer_pb2, transaction_pb2
from vault.rpc.masks import check_mask, masked, merge, revealed
from vault.rpc.problems import Problems

Customer = customer_pb2.Customer


def customer() -> customer_pb2.Customer:
    one = Customer(name="n", etag="e", customer_number="C1", branch="B1", phones=["+1", "+2"])
    one.natural_person.full_name = "王小明"
    one.natural_person.identity.number = "1"
    one.addresses.add(city="北京市")
    return one


def reasons(*paths: str) -> list[str]:
    problems = Problems()
    check_mask(FieldMask(paths=paths), Customer, "read_mask", problems)
    return [v.reason for v in problems.found]


@pytest.mark.parametrize(
    "paths",
    [(), ("*",), ("branch",), ("natural_person.identity.number",), ("phones", "addresses")],
)
def test_a_mask_of_the_records_own_fields_is_taken(paths: tuple[str, ...]) -> None:
    assert reasons(*paths) == []


@pytest.mark.parametrize(
    "paths",
    [
        ("nonsense",),
        ("branch", "*"),
        ("natural_person.",),
        ("",),
        ("addresses.city",),
        ("phones[0]",),
        ("branch.x",),
        ("naturalPerson",),
    ],
)
def test_a_mask_of_anything_else_is_refused(paths: tuple[str, ...]) -> None:
    assert reasons(*paths) == ["UNKNOWN_FIELD"]


def test_a_mask_without_end_is_refused_before_it_is_looked_through() -> None:
    assert reasons(*["branch"] * 1_000_000) == ["TOO_MANY_PATHS"]


def test_a_read_mask_leaves_what_names_the_record_and_what_was_asked_for() -> None:
    shown = masked(customer(), FieldMask(paths=["branch"]))
    assert shown == Customer(name="n", etag="e", branch="B1")


def test_no_read_mask_and_a_star_leave_everything() -> None:
    assert masked(customer(), FieldMask()) == customer()
    assert masked(customer(), FieldMask(paths=["*"])) == customer()


def test_an_update_changes_what_the_mask_names_and_nothing_else() -> None:
    change = Customer(branch="B2", customer_number="C2")
    merged = merge(change, FieldMask(paths=["branch"]), customer())
    expected = customer()
    expected.branch = "B2"
    assert merged == expected


def test_a_list_is_exchanged_and_not_added_to() -> None:
    merged = merge(Customer(phones=["+3"]), FieldMask(paths=["phones"]), customer())
    assert list(merged.phones) == ["+3"]


@pytest.mark.parametrize("path", ["branch", "phones", "natural_person", "addresses"])
def test_what_the_mask_names_and_the_change_lacks_is_cleared(path: str) -> None:
    merged = merge(Customer(), FieldMask(paths=[path]), customer())
    expected = customer()
    expected.ClearField(path)  # type: ignore[arg-type]  # one of its fields
    assert merged == expected


def test_another_party_takes_the_place_of_the_one_before() -> None:
    change = Customer()
    change.legal_entity.full_name = "Example Ltd"
    merged = merge(change, FieldMask(paths=["legal_entity"]), customer())
    assert merged.WhichOneof("party") == "legal_entity"


def test_the_log_names_each_revealed_field_once_and_no_value() -> None:
    paths = revealed([customer(), customer()])
    assert paths == (
        "customer_number",
        "branch",
        "natural_person.full_name",
        "natural_person.identity.number",
        "phones",
        "addresses.city",
    )


def test_amounts_and_times_are_fields_and_not_what_they_are_made_of() -> None:
    one = transaction_pb2.Transaction(name="n")
    one.amount.currency_code = "CNY"
    one.booking_time.seconds = 5
    assert revealed([one]) == ("booking_time", "amount")
