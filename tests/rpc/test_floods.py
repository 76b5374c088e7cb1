"""One request cannot hold up everybody else's: too much is refused before it is looked at."""

import time
import uuid

import pytest

from recordsvault.records.v1 import records_pb2 as pb
from tests.support.pipeline import BANK
from vault.rpc.problems import Problems
from vault.rpc.servicers import importing
from vault.rpc.servicers.resources import CUSTOMER
from vault.rpc.validating import contract_violations

# What 4 MiB, the largest message, can hold.
CROWD = 500_000
# Of the processor's time: what else the machine does is nobody's flood.
SECONDS = 2.0


def customer(phones: int) -> pb.CreateCustomerRequest:
    request = pb.CreateCustomerRequest(parent=BANK)
    request.customer.customer_number = "C1"
    request.customer.natural_person.full_name = "X"
    request.customer.phones.extend(["+1"] * phones)
    return request


def test_a_list_beyond_the_contracts_limit_is_not_looked_through() -> None:
    request = customer(CROWD)
    problems = Problems()
    began = time.thread_time()
    contract_violations(request, problems)
    with problems.under("customer"):
        CUSTOMER.parse(request.customer, problems)
    assert time.thread_time() - began < SECONDS
    assert [v.field for v in problems.found] == ["customer.phones"]


def test_an_item_with_such_a_list_is_refused_alone() -> None:
    request = pb.ImportRecordsRequest(parent=BANK, request_id=str(uuid.uuid4()))
    request.items.add().new_customer.CopyFrom(customer(CROWD).customer)
    request.items.add().new_customer.CopyFrom(customer(1).customer)
    problems = Problems()
    contract_violations(request, problems)
    began = time.thread_time()
    batch = importing.prepare(request, problems)
    assert time.thread_time() - began < SECONDS
    assert not problems
    crowded, plain = batch.items
    assert [v.field for v in crowded.error.violations] == ["new_customer.phones"]  # type: ignore[union-attr]
    assert "new_customer.phones" not in {v.field for v in plain.error.violations}  # type: ignore[union-attr]


@pytest.mark.parametrize("items", [500])
def test_an_import_of_nothing_but_mistakes_is_sorted_out_in_time(items: int) -> None:
    request = pb.ImportRecordsRequest(parent=BANK, request_id=str(uuid.uuid4()))
    for _ in range(items):
        transaction = request.items.add().transaction
        for field in ("purpose_code", "corrects", "reverses", "end_to_end_reference"):
            setattr(transaction, field, "x" * 300)
        transaction.vouchers.extend(["x" * 300] * 20)
    problems = Problems()
    contract_violations(request, problems)
    assert len(problems.found) > items * 20
    began = time.thread_time()
    batch = importing.prepare(request, problems)
    assert time.thread_time() - began < SECONDS
    assert not problems
    assert all(item.error is not None for item in batch.items)
