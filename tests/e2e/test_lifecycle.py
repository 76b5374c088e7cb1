"""Start, stop and start again: what was promised is kept, and nothing is lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from queue import SimpleQueue
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.people import PARENT, new_id
from tests.e2e.wire import LogBook, refusal, refused
from tests.support.running_vault import RunningVault
from vault.audit import Phase
from vault.server.settings import TierName

SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
TIERS = pytest.mark.parametrize("tier", list(TierName))
SERVED = {
    TierName.FULL: {
        "recordsvault.records.v1.Records",
        "recordsvault.accounts.v1.Accounts",
        "recordsvault.bundles.v1.Bundles",
        "recordsvault.bundles.v1.Exports",
        "recordsvault.bundles.v1.Transfers",
        "recordsvault.life.v1.Life",
        "recordsvault.life.v1.Merges",
        "recordsvault.life.v1.SubjectRequests",
        "recordsvault.retention.v1.Retention",
        "recordsvault.retention.v1.Holds",
        "recordsvault.access.v1.Access",
        "recordsvault.compartments.v1.Compartments",
        "recordsvault.audit.v1.Audit",
        "recordsvault.admin.v1.AccessAdmin",
        "recordsvault.admin.v1.KeyAdmin",
        "recordsvault.admin.v1.Watch",
        "recordsvault.internal.v1.IndexOracle",
        "recordsvault.admin.v1.Admin",
    },
    TierName.MASKED: {"recordsvault.masked.v1.MaskedRecords", "recordsvault.admin.v1.Admin"},
}
STANDARD = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
# As many as a message may hold: more than a moment's work, so that a stop can come in between.
MANY = 500


@pytest.fixture(autouse=True)
def running(vault: RunningVault) -> Iterator[None]:
    """Whatever a test stopped runs again for the next one."""
    yield
    for tier in TierName:
        if not is_running(vault, tier):
            vault.start(tier)


def is_running(vault: RunningVault, tier: TierName) -> bool:
    try:
        return vault.pid(tier) > 0
    except KeyError:
        return False


def health(vault: RunningVault, tier: TierName) -> Any:
    return health_pb2_grpc.HealthStub(vault.channel("operator", tier))


def stop(vault: RunningVault, tier: TierName) -> None:
    """Stop a tier in good order."""
    assert vault.terminate(tier).returncode == 0, vault.log_text(tier)[-500:]


def new_customer(vault: RunningVault) -> str:
    request = pb.CreateCustomerRequest(parent=PARENT, customer=people.person())
    return vault.records().CreateCustomer(request).customer.name


def count(vault: RunningVault, owner: str) -> int:
    """How many transactions a customer has."""
    total, token = 0, ""
    while True:
        page = vault.records().ListTransactions(
            pb.ListTransactionsRequest(
                parent=owner, purpose=SERVING, page_size=200, page_token=token
            )
        )
        total += len(page.transactions)
        token = page.next_page_token
        if not token:
            return total


# -- health and reflection -----------------------------------------------------------------------


@TIERS
def test_every_service_is_reported_as_serving(vault: RunningVault, tier: TierName) -> None:
    for service in ("", *SERVED[tier]):
        answer = health(vault, tier).Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    unknown = health_pb2.HealthCheckRequest(service="recordsvault.records.v9.Records")
    assert refusal(partial(health(vault, tier).Check, unknown)).code == "NOT_FOUND"
    elsewhere = (SERVED[TierName.FULL] ^ SERVED[TierName.MASKED]) - SERVED[tier]
    for service in elsewhere:
        request = health_pb2.HealthCheckRequest(service=service)
        assert refusal(partial(health(vault, tier).Check, request)).code == "NOT_FOUND"


@TIERS
def test_who_watches_is_told_that_the_tier_stops(vault: RunningVault, tier: TierName) -> None:
    watch = health(vault, tier).Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    started = time.monotonic()
    process = vault.terminate(tier, wait=False)
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    with pytest.raises(grpc.RpcError) as error:
        next(watch)
    assert refused(error.value).code == "UNAVAILABLE"
    assert process.wait(30) == 0
    # Nor does he hold it up.
    assert time.monotonic() - started < 10


@TIERS
def test_reflection_lists_the_services_and_gives_their_contract(
    vault: RunningVault, tier: TierName
) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(vault.channel("operator", tier))
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    asked += [
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=s)
        for s in sorted(SERVED[tier] | STANDARD)
    ]
    first, *files = stub.ServerReflectionInfo(iter(asked))
    assert {s.name for s in first.list_services_response.service} == SERVED[tier] | STANDARD
    for file in files:
        assert file.file_descriptor_response.file_descriptor_proto


@TIERS
def test_the_deep_checks_find_every_part_well(vault: RunningVault, tier: TierName) -> None:
    answer = vault.admin("operator", tier).CheckHealth(admin_pb2.CheckHealthRequest())
    parts = {c.part: c.state for c in answer.checks}
    assert {"database", "keystore", "kms", "log", "disk", "certificate"} <= parts.keys()
    # How full this machine's disk is, is not the vault's doing.
    parts.pop("disk")
    assert set(parts.values()) == {admin_pb2.HEALTH_STATE_OK}, answer
    assert (answer.tier, answer.HasField("start_time")) == (tier.value, True)
    only = vault.admin("operator", tier).CheckHealth(
        admin_pb2.CheckHealthRequest(parts=["kms", "log"])
    )
    assert {c.part for c in only.checks} == {"kms", "log"}


# -- stopping ------------------------------------------------------------------------------------


def test_a_call_in_flight_is_finished_before_the_server_ends(
    vault: RunningVault, log: LogBook
) -> None:
    owner = new_customer(vault)
    request = pb.BatchCreateTransactionsRequest(
        parent=owner, transactions=[people.booking() for _ in range(MANY)], request_id=new_id()
    )
    size = log.size()
    call: Any = vault.records().BatchCreateTransactions.future(request)
    time.sleep(0.03)
    process = vault.terminate(TierName.FULL, wait=False)
    assert len(call.result(timeout=30).transactions) == MANY
    assert process.wait(30) == 0
    events = [e for e in log.since(size) if e.request_id == request.request_id]
    assert sum(len(e.rows) for e in events) == MANY
    vault.start(TierName.FULL)
    assert count(vault, owner) == MANY


def test_the_message_of_an_import_that_is_under_way_is_finished(
    vault: RunningVault, log: LogBook
) -> None:
    owner, size = new_customer(vault), log.size()
    feed: SimpleQueue[pb.ImportRecordsRequest] = SimpleQueue()
    stream = vault.records().ImportRecords(iter(feed.get, None))

    def message(n: int) -> pb.ImportRecordsRequest:
        items = [pb.ImportItem(customer=owner, transaction=people.booking()) for _ in range(n)]
        return pb.ImportRecordsRequest(parent=PARENT, request_id=new_id(), items=items)

    feed.put(message(1))
    next(stream)
    large = message(MANY)
    feed.put(large)
    time.sleep(0.03)
    process = vault.terminate(TierName.FULL, wait=False)
    answer = next(stream)
    assert answer.request_id == large.request_id
    assert all(r.name for r in answer.results) and len(answer.results) == MANY
    # The stream ends without a further message, and says that it did not end of itself.
    with pytest.raises(grpc.RpcError) as error:
        next(stream)
    assert refused(error.value).code == "UNAVAILABLE"
    feed.put(message(1))
    assert process.wait(30) == 0
    phases = [e.phase for e in log.since(size) if e.action == "records.import" and e.part <= 1]
    assert phases == [Phase.OPENED, Phase.MESSAGE, Phase.MESSAGE, Phase.CLOSED]
    vault.start(TierName.FULL)
    # Sent again to the server that came after it, the message gets the same answer, which says so.
    answer.repeated = True
    assert list(vault.records().ImportRecords(iter([large]))) == [answer]
    assert count(vault, owner) == MANY + 1


def test_a_stopped_tier_takes_no_calls_and_the_other_goes_on(vault: RunningVault) -> None:
    name = new_customer(vault)
    shown = partial(vault.masked().GetMaskedCustomer, mp.GetMaskedCustomerRequest(name=name))
    shown()
    stop(vault, TierName.FULL)
    get = partial(
        vault.records().GetCustomer, pb.GetCustomerRequest(name=name, purpose=SERVING), timeout=5
    )
    assert refusal(get).code == "UNAVAILABLE"
    shown()
    vault.start(TierName.FULL)
    stop(vault, TierName.MASKED)
    assert refusal(partial(shown, timeout=5)).code == "UNAVAILABLE"
    eventually(get)


def eventually(call: Callable[[], object]) -> None:
    """A channel finds a server that has come back by itself."""
    deadline = time.monotonic() + 10
    while True:
        try:
            call()
            return
        except grpc.RpcError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


# -- starting again ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_restart_keeps_everything(vault: RunningVault, log: LogBook, how: str) -> None:
    stub, sent = vault.records(), people.person()
    create = pb.CreateCustomerRequest(parent=PARENT, customer=sent, request_id=new_id())
    receipt = stub.CreateCustomer(create)
    name = receipt.customer.name
    booked = stub.CreateTransaction(
        pb.CreateTransactionRequest(parent=name, transaction=people.booking())
    ).transaction.name
    get = partial(
        stub.GetCustomer, pb.GetCustomerRequest(name=name, purpose=SERVING), wait_for_ready=True
    )
    read = partial(
        stub.GetTransaction,
        pb.GetTransactionRequest(name=booked, purpose=SERVING),
        wait_for_ready=True,
    )
    show = partial(
        vault.masked().GetMaskedCustomer,
        mp.GetMaskedCustomerRequest(name=name),
        wait_for_ready=True,
    )
    before = get(), read(), show()
    size, leaves = log.size(), [e.leaf for e in log.stored()]
    for tier in TierName:
        if how == "killed":
            vault.kill(tier)
        else:
            stop(vault, tier)
    with closing(LogBook(vault.database)) as meanwhile:
        assert meanwhile.verify() == size
    vault.start()
    assert (get(), read(), show()) == before
    assert stub.CreateCustomer(create) == receipt
    found = vault.masked().SearchMaskedCustomers(
        mp.SearchMaskedCustomersRequest(parent=PARENT, phone=sent.phones[0]), wait_for_ready=True
    )
    assert [c.name for c in found.customers] == [name]
    assert [e.leaf for e in log.stored()[:size]] == leaves
    assert log.verify() == log.size() > size


def test_a_log_is_followed_on_over_a_restart_without_loss(vault: RunningVault) -> None:
    owner = new_customer(vault)
    wanted = ap.EventFilter(customer=owner, actions=["records.customers.get"])
    position = 0
    seen: list[int] = []

    def follow(many: int) -> None:
        nonlocal position
        request = ap.StreamEventsRequest(
            parent=PARENT, from_position=position, follow=True, filter=wanted
        )
        stream = vault.audit().StreamEvents(request, timeout=20, wait_for_ready=True)
        while len(seen) < many:
            message = next(stream)
            seen.extend(e.position for e in message.entries)
            position = message.next_position
        stream.cancel()

    get = partial(
        vault.records().GetCustomer,
        pb.GetCustomerRequest(name=owner, purpose=SERVING),
        wait_for_ready=True,
    )
    get(), get()
    follow(2)
    get()
    stop(vault, TierName.FULL)
    vault.start(TierName.FULL)
    get()
    follow(4)
    whole = vault.audit().QueryEvents(
        ap.QueryEventsRequest(parent=PARENT, filter=wanted), wait_for_ready=True
    )
    assert seen == [e.position for e in whole.entries] and len(seen) == 4
