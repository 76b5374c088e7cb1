"""A KMS that can go away and a clock that a test turns."""

import threading

from vault.kms import KekName, Kms, KmsUnavailable, WrappedKey


class SwitchableKms:
    """Another KMS, which is away while `away` is set; `unwraps` counts the calls that arrived."""

    def __init__(self, inner: Kms) -> None:
        self._inner = inner
        self.away = False
        self.unwraps = 0
        self._lock = threading.Lock()

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        self._answer()
        return self._inner.wrap(kek, key, context)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        with self._lock:
            self.unwraps += 1
        self._answer()
        return self._inner.unwrap(wrapped, context)

    def check(self) -> None:
        self._answer()
        self._inner.check()

    def _answer(self) -> None:
        if self.away:
            raise KmsUnavailable("switched off by the test")


class TurnedClock:
    """A clock that stands until it is turned (seconds)."""

    def __init__(self) -> None:
        self._now = 1_000.0

    def turn(self, seconds: float) -> None:
        self._now += seconds

    def monotonic(self) -> float:
        return self._now

    def now_micros(self) -> int:
        return 1_700_000_000_000_000 + int(self._now * 1_000_000)
