"""The audit stream: bounded messages, leaf hashes of everything, checkpoints as heartbeats."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from recordsvault.audit.v1 import audit_pb2 as pb
from tests.support.events import event
from tests.support.log_keys import ORIGIN, clock, log_signers, sequencer
from tests.support.pipeline import BANK, Rig, uri
from vault.audit import AuditLog, LogSettings, RowHash, encode
from vault.audit.append import append
from vault.audit.archive import Archive
from vault.audit.checkpoint import Checkpoint, verify_checkpoint
from vault.audit.following import MAX_HASHES, Heartbeat, leaf_hashes
from vault.audit.history import History
from vault.audit.merkle import Frontier, leaf_hash
from vault.rpc.servicers import audit
from vault.rpc.servicers.proving import ProvingUseCases
from vault.sealing import SystemClock
from vault.services.trail import Trail
from vault.store import Database, StoreDamaged, log_tree

STREAM = "/recordsvault.audit.v1.Audit/StreamEvents"
# A message that a client takes unless told otherwise (gRPC's default).
CLIENT_LIMIT = 4 * 1024 * 1024
Main = Callable[[Rig, AuditLog], Coroutine[Any, Any, None]]


def add(database: Database, count: int, *, rows: int = 0, institution: str = "demo-bank") -> None:
    """Append events of an institution; each has `rows` rows of about 140 bytes."""
    written = tuple(
        RowHash(f"customers/{n:026}/transactions/{n:026}@1", bytes(32)) for n in range(rows)
    )
    one = event(
        institution=institution, resource=f"institutions/{institution}", customer="", rows=written
    )
    leaf = encode(one)
    database.write_sync(lambda conn: append(conn, [(one, leaf)] * count, clock()))


def sign(database: Database, folder: Path) -> None:
    one = sequencer(database, folder)
    while one.step():
        pass
    one._release()


def run(folder: Path, database: Database, main: Main) -> None:
    async def whole() -> None:
        log = AuditLog(database, clock, LogSettings(poll=0.05))
        await log.start()
        trail = Trail(database, History(database, Archive(None)), log, SystemClock())
        methods = audit.methods(trail, cast(ProvingUseCases, None))
        try:
            await main(Rig(folder, methods[STREAM], officer="security_officer"), log)
        finally:
            await log.stop()

    asyncio.run(asyncio.wait_for(whole(), 60))


async def messages(rig: Rig, **fields: Any) -> AsyncIterator[pb.StreamEventsResponse]:
    request = pb.StreamEventsRequest(parent=BANK, **fields)
    async for data in rig.stream(request.SerializeToString(), uri("officer")):
        assert len(data) < CLIENT_LIMIT
        yield pb.StreamEventsResponse.FromString(data)


def signed(note: str, folder: Path) -> Checkpoint:
    return verify_checkpoint(note.encode(), log_signers(folder).verifiers(), ORIGIN)


class Reader:
    """What a verifying client does with the messages: the tree, and each checkpoint against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hashes: list[bytes] = []
        self.shown: list[int] = []
        self.checked: list[int] = []

    def take(self, message: pb.StreamEventsResponse) -> None:
        self.hashes += message.leaf_hashes
        assert len(self.hashes) == message.next_position
        for one in message.entries:
            assert self.hashes[one.position] == leaf_hash(one.leaf)
            self.shown.append(one.position)
        if message.checkpoint:
            checkpoint = signed(message.checkpoint, self.folder)
            assert checkpoint.size <= message.next_position
            tree = Frontier.empty().append(self.hashes[: checkpoint.size])
            assert tree.root() == checkpoint.root
            self.checked.append(checkpoint.size)


def test_messages_of_big_events_are_taken_by_every_client_and_can_be_resumed_from(
    database: Database, tmp_path: Path
) -> None:
    add(database, 100, rows=440)

    async def main(rig: Rig, _log: AuditLog) -> None:
        found: list[int] = []
        async for message in messages(rig):
            found += [e.position for e in message.entries]
            assert message.next_position == found[-1] + 1
            assert not message.checkpoint
            assert not message.leaf_hashes
        assert found == list(range(100))

    run(tmp_path, database, main)


def test_a_verifiable_stream_has_the_hash_of_every_leaf_and_the_checkpoint_over_them(
    database: Database, tmp_path: Path
) -> None:
    add(database, 300)
    add(database, MAX_HASHES + 500, institution="other-bank")
    add(database, 7)
    sign(database, tmp_path)
    add(database, 3, institution="other-bank")
    add(database, 2)
    total = MAX_HASHES + 812

    async def main(rig: Rig, _log: AuditLog) -> None:
        reader = Reader(tmp_path)
        async for message in messages(rig, verifiable=True):
            assert len(message.leaf_hashes) <= MAX_HASHES
            reader.take(message)
        assert len(reader.hashes) == total
        assert reader.shown == [
            *range(300),
            *range(total - 12, total - 5),
            total - 2,
            total - 1,
        ]
        assert reader.checked == [total - 5]

    run(tmp_path, database, main)


def test_a_verifiable_stream_of_few_events_goes_on_from_any_position(
    database: Database, tmp_path: Path
) -> None:
    add(database, 600)
    sign(database, tmp_path)
    whole = database.read_sync(lambda conn: leaf_hashes(conn, 0, 600))

    async def main(rig: Rig, _log: AuditLog) -> None:
        wanted = pb.EventFilter(actions=["nothing"])
        for start in (0, 1, 255, 256, 511, 599, 600):
            got = [
                message
                async for message in messages(
                    rig, verifiable=True, from_position=start, filter=wanted
                )
            ]
            assert [h for m in got for h in m.leaf_hashes] == list(whole[start:])
            assert [signed(m.checkpoint, tmp_path).size for m in got if m.checkpoint] == [600]

    run(tmp_path, database, main)


@pytest.mark.parametrize("verifiable", [False, True])
def test_who_follows_is_sent_each_new_checkpoint_once_also_while_nothing_is_shown(
    database: Database, tmp_path: Path, verifiable: bool
) -> None:
    add(database, 4)
    sign(database, tmp_path)

    async def main(rig: Rig, _log: AuditLog) -> None:
        stream = messages(rig, follow=True, verifiable=verifiable)
        first = await anext(stream)
        assert (first.next_position, signed(first.checkpoint, tmp_path).size) == (4, 4)
        sizes = []
        for round_ in range(3):
            add(database, 5, institution="other-bank")
            sign(database, tmp_path)
            while True:
                message = await asyncio.wait_for(anext(stream), 5)
                assert not message.entries
                if message.checkpoint:
                    sizes.append(signed(message.checkpoint, tmp_path).size)
                    assert message.next_position == 4 + 5 * (round_ + 1)
                    break
        assert sizes == [9, 14, 19]
        await cast(Any, stream).aclose()

    run(tmp_path, database, main)


def test_a_leaf_that_was_altered_does_not_match_the_hash_in_the_tree(
    database: Database, tmp_path: Path
) -> None:
    add(database, 5)
    sign(database, tmp_path)
    before = database.read_sync(lambda conn: leaf_hashes(conn, 0, 5))

    def alter(conn: Any) -> None:
        conn.exec_driver_sql("UPDATE audit_events SET leaf = chain WHERE position = 3")

    database.write_sync(alter)
    assert database.read_sync(lambda conn: leaf_hashes(conn, 0, 5)) == before


def test_hashes_of_what_is_not_there_are_an_error_and_never_fewer(database: Database) -> None:
    add(database, 3)
    with pytest.raises(StoreDamaged):
        # Position 4 is missing in front of one that is there.
        database.write_sync(
            lambda conn: conn.exec_driver_sql(
                "UPDATE audit_events SET position = 5 WHERE position = 3"
            )
        )
        database.read_sync(lambda conn: leaf_hashes(conn, 0, 5))
    with pytest.raises(ValueError, match="at once"):
        database.read_sync(lambda conn: leaf_hashes(conn, 0, MAX_HASHES + 1))


class Growing:
    """Checkpoints that are always ahead of whoever asks."""

    def __init__(self) -> None:
        self.size = 100

    async def latest(self) -> log_tree.CheckpointRow:
        self.size += 50
        return log_tree.CheckpointRow(self.size, b"", b"", 1, 0)


def test_a_reader_who_never_catches_up_gets_checkpoints_all_the_same() -> None:
    async def main() -> list[int]:
        heartbeat = Heartbeat(cast(Any, Growing()))
        due = [await heartbeat.due(position) for position in range(0, 1000, 10)]
        return [row.size for row in due if row is not None]

    sizes = asyncio.run(main())
    assert len(sizes) >= 2
    assert sizes == sorted(set(sizes))
