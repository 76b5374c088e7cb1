"""SIGKILL during an upload, at random moments: it goes on, and what is stored is what was sent.

`VAULT_SOAK_UPLOAD_MIB` and `VAULT_SOAK_UPLOAD_KILLS` set how much and how often, for longer
campaigns; the memory that the server takes for it does not grow with either.
"""

import hashlib
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from sqlalchemy import Connection, func, select

from recordsvault.records.v1 import content_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import content_pb2 as kinds
from tests.e2e import people
from tests.hostile.driving import laid_out, opened
from tests.support.contents import PURPOSE, SEGMENT
from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName
from vault.store import schema

MIB = 1024 * 1024
SIZE = int(os.environ.get("VAULT_SOAK_UPLOAD_MIB", "80")) * MIB
KILLS = int(os.environ.get("VAULT_SOAK_UPLOAD_KILLS", "3"))
SEED = int(os.environ.get("VAULT_SOAK_SEED", "1"))
# More than any idle server has, for whatever is uploaded.
MEMORY_MIB = 100


@dataclass
class Source:
    """A content of any size that is in nobody's memory: block after block, made of its number."""

    size: int
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))

    def __post_init__(self) -> None:
        self.block = self.dice.randbytes(MIB - 16)

    def part(self, number: int) -> bytes:
        """The block of that number, from 0. The first begins as a TIFF does."""
        head = b"II*\x00" + bytes(12) if number == 0 else b"%16d" % number
        return (head + self.block)[: self.size - number * MIB]

    def sha256(self) -> bytes:
        digest = hashlib.sha256()
        for number in range(-(-self.size // MIB)):
            digest.update(self.part(number))
        return digest.digest()


@dataclass
class Sender:
    """Sends it, from where the vault says. ``sent`` is how far the last call has come."""

    vault: RunningVault
    document: str
    source: Source
    request_id: str = field(default_factory=people.new_id)
    sent: int = 0

    def messages(self, offset: int) -> Iterator[cp.UploadDocumentRequest]:
        start = cp.UploadStart(
            parent=self.document,
            page=1,
            content_type=kinds.CONTENT_TYPE_TIFF,
            size=self.source.size,
            request_id=self.request_id,
            offset=offset,
        )
        yield cp.UploadDocumentRequest(start=start)
        at = offset
        while at < self.source.size:
            data = self.source.part(at // MIB)
            yield cp.UploadDocumentRequest(part=cp.UploadPart(offset=at, data=data))
            at += len(data)
            self.sent = at
        digest = self.source.sha256()
        yield cp.UploadDocumentRequest(finish=cp.UploadFinish(sha256=digest))

    def broken_off(self) -> Iterator[cp.UploadDocumentRequest]:
        """All but the end."""
        messages = list(self.messages(0))
        yield from messages[:-1]

    def received(self) -> int:
        request = cp.GetUploadRequest(parent=self.document, request_id=self.request_id)
        try:
            return self.vault.records().GetUpload(request).received
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.NOT_FOUND  # it was killed before it began
            return 0

    def go_on(self, offset: int) -> cp.Content:
        self.sent = offset
        return self.vault.records().UploadDocument(self.messages(offset)).content


def kill_when(vault: RunningVault, sender: Sender, at: int, delay: float) -> threading.Thread:
    """Kill the full tier a moment after so many bytes were sent."""

    def wait_and_kill() -> None:
        until = time.monotonic() + 60
        while sender.sent < at and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(delay)
        vault.kill(TierName.FULL)

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    return thread


def resident_mib(pid: int) -> float:
    """What the process has in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such figure")


class Watched:
    """The most that a process had in memory."""

    def __init__(self, pid: int) -> None:
        self.most = 0.0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watched":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, resident_mib(self._pid))


@pytest.mark.slow
@pytest.mark.timeout(120 + 60 * KILLS + SIZE // MIB)
def test_an_upload_killed_again_and_again_is_what_was_sent(
    tmp_path: Path, dialect: str, server: PostgresServer | None
) -> None:
    dice = random.Random(SEED)
    with laid_out(tmp_path, dialect, server) as vault:
        vault.start(TierName.FULL)
        sender = Sender(vault, _document(vault), Source(SIZE))
        moments = sorted(dice.randrange(SIZE) for _ in range(KILLS))
        offset = 0
        for moment in moments:
            killer = kill_when(vault, sender, max(moment, offset), dice.uniform(0, 0.1))
            with pytest.raises(grpc.RpcError):
                # What was killed as it ended has ended: it is sent again, and killed then.
                while True:
                    sender.go_on(offset)
            killer.join()
            vault.start(TierName.FULL)
            now = sender.received()
            assert now >= offset and (now % SEGMENT == 0 or now == SIZE)
            offset = now
            assert _listed(vault, sender.document) in ([], [SIZE])
        idle = resident_mib(vault.pid(TierName.FULL))
        with Watched(vault.pid(TierName.FULL)) as watched:
            content = sender.go_on(offset)
            assert content.sha256 == sender.source.sha256()
            assert content.version == 1
            assert _digest(vault, content.name) == content.sha256
        assert watched.most - idle < MEMORY_MIB
        with opened(vault) as database:
            durable = database.read_sync(_durable)
        assert durable == -(-SIZE // SEGMENT)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_killed_uploads_have_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    with laid_out(tmp_path, "sqlite", None) as vault:
        _forget_at_once(vault)
        vault.start(TierName.FULL)
        sender = Sender(vault, _document(vault), Source(3 * SEGMENT))
        with pytest.raises(grpc.RpcError):
            sender.vault.records().UploadDocument(sender.broken_off())
        vault.kill(TierName.FULL)
        folder = vault.folder / "blobs" / "contents"
        assert any(path.is_file() for path in folder.rglob("*"))
        time.sleep(4)  # longer than such an upload is kept here
        vault.start(TierName.FULL)
        until = time.monotonic() + 20
        while any(path.is_file() for path in folder.rglob("*")):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert sender.received() == 0


def _forget_at_once(vault: RunningVault) -> None:
    text = vault.config.read_text()
    assert text.count("[limits]\n") == 1
    vault.config.write_text(text.replace("[limits]\n", "[limits]\nupload_hours = 0.001\n"))


def _document(vault: RunningVault) -> str:
    stub = vault.records()
    request = pb.CreateCustomerRequest(parent=people.PARENT, customer=people.person())
    customer = stub.CreateCustomer(request).customer.name
    made = stub.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
    )
    return made.identity_document.name


def _listed(vault: RunningVault, document: str) -> list[int]:
    request = cp.ListContentsRequest(parent=document, purpose=PURPOSE)
    return [content.size for content in vault.records().ListContents(request).contents]


def _digest(vault: RunningVault, name: str) -> bytes:
    digest = hashlib.sha256()
    request = cp.DownloadDocumentRequest(name=name, purpose=PURPOSE)
    for message in vault.records().DownloadDocument(request):
        digest.update(message.data)
    return digest.digest()


def _durable(conn: Connection) -> int:
    table = schema.content_segments
    count = select(func.count()).select_from(table).where(table.c.durable == 1)
    return int(conn.execute(count).scalar_one())
