"""A value in the log's tables of another type than the vault writes: DATA_LOSS, from every method.

SQLite lets a column hold any type, so an insider can put text where bytes belong. That is neither a
defect of the vault (INTERNAL) nor an outage (UNAVAILABLE, try again), and is told apart from both.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import grpc
import pytest
from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as pb
from tests.support.events import event
from tests.support.log_keys import clock, log_signers, sequencer
from tests.support.pipeline import BANK, Refused, Rig, uri
from vault.audit import AuditLog, encode
from vault.audit.append import append
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.rpc.methods import Unary
from vault.rpc.servicers import audit
from vault.rpc.servicers.proving import ProvingUseCases
from vault.sealing import SystemClock
from vault.services.archiving import Archiving
from vault.services.exporting import Exporting
from vault.services.proving import Proving
from vault.services.reporting import Reporting
from vault.services.trail import Trail
from vault.store import Database

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"])

SERVICE = "/recordsvault.audit.v1.Audit/"
TEXTS = ["'text'", "cast(x'ff00' AS TEXT)"]
LEAF_READERS = {
    "a query": ("QueryEvents", pb.QueryEventsRequest(parent=BANK)),
    "a query from the end": ("QueryEvents", pb.QueryEventsRequest(parent=BANK, newest_first=True)),
    "a stream": ("StreamEvents", pb.StreamEventsRequest(parent=BANK)),
    "a verifiable stream": ("StreamEvents", pb.StreamEventsRequest(parent=BANK, verifiable=True)),
    "a report": ("ReportAccess", pb.ReportAccessRequest(parent=BANK, actor="crm")),
    "an export": ("ExportTiles", pb.ExportTilesRequest()),
}
TREE_READERS = {
    "a proof": ("GetProof", pb.GetProofRequest(index=1)),
    "a proof of growth": ("GetCheckpoint", pb.GetCheckpointRequest(since_size=1)),
    **{name: LEAF_READERS[name] for name in ("a verifiable stream", "a report", "an export")},
}


def answered(folder: Path, database: Database, name: str, request: Message) -> list[bytes]:
    """The answers of one call of a security officer."""

    async def main() -> list[bytes]:
        log = AuditLog(database, clock)
        await log.start()
        history = History(database, Archive(None))
        use = ProvingUseCases(
            Proving(database, log_signers(folder)),
            Exporting(database, history),
            Reporting(database, history),
            cast(Archiving, None),
        )
        trail = Trail(database, history, log, SystemClock())
        method = audit.methods(trail, use)[SERVICE + name]
        rig = Rig(folder, method, officer="security_officer")
        data = request.SerializeToString()
        try:
            if isinstance(method, Unary):
                return [await rig.unary(data, uri("officer"))]
            return [one async for one in rig.stream(data, uri("officer"))]
        finally:
            assert rig.events, "whatever comes of it, the call is logged"
            await log.stop()

    return asyncio.run(asyncio.wait_for(main(), 60))


@pytest.fixture
def signed(database: Database, tmp_path: Path) -> Database:
    """A log of 6 events of which 5 are under a checkpoint."""
    add(database, 5)
    steps = sequencer(database, tmp_path)
    while steps.step():
        pass
    steps._release()
    add(database, 1)
    return database


def add(database: Database, count: int) -> None:
    some = [event(f"{n:026d}", actor="crm", institution="demo-bank") for n in range(count)]
    database.write_sync(lambda conn: append(conn, [(e, encode(e)) for e in some], clock()))


def put(database: Database, table: str, column: str, value: str, where: str = "true") -> None:
    database.write_sync(
        lambda conn: conn.exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE {where}")
    )


def is_data_loss(call: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refused:
        call()
    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.DATA_LOSS,
        "STORE_ALTERED",
    )
    assert "audit verify --live" in str(refused.value)


@pytest.mark.parametrize("reader", LEAF_READERS | TREE_READERS)
def test_an_intact_log_is_answered(signed: Database, tmp_path: Path, reader: str) -> None:
    assert answered(tmp_path, signed, *(LEAF_READERS | TREE_READERS)[reader])


@pytest.mark.parametrize("value", TEXTS)
@pytest.mark.parametrize("reader", LEAF_READERS)
def test_a_leaf_that_is_text_is_data_loss(
    signed: Database, tmp_path: Path, reader: str, value: str
) -> None:
    put(signed, "audit_events", "leaf", value, "position = 3")
    is_data_loss(lambda: answered(tmp_path, signed, *LEAF_READERS[reader]))


@pytest.mark.parametrize("value", TEXTS)
def test_a_leaf_that_is_text_behind_the_last_checkpoint_is_data_loss(
    signed: Database, tmp_path: Path, value: str
) -> None:
    put(signed, "audit_events", "leaf", value, "position = 6")
    # Only its hash is wanted: the filter shows none of the events.
    wanted = pb.StreamEventsRequest(
        parent=BANK, verifiable=True, filter=pb.EventFilter(actor="nobody")
    )
    is_data_loss(lambda: answered(tmp_path, signed, "StreamEvents", wanted))


@pytest.mark.parametrize("value", TEXTS)
@pytest.mark.parametrize(("table", "column"), [("log_tiles", "data"), ("log_checkpoints", "note")])
@pytest.mark.parametrize("reader", TREE_READERS)
def test_a_tile_or_checkpoint_that_is_text_is_data_loss(
    signed: Database, tmp_path: Path, reader: str, table: str, column: str, value: str
) -> None:
    put(signed, table, column, value)
    name, request = TREE_READERS[reader]
    is_data_loss(lambda: answered(tmp_path, signed, name, request))


def test_an_entry_that_is_no_event_is_exported_to_nobody(signed: Database, tmp_path: Path) -> None:
    put(signed, "audit_events", "leaf", "x'7b7d'", "position = 3")
    is_data_loss(lambda: answered(tmp_path, signed, *LEAF_READERS["an export"]))


@pytest.mark.parametrize("reader", ["a proof", "a proof of growth"])
def test_a_tile_that_is_too_short_is_data_loss(
    signed: Database, tmp_path: Path, reader: str
) -> None:
    put(signed, "log_tiles", "data", "x'0011'")
    is_data_loss(lambda: answered(tmp_path, signed, *TREE_READERS[reader]))
