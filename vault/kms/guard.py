"""The guard before a provider that is asked over a wire: time-outs, retries, a circuit breaker.

Whatever the provider does, a caller has an answer, or KmsUnavailable, within `GuardLimits.seconds`.
A provider's own library may hang in a way that no time-out of its own ends (PKCS#11 has none), so
each call runs in a thread of its own that is left behind when its time is over; of such threads
there are at most `GuardLimits.hung`, and then nothing is asked any more until one comes back.

After `failures` operations in a row that found the provider away, the circuit opens: callers are
refused at once for a while, which doubles each time. Then one of them is the trial, and the others
are refused until it is known how that went. `check` is always let through: health is to say what
is so now, and a provider that is back is used again from the first check on.

KekMissing, UnwrapRefused and the like are answers: they are not asked for again, and say that the
provider is there. Refusing a wrapped key costs nobody else's call.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, Generic, TypeVar, cast

from vault.kms.errors import KmsSealed, KmsUnavailable
from vault.kms.keybytes import wipe
from vault.kms.port import KekName, Kms, WrappedKey

T = TypeVar("T")
_RANDOM: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Times in seconds. `seconds` is for an operation with all its attempts and pauses."""

    seconds: float = 4.0
    attempts: int = 3
    first_pause: float = 0.1
    failures: int = 3
    first_rest: float = 1.0
    longest_rest: float = 15.0
    hung: int = 4

    @property
    def attempt_seconds(self) -> float:
        """What a provider should give one request: a lost one leaves time for another."""
        return self.seconds / 2


class GuardedKms:
    """Another KMS behind the guard. Thread-safe; `monotonic` and `sleep` are for tests to turn."""

    def __init__(
        self,
        inner: Kms,
        limits: GuardLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner = inner
        self._limits = limits or GuardLimits()
        self._monotonic = monotonic
        self._sleep = sleep
        self._circuit = _Circuit(self._limits, monotonic)
        self._room = threading.BoundedSemaphore(self._limits.hung)

    def __repr__(self) -> str:
        return f"<GuardedKms of {self._inner!r}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        return self._operate(lambda: self._inner.wrap(kek, key, context))

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        return self._operate(lambda: self._inner.unwrap(wrapped, context))

    def check(self) -> None:
        """As Kms.check, of the provider as it is now, even while the circuit is open."""
        self._operate(self._inner.check, always=True)

    def _operate(self, call: Callable[[], T], *, always: bool = False) -> T:
        trial = self._circuit.enter(always=always)
        try:
            answer = self._attempts(call)
        except KmsSealed:
            self._circuit.succeeded()
            raise
        except KmsUnavailable as away:
            self._circuit.failed(str(away), trial=trial)
            raise
        except BaseException:
            # An answer, if not the one that was hoped for; or a defect, which must not leave the
            # trial's place taken.
            self._circuit.succeeded()
            raise
        self._circuit.succeeded()
        return answer

    def _attempts(self, call: Callable[[], T]) -> T:
        ends = self._monotonic() + self._limits.seconds
        pause, left = self._limits.first_pause, self._limits.attempts
        while True:
            left -= 1
            try:
                return self._bounded(call, ends)
            except KmsSealed:
                raise
            except KmsUnavailable:
                # Of all nodes that an outage meets at once, none asks again in step with another.
                wait = _RANDOM.uniform(pause / 2, pause)
                if left < 1 or self._monotonic() + wait >= ends:
                    raise
            self._sleep(wait)
            pause *= 2

    def _bounded(self, call: Callable[[], T], ends: float) -> T:
        if not self._room.acquire(blocking=False):
            raise KmsUnavailable(f"{self._limits.hung} calls to it hang")
        task = _Task(call, self._room)
        try:
            threading.Thread(target=task.run, name="vault-kms", daemon=True).start()
        except RuntimeError:
            self._room.release()
            raise KmsUnavailable("no thread could be started to ask it") from None
        if not task.wait(ends - self._monotonic()):
            raise KmsUnavailable(f"it gave no answer within {self._limits.seconds:g} s")
        return task.answer()


class _Task(Generic[T]):
    """A call in its thread, whose answer is waited for, or no longer."""

    def __init__(self, call: Callable[[], T], room: threading.BoundedSemaphore) -> None:
        self._call = call
        self._room = room
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._left_behind = False
        self._answers: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """The thread's work."""
        answer, error = None, None
        try:
            answer = self._call()
        except BaseException as raised:
            error = raised
        finally:
            self._room.release()
        with self._lock:
            if not self._left_behind:
                self._error = error
                if error is None:
                    self._answers.append(cast("T", answer))
                self._done.set()
            elif isinstance(answer, bytearray):
                wipe(answer)  # a key that nobody waits for any more

    def wait(self, seconds: float) -> bool:
        """Whether it was done in time; if not, nobody will ask for its answer."""
        if self._done.wait(max(0.0, seconds)):
            return True
        with self._lock:
            self._left_behind = not self._done.is_set()
        return not self._left_behind

    def answer(self) -> T:
        """What came of it. Raises what the call raised."""
        if self._error is not None:
            raise self._error
        return self._answers.pop()


class _Circuit:
    """Closed; open until a time; or open with one trial on its way."""

    def __init__(self, limits: GuardLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._since = 0.0
        self._until = 0.0
        self._trial = False
        self._why = ""

    def enter(self, *, always: bool) -> bool:
        """Whether the caller is the trial. Raises KmsUnavailable where nobody is to ask now."""
        with self._lock:
            if always or self._failures < self._limits.failures:
                return False
            now = self._monotonic()
            if now < self._until or self._trial:
                raise KmsUnavailable(f"away for {now - self._since:.0f} s: {self._why}")
            self._trial = True
            return True

    def succeeded(self) -> None:
        """The provider is there."""
        with self._lock:
            self._failures, self._trial = 0, False

    def failed(self, why: str, *, trial: bool) -> None:
        """The provider was away for one operation."""
        with self._lock:
            now = self._monotonic()
            if self._failures == 0:
                self._since = now
            self._failures += 1
            self._why = why
            if trial:
                self._trial = False
            over = self._failures - self._limits.failures
            if over >= 0:
                rest = self._limits.first_rest * 2 ** min(over, 16)
                self._until = now + min(rest, self._limits.longest_rest)
