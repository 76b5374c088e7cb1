"""Contents of documents: `python -m bench.contents [--mib 256]`.

Uploads and downloads through a running vault, by turns with a bare gRPC stream of as many bytes in
messages of the same size, with synced files of as many bytes, and with one pass of the cipher;
first byte, ranges; and the two suites of sealed streams beside each other. Nothing is bound to a
core: client, server and the server's threads share them, as they do with the bare stream.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from rich.console import Console
from rich.table import Table

from bench.material import KEPT
from bench.report import machine
from recordsvault.records.v1 import content_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import content_pb2 as kinds
from tests.e2e import people
from tests.support.contents import PURPOSE
from tests.support.quiet_ports import free_port
from tests.support.running_vault import RunningVault
from vault.sealing import AES_256_GCM, SM4_GCM, Suite, stream
from vault.server.settings import TierName
from vault.services.contents.downloading import MESSAGE_BYTES
from vault.services.contents.sealed import SEGMENT_BYTES
from vault.services.contents.segments import AT_ONCE

MIB = 1024 * 1024
PART = MIB
LATEST = KEPT / "contents.json"
AIM = 0.60


@dataclass(frozen=True)
class Row:
    """One thing that was measured: megabytes a second, and what it is compared with."""

    name: str
    rates: tuple[float, ...]
    floor: str = ""
    floor_rates: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def share(self) -> float | None:
        """The median of the rounds' shares, each against its own round of the floor."""
        if not self.floor_rates:
            return None
        return statistics.median(a / b for a, b in zip(self.rates, self.floor_rates, strict=True))


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench.contents", description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the content")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vault-bench-") as folder:
        rows, times = measure(Path(folder), options.mib * MIB, options.rounds)
    rows += suites()
    show(rows, times)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": "recordsvault-bench-contents-v1",
        "machine": machine(),
        "mib": options.mib,
        "rows": [
            {"name": r.name, "mb_s": r.rate, "floor": r.floor, "share": r.share} for r in rows
        ],
        "milliseconds": times,
    }
    LATEST.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return 0


def measure(folder: Path, size: int, rounds: int) -> tuple[list[Row], dict[str, float]]:
    """The vault's streams and the bare ones, by turns, so that a noisy minute meets both."""
    vault = RunningVault(folder, f"sqlite:///{folder}/vault.db")
    vault.start(TierName.FULL)
    try:
        with _bare(folder) as port:
            bare = grpc.secure_channel(
                f"localhost:{port}",
                vault.credentials("backend"),
                [("grpc.max_receive_message_length", 64 * MIB)],
            )
            client = _Client(vault, bare, size)
            client.round()  # to warm up
            found = [(*client.round(), _synced(folder, size)) for _ in range(rounds)]
            times = client.latencies()
            bare.close()
    finally:
        vault.stop()
    up, bare_up, down, bare_down, disk = (tuple(one) for one in zip(*found, strict=True))
    aead = tuple(_aead(size) for _ in range(rounds))
    return [
        Row("upload", up, "bare stream", bare_up),
        Row("download", down, "bare stream", bare_down),
        Row("upload", up, "synced files", disk),
        Row("upload", up, "AES-256-GCM alone", aead),
        Row("download", down, "AES-256-GCM alone", aead),
    ], times


class _Client:
    """Sends and takes the same bytes to and from both."""

    def __init__(self, vault: RunningVault, bare: grpc.Channel, size: int) -> None:
        self._size = size
        # Without types: what is sent and taken are bytes.
        self._records: Any = vault.channel("backend", TierName.FULL)
        self._stub = vault.records()
        self._bare: Any = bare
        customer = self._stub.CreateCustomer(
            pb.CreateCustomerRequest(parent=people.PARENT, customer=people.person())
        ).customer.name
        made = self._stub.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
        )
        self._document = made.identity_document.name
        block = os.urandom(PART)
        digest = hashlib.sha256()
        self._parts: list[bytes] = []
        for at in range(0, size, PART):
            data = (b"II*\x00" + block[4:] if at == 0 else block)[: size - at]
            digest.update(data)
            part = cp.UploadDocumentRequest(part=cp.UploadPart(offset=at, data=data))
            self._parts.append(part.SerializeToString())
        finish = cp.UploadFinish(sha256=digest.digest())
        self._finish = cp.UploadDocumentRequest(finish=finish).SerializeToString()
        self.name = ""

    def round(self) -> tuple[float, float, float, float]:
        """Megabytes a second: upload and bare upload, download and bare download."""
        return (
            self._rate(self._upload),
            self._rate(self._bare_upload),
            self._rate(self._download),
            self._rate(self._bare_download),
        )

    def latencies(self) -> dict[str, float]:
        """Milliseconds until the first byte of the whole is here, and for some ranges."""
        size = self._size
        return {
            "first byte of the whole": _median(self._first_byte),
            "100 bytes in the middle": _median(lambda: self._range(size // 2, 100)),
            "1 MiB in the middle": _median(lambda: self._range(size // 2, MIB)),
        }

    def _rate(self, carry_out: Callable[[], int]) -> float:
        began = time.perf_counter()
        assert carry_out() == self._size
        return self._size / (time.perf_counter() - began) / 1e6

    def _upload(self) -> int:
        start = cp.UploadStart(
            parent=self._document,
            page=1,
            content_type=kinds.CONTENT_TYPE_TIFF,
            size=self._size,
            request_id=people.new_id(),
        )

        def messages() -> Iterator[bytes]:
            yield cp.UploadDocumentRequest(start=start).SerializeToString()
            yield from self._parts
            yield self._finish

        answer = self._records.stream_unary(
            "/recordsvault.records.v1.Records/UploadDocument",
            response_deserializer=cp.UploadDocumentResponse.FromString,
        )(messages())
        self.name = answer.content.name
        return int(answer.content.size)

    def _bare_upload(self) -> int:
        sent = sum(map(len, self._parts))
        assert int(self._bare.stream_unary("/bare.Stream/Take")(iter(self._parts))) == sent
        return self._size

    def _download(self) -> int:
        request = cp.DownloadDocumentRequest(name=self.name, purpose=PURPOSE)
        return sum(len(message.data) for message in self._stub.DownloadDocument(request))

    def _bare_download(self) -> int:
        method = f"/bare.Stream/Give/{self._size // MESSAGE_BYTES}/{MESSAGE_BYTES}"
        return sum(len(message) for message in self._bare.unary_stream(method)(b""))

    def _first_byte(self) -> None:
        request = cp.DownloadDocumentRequest(name=self.name, purpose=PURPOSE)
        stream_: Any = self._stub.DownloadDocument(request)
        next(stream_)
        stream_.cancel()

    def _range(self, offset: int, length: int) -> None:
        request = cp.DownloadDocumentRequest(
            name=self.name, purpose=PURPOSE, offset=offset, length=length
        )
        assert sum(len(m.data) for m in self._stub.DownloadDocument(request)) == length


def _median(call: Callable[[], None], times: int = 50) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def _synced(folder: Path, size: int) -> float:
    """As many bytes written to files and synced, as many at once and as large as an upload's."""
    data = os.urandom(SEGMENT_BYTES)

    def write(number: int) -> None:
        path = folder / f"synced-{number}"
        with path.open("wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())
        path.unlink()

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(size // SEGMENT_BYTES)))
    return size / (time.perf_counter() - began) / 1e6


def _aead(size: int) -> float:
    """One pass of AES-256-GCM over as many bytes, in messages as large as the parts."""
    cipher, block = AESGCM(os.urandom(32)), os.urandom(PART)
    began = time.perf_counter()
    for number in range(size // PART):
        cipher.encrypt(number.to_bytes(12, "big"), block, None)
    return size / (time.perf_counter() - began) / 1e6


def suites() -> list[Row]:
    """Sealed streams of both suites, in memory."""
    rows: list[Row] = []
    for name, suite in (("AES-256-GCM", AES_256_GCM), ("SM4-GCM", SM4_GCM)):
        sealing, opening = _suite(suite)
        floor = (rows[0].rates, rows[1].rates) if rows else ((), ())
        against = "AES-256-GCM stream" if rows else ""
        rows.append(Row(f"seal a {name} stream", sealing, against, floor[0]))
        rows.append(Row(f"open a {name} stream", opening, against, floor[1]))
    return rows


def _suite(suite: Suite, size: int = 32 * MIB) -> tuple[tuple[float, ...], tuple[float, ...]]:
    key, data = os.urandom(suite.key_bytes), os.urandom(size)
    sealing, opening = [], []
    for _ in range(3):
        began = time.perf_counter()
        sealed = b"".join(stream.seal(suite, key, b"", (data,)))
        sealing.append(size / (time.perf_counter() - began) / 1e6)
        began = time.perf_counter()
        for _piece in stream.open_(suite, key, b"", (sealed,)):
            pass
        opening.append(size / (time.perf_counter() - began) / 1e6)
    return tuple(sealing), tuple(opening)


@contextmanager
def _bare(folder: Path) -> Iterator[int]:
    port, ready = free_port(), folder / "bare.ready"
    command = [sys.executable, "-m", "bench.bare_streams", str(port), str(folder / "pki")]
    process = subprocess.Popen([*command, str(ready)])
    try:
        while not ready.exists():
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


def show(rows: list[Row], times: dict[str, float]) -> None:
    """Print it."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table("contents", "MB/s", "of", "share", "aim")
    for row in rows:
        share = "" if row.share is None else f"{row.share:.0%}"
        aim = ""
        if row.floor == "bare stream":
            aim = f"{AIM:.0%} {'reached' if (row.share or 0) >= AIM else 'missed'}"
        table.add_row(row.name, f"{row.rate:,.0f}", row.floor, share, aim)
    console.print(table)
    for name, value in times.items():
        console.print(f"{name}: {value:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
