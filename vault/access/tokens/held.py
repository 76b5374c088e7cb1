"""An issuer's keys as they are held: read in a thread of their own, renewed, at last too old."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from vault.access.tokens.keys import JwksInvalid, PublicKeys, parse_jwks
from vault.access.tokens.source import JwksAway, Source

KEEP_SECONDS: Final = 3_600.0
"""For how long keys are taken that could not be read again. A key that its issuer takes back must
not outlive that for good because somebody cuts the line."""
_PATIENCE_SECONDS: Final = 3.0


class HeldKeys:
    """Thread-safe. `keys` never blocks; what is read is read in the thread that `start` starts."""

    def __init__(
        self,
        source: Source,
        *,
        keep: float = KEEP_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._keep = keep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._data = b""
        self._keys: PublicKeys | None = None
        self._read_at = self._attempt_at = -float("inf")
        self._generation = 0
        self._problem = "the issuer's keys were not read yet"
        self._thread = threading.Thread(target=self._run, name="vault-jwks", daemon=True)

    @property
    def keys(self) -> PublicKeys | None:
        """The keys; None if there are none, or if they are too old."""
        stale = self._monotonic() - self._read_at > self._keep
        return None if stale else self._keys

    @property
    def generation(self) -> int:
        """Differs when the keys are others than before."""
        return self._generation

    @property
    def problem(self) -> str:
        """Why the keys could not be read the last time; empty if they were."""
        return self._problem

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more. Does not wait for a reading that is under way."""
        self._stopped.set()
        self._wake.set()

    def read(self) -> None:
        """Read once, in this thread. What is wrong is in `problem`; keys held before stay."""
        try:
            data = self._source.read()
            if data != self._data or self._keys is None:
                keys = parse_jwks(data)
                # In this order, so that a generation never passes for a later one.
                self._keys, self._data = keys, data
                self._generation += 1
            self._read_at = self._monotonic()
            self._problem = ""
        except (JwksAway, JwksInvalid) as problem:
            self._problem = str(problem)

    async def renewed(self) -> None:
        """Return when they were read again, or soon if that may not be now or takes too long."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._lock:
            soon = self._monotonic() - self._attempt_at >= self._source.least
            if soon:
                self._waiting.append((loop, done))
        self._wake.set()
        if not soon:
            # As soon as it may be, but without somebody who waits for it.
            return
        await asyncio.wait((done,), timeout=_PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            self.read()
            with self._lock:
                self._attempt_at = self._monotonic()
            for loop, done in waiting:
                _tell(loop, done)
            self._stopped.wait(self._source.least)
            # What failed is tried again soon.
            rest = 0.0 if self._problem else self._source.period - self._source.least
            if not self._stopped.is_set():
                self._wake.wait(max(rest, 0.0))


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    def set_it() -> None:
        if not done.done():
            done.set_result(None)

    try:
        loop.call_soon_threadsafe(set_it)
    except RuntimeError:
        # The loop was closed: nobody waits any more.
        return
