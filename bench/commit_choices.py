"""The server of `decision_commit`: one handler, served and committed in the way that is chosen.

`python -m bench.commit_choices CHOICE PORT FOLDER`. The handler does what most of the vault's
calls do: one point read from SQLite, and one hash-chained event that is durable before the answer.
"""

import asyncio
import hashlib
import os
import queue
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from vault.server import tls

CHOICES = {
    "aio-bare": "asyncio, no read, no event",
    "threads-bare": "threads, no read, no event",
    "aio-each": "asyncio, a commit an event, on the loop",
    "threads-queue": "threads, a writer thread, a commit for all that wait",
    "threads-4": "threads, a writer thread, at most a commit every 4 ms",
    "aio-unpaced": "asyncio, a writer thread, a commit for all that wait",
    "aio-2": "asyncio, a writer thread, at most a commit every 2 ms",
    "aio-4": "asyncio, a writer thread, at most a commit every 4 ms",
    "aio-8": "asyncio, a writer thread, at most a commit every 8 ms",
    "aio-inline-4": "asyncio, on the loop, at most a commit every 4 ms",
}
CALLERS, CUSTOMERS = 64, 10_000
EVENT, ANSWER = bytes(400), bytes(600)
_READ = "SELECT masked FROM record WHERE customer = ? ORDER BY version DESC LIMIT 1"
_APPEND = "INSERT INTO event VALUES (?, ?, ?)"


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    return conn


def _fill(path: Path) -> None:
    conn = _connect(path)
    conn.execute("CREATE TABLE record (customer, version, masked, PRIMARY KEY (customer, version))")
    conn.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, leaf, chain)")
    conn.execute("BEGIN")
    conn.executemany(
        "INSERT INTO record VALUES (?, 1, ?)",
        ((f"c{i}", os.urandom(len(ANSWER))) for i in range(CUSTOMERS)),
    )
    conn.execute("COMMIT")
    conn.close()


class Log:
    """Appends events in batches of one transaction; used by one thread."""

    def __init__(self, path: Path) -> None:
        self._conn = _connect(path)
        self._size, self._chain = 0, bytes(32)

    def append(self, count: int) -> None:
        rows = []
        for _ in range(count):
            self._size += 1
            self._chain = hashlib.sha256(self._chain + hashlib.sha256(EVENT).digest()).digest()
            rows.append((self._size, EVENT, self._chain))
        self._conn.execute("BEGIN IMMEDIATE")
        self._conn.executemany(_APPEND, rows)
        self._conn.execute("COMMIT")


class Reader:
    """Point reads of random customers, a connection a thread."""

    def __init__(self, path: Path) -> None:
        self._path, self._local = path, threading.local()

    def __call__(self) -> bytes:
        conn: sqlite3.Connection | None = getattr(self._local, "conn", None)
        if conn is None:
            conn = self._local.conn = _connect(self._path)
        customer = f"c{random.randrange(CUSTOMERS)}"
        return bytes(conn.execute(_READ, (customer,)).fetchone()[0])


class Paced:
    """Group commit for the loop. A batch runs on the writer thread or, `inline`, on the loop; a
    new one starts when the last is done and `window` seconds have passed since it started."""

    def __init__(self, log: Log, window: float, *, inline: bool) -> None:
        self._log, self._window, self._inline = log, window, inline
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = self._armed = False
        self._last = 0.0
        self._writer = ThreadPoolExecutor(1)

    def commit(self) -> "asyncio.Future[None]":
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._arm()
        return done

    def _arm(self) -> None:
        if not self._busy and not self._armed:
            loop = asyncio.get_running_loop()
            self._armed = True
            loop.call_later(max(0.0, self._last + self._window - loop.time()), self._start)

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._armed, self._last = False, loop.time()
        batch, self._waiting = self._waiting, []
        if self._inline:
            self._log.append(len(batch))
            self._end(batch)
            return
        self._busy = True
        running = self._writer.submit(self._log.append, len(batch))
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._end, batch))

    def _end(self, batch: "Sequence[asyncio.Future[None]]") -> None:
        self._busy = False
        for done in batch:
            if not done.done():
                done.set_result(None)
        if self._waiting:
            self._arm()


class Queued:
    """Group commit for threads: the writer takes all that wait, not sooner than `window` seconds
    after it last did, and wakes each."""

    def __init__(self, log: Log, window: float) -> None:
        self._log, self._window = log, window
        self._inbox: queue.SimpleQueue[Future[None]] = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True).start()

    def commit(self) -> None:
        done: Future[None] = Future()
        self._inbox.put(done)
        done.result()

    def _write(self) -> None:
        last = 0.0
        while True:
            batch = [self._inbox.get()]
            time.sleep(max(0.0, last + self._window - time.monotonic()))
            last = time.monotonic()
            while not self._inbox.empty():
                batch.append(self._inbox.get())
            self._log.append(len(batch))
            for done in batch:
                done.set_result(None)


class _Any(grpc.GenericRpcHandler):
    """One handler for every method."""

    def __init__(self, handle: Callable[..., Any]) -> None:
        self._handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(handle)

    def service(self, details: "grpc.HandlerCallDetails") -> "grpc.RpcMethodHandler[Any, Any]":
        return self._handler


def _window(choice: str) -> float:
    _, _, pace = choice.rpartition("-")
    return float(pace) / 1000 if pace.isdigit() else 0.0


def _threads(choice: str, database: Path) -> Any:
    if choice == "threads-bare":
        handler = _Any(lambda _request, _context: ANSWER)
    else:
        read, log = Reader(database), Queued(Log(database), _window(choice))

        def handle(_request: bytes, context: Any) -> bytes:
            context.auth_context()
            found = read()
            log.commit()
            return found

        handler = _Any(handle)
    server = grpc.server(ThreadPoolExecutor(CALLERS))
    server.add_generic_rpc_handlers((handler,))
    return server


def _asyncio(choice: str, database: Path) -> Any:
    read, log = Reader(database), Log(database)
    paced = Paced(log, _window(choice), inline="inline" in choice)

    async def handle(_request: bytes, context: Any) -> bytes:
        if choice == "aio-bare":
            return ANSWER
        context.auth_context()
        found = read()
        if choice == "aio-each":
            log.append(1)
        else:
            await paced.commit()
        return found

    server = aio.server()
    server.add_generic_rpc_handlers((_Any(handle),))
    return server


def serve(choice: str, port: int, folder: Path) -> None:
    """Serve a choice until the process is ended."""
    database, pki = folder / f"{choice}.db", folder / "pki"
    _fill(database)
    tls.require_tls13()
    credentials = tls.server_credentials(pki / "server.pem", pki / "server.key", pki / "ca.pem")
    ready = folder / f"{choice}.ready"
    if choice.startswith("threads"):
        server = _threads(choice, database)
        server.add_secure_port(f"localhost:{port}", credentials)
        server.start()
        ready.touch()
        server.wait_for_termination()
        return

    async def run() -> None:
        server = _asyncio(choice, database)
        server.add_secure_port(f"localhost:{port}", credentials)
        await server.start()
        ready.touch()
        await server.wait_for_termination()

    asyncio.run(run())


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
