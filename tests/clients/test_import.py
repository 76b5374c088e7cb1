"""An import over one stream: nothing lost, nothing stored twice, a bounded number on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest

from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.records.v1.records_pb2 import ImportItem
from recordsvault_client import (
    AsyncVaultClient,
    ImportBatch,
    ImportOutcome,
    InvalidArgument,
    PermissionDenied,
    Profile,
    ProtocolError,
    RetryPolicy,
    Unavailable,
    VaultClient,
)
from tests.clients.fake_vault import FakeVault, Refused, unavailable


def item(number: object) -> ImportItem:
    return ImportItem(new_customer=Customer(customer_number=str(number)))


def batches(count: int, size: int = 2) -> Iterator[ImportBatch]:
    for first in range(0, count * size, size):
        yield ImportBatch([item(first + i) for i in range(size)], tag=first)


def stored(fake: FakeVault) -> list[int]:
    return sorted(int(customer.customer_number) for customer in fake.customers.values())


def test_every_batch_gets_its_outcome(fake: FakeVault, vault: VaultClient) -> None:
    outcomes = list(vault.import_records(batches(30)))
    assert {outcome.batch.tag for outcome in outcomes} == set(range(0, 60, 2))
    assert all(outcome.stored == 2 and not outcome.refused for outcome in outcomes)
    assert all(one.name.startswith("institutions/") for one in outcomes[0].items)
    assert stored(fake) == list(range(60))


def test_a_refused_item_does_not_stop_the_others(fake: FakeVault, vault: VaultClient) -> None:
    (outcome,) = vault.import_records([ImportBatch([item(1), item("BAD"), item(3)])])
    assert outcome.stored == 2
    (refused,) = outcome.refused
    assert refused.index == 1
    assert isinstance(refused.error, InvalidArgument)
    assert refused.error.violations[0].field == "customer_number"


def test_no_more_than_the_window_is_on_its_way(fake: FakeVault, vault: VaultClient) -> None:
    taken = 0
    answered = 0
    deepest = 0

    def counted() -> Iterator[ImportBatch]:
        nonlocal taken, deepest
        for batch in batches(40):
            taken += 1
            deepest = max(deepest, taken - answered)
            yield batch

    fake.hold_answers = 2
    for _ in vault.import_records(counted(), in_flight=3):
        answered += 1
    assert answered == 40
    assert deepest == 3


def test_answers_in_another_order_are_matched_by_their_request_id(
    fake: FakeVault, vault: VaultClient
) -> None:
    fake.hold_answers = 3
    outcomes = list(vault.import_records(batches(20), in_flight=5))
    order = [outcome.batch.tag for outcome in outcomes]
    assert order != list(range(0, 40, 2))
    for outcome in outcomes:
        for one, sent in zip(outcome.items, outcome.batch.items, strict=True):
            kept = fake.customers[one.name]
            assert kept.customer_number == sent.new_customer.customer_number


def test_a_batch_that_was_carried_out_before_says_so(fake: FakeVault, vault: VaultClient) -> None:
    same = ImportBatch([item(1), item(2)])
    (first,) = vault.import_records([same])
    (again,) = vault.import_records([same])
    assert (first.repeated, again.repeated) == (False, True)
    assert first.items == again.items
    assert stored(fake) == [1, 2]


@pytest.mark.parametrize("stored_before", [True, False], ids=["after storing", "before storing"])
def test_a_lost_connection_loses_nothing_and_stores_nothing_twice(
    fake: FakeVault, vault: VaultClient, stored_before: bool
) -> None:
    count = 0

    def accident(request: object) -> None:
        nonlocal count
        count += 1
        if count in (3, 7, 8, 15):
            raise unavailable()

    if stored_before:
        fake.before_answer = accident
    else:
        fake.before_store = accident
    seen: list[float] = []
    outcomes = list(
        vault.import_records(batches(20), on_interrupt=lambda error, pause: seen.append(pause))
    )
    assert len(outcomes) == 20
    assert stored(fake) == list(range(40))
    assert len(seen) == 4
    sent: dict[str, set[bytes]] = {}
    for request in fake.called("ImportRecords"):
        sent.setdefault(request.request_id, set()).add(request.SerializeToString())
    assert len(sent) == 20
    assert all(len(bodies) == 1 for bodies in sent.values())


def test_a_vault_that_restarts_gets_the_rest(fake: FakeVault, vault: VaultClient) -> None:
    outcomes: list[ImportOutcome] = []
    for outcome in vault.import_records(batches(30), in_flight=4):
        outcomes.append(outcome)
        if len(outcomes) == 10:
            fake.stop()
            threading.Timer(0.2, fake.start).start()
    assert len(outcomes) == 30
    assert stored(fake) == list(range(60))


def test_a_silent_vault_is_asked_again(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("ImportRecords", 2.0)
    outcomes = list(vault.import_records(batches(4), answer_timeout=0.3))
    assert len(outcomes) == 4
    assert stored(fake) == list(range(8))


def test_a_denial_ends_the_import(fake: FakeVault, vault: VaultClient) -> None:
    fake.fail("ImportRecords", Refused(grpc.StatusCode.PERMISSION_DENIED))
    with pytest.raises(PermissionDenied):
        list(vault.import_records(batches(3)))


def test_patience_comes_to_an_end(fake: FakeVault, vault: VaultClient) -> None:
    run = vault.import_records(batches(30), in_flight=1, patience=0.4)
    next(run)
    fake.stop()
    with pytest.raises(Unavailable):
        list(run)


def test_what_the_source_raises_comes_after_the_answers_to_the_rest(
    fake: FakeVault, vault: VaultClient
) -> None:
    class Broken(Exception):
        pass

    def source() -> Iterator[ImportBatch]:
        yield from batches(5)
        raise Broken

    outcomes: list[ImportOutcome] = []

    def collect() -> None:
        for outcome in vault.import_records(source()):
            outcomes.append(outcome)

    with pytest.raises(Broken):
        collect()
    assert len(outcomes) == 5


def test_an_answer_that_fits_no_message_is_reported(fake: FakeVault, vault: VaultClient) -> None:
    short = ImportBatch([item(1), item(2)])
    fake.first_answers[short.request_id] = _answer_of_one(short.request_id)
    with pytest.raises(ProtocolError):
        list(vault.import_records([short]))


def _answer_of_one(request_id: str) -> object:
    from recordsvault.records.v1.records_pb2 import ImportRecordsResponse, ImportResult

    return ImportRecordsResponse(request_id=request_id, results=[ImportResult(name="x")])


def test_an_import_of_nothing_makes_no_call(fake: FakeVault, vault: VaultClient) -> None:
    assert list(vault.import_records([])) == []
    assert not fake.calls


def test_one_request_id_for_two_batches_is_refused(vault: VaultClient) -> None:
    same = [ImportBatch([item(1)], "a"), ImportBatch([item(2)], "a")]
    with pytest.raises(ValueError, match="same request_id"):
        list(vault.import_records(same))


def test_the_asyncio_import_does_the_same(fake: FakeVault, fast: RetryPolicy) -> None:
    count = 0

    def accident(request: object) -> None:
        nonlocal count
        count += 1
        if count in (3, 9):
            raise unavailable()

    fake.before_answer = accident

    async def source() -> AsyncIterator[ImportBatch]:
        for batch in batches(15):
            yield batch

    async def run() -> int:
        async with AsyncVaultClient(Profile.load(fake.profile()), retry=fast) as vault:
            return len([outcome async for outcome in vault.import_records(source(), in_flight=3)])

    assert asyncio.run(run()) == 15
    assert stored(fake) == list(range(30))


def test_large_answers_do_not_block_large_messages(fake: FakeVault, fast: RetryPolicy) -> None:
    """More than the flow-control window of HTTP/2 in both directions at once."""

    async def run() -> int:
        async with AsyncVaultClient(Profile.load(fake.profile()), retry=fast) as vault:
            many = batches(40, 500)
            return len([outcome async for outcome in vault.import_records(many, in_flight=20)])

    assert asyncio.run(run()) == 40
