"""Streams that break off over the wire: each is closed in the log."""

import time
import uuid
from collections.abc import Callable, Iterator

import grpc
import pytest

from recordsvault.audit.v1 import audit_pb2
from recordsvault.records.v1 import records_pb2 as pb
from tests.support.running_vault import STRANGER, RunningVault
from vault.audit import AuditEvent, Phase, decode
from vault.audit.reader import read
from vault.server.settings import TierName
from vault.store import Database

BANK = "institutions/demo-bank"
CUSTOMER = f"{BANK}/customers/01jd0000000000000000000000"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("vault")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        yield running


def events(vault: RunningVault) -> list[AuditEvent]:
    database = Database(vault.database)
    try:
        page = database.read_sync(lambda conn: read(conn, 0, 1_000_000))
        return [decode(e.leaf) for e in page.events]
    finally:
        database.dispose()


def wait_for(vault: RunningVault, wanted: Callable[[AuditEvent], bool]) -> list[AuditEvent]:
    deadline = time.monotonic() + 5
    while True:
        found = [e for e in events(vault) if wanted(e)]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def closed(action: str) -> Callable[[AuditEvent], bool]:
    return lambda e: e.action == action and e.phase is Phase.CLOSED


def test_a_reader_who_reads_nothing_and_goes_away_is_closed_in_the_log(
    vault: RunningVault,
) -> None:
    records = vault.records("backend")
    for _ in range(300):
        records.GetCustomer.future(pb.GetCustomerRequest(name=CUSTOMER)).exception()
    stream = vault.audit("officer").StreamEvents(
        audit_pb2.StreamEventsRequest(parent=BANK, follow=True)
    )
    assert wait_for(vault, lambda e: e.phase is Phase.OPENED)
    time.sleep(0.5)
    stream.cancel()
    (event,) = wait_for(vault, closed("audit.events.stream"))
    assert event.outcome == "CANCELLED"


def test_an_import_whose_caller_goes_away_is_closed_in_the_log(vault: RunningVault) -> None:
    def messages() -> Iterator[pb.ImportRecordsRequest]:
        yield pb.ImportRecordsRequest(
            parent=BANK, request_id="0b6c4b7a-5c1c-4f7e-9d5e-3d0f0a9f1b11", items=[pb.ImportItem()]
        )
        time.sleep(30)

    stream = vault.records("backend").ImportRecords(messages())
    next(stream)
    stream.cancel()
    (event,) = wait_for(vault, closed("records.import"))
    assert event.outcome == "CANCELLED"


def test_of_many_imports_that_break_off_none_is_logged_as_ended(vault: RunningVault) -> None:
    def messages() -> Iterator[pb.ImportRecordsRequest]:
        yield pb.ImportRecordsRequest(
            parent=BANK, request_id=str(uuid.uuid4()), items=[pb.ImportItem()]
        )
        time.sleep(30)

    before = {event.event_id for event in events(vault)}
    for _ in range(100):
        stream = vault.records("backend").ImportRecords(messages())
        next(stream)
        stream.cancel()
    deadline = time.monotonic() + 20
    ended: list[str] = []
    while len(ended) < 100 and time.monotonic() < deadline:
        ended = [
            event.outcome
            for event in events(vault)
            if event.event_id not in before
            and event.action == "records.import"
            and event.phase is Phase.CLOSED
        ]
        time.sleep(0.05)
    assert ended == ["CANCELLED"] * 100


def test_a_stranger_cannot_hold_an_import_open(vault: RunningVault) -> None:
    def nothing() -> Iterator[pb.ImportRecordsRequest]:
        time.sleep(30)
        yield pb.ImportRecordsRequest()

    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as refused:
        next(vault.records(STRANGER).ImportRecords(nothing()))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
def test_a_method_that_does_not_exist_is_refused_and_logged_whatever_its_kind(
    vault: RunningVault, kind: str
) -> None:
    method = f"/no.Such/{kind}"
    before = len([e for e in events(vault) if e.action == "rpc.unknown"])
    call = getattr(vault.channel("backend", TierName.FULL), kind)(method)
    with pytest.raises(grpc.RpcError) as refused:
        answer = call(iter([b"x"]) if kind.startswith("stream") else b"x", timeout=5)
        if kind.endswith("stream"):
            list(answer)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert len([e for e in events(vault) if e.action == "rpc.unknown"]) == before + 1
