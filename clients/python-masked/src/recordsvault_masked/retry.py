"""When a failed call is tried again, and after how long.

Only what is safe to repeat is tried again: reads, and writes that carry a request_id, which the
vault answers the second time with its first answer. Only failures that pass are: UNAVAILABLE,
and RESOURCE_EXHAUSTED unless the message itself is too large.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from recordsvault_masked.errors import ResourceExhausted, Unavailable, VaultError

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast; times in seconds.

    The pause before attempt n + 1 is drawn between half of and the whole of
    min(maximum, initial * factor ** (n - 1)), so that callers who failed together do not come
    back together; a RetryInfo of the vault is waited for at least.
    """

    attempts: int = 6
    initial: float = 0.1
    factor: float = 2.0
    maximum: float = 5.0

    def pause(self, failures: int, asked: float | None, draw: Callable[[], float]) -> float:
        """Seconds to wait after `failures` failures; `asked` is RetryInfo's delay."""
        # The exponent is bounded: a stream may fail ten thousand times in a long night.
        whole = min(self.maximum, self.initial * self.factor ** min(failures - 1, 30))
        own = whole * (0.5 + draw() / 2)
        if asked is None or asked <= 0:
            return own
        return max(own, asked * (1 + draw() / 5))


NO_RETRY = RetryPolicy(attempts=1)


def passes(error: VaultError) -> bool:
    """Whether the failure may be gone at the next attempt."""
    if isinstance(error, Unavailable):
        return not error.handshake
    return isinstance(error, ResourceExhausted) and error.reason != "MESSAGE_TOO_LARGE"


class Attempts:
    """The attempts of one call: one deadline over all of them."""

    def __init__(
        self,
        policy: RetryPolicy,
        timeout: float,
        *,
        clock: Clock = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Start the deadline, `timeout` seconds from now."""
        self._policy = policy
        self._clock = clock
        self._draw = draw
        self._end = clock() + timeout
        self._failures = 0

    def remaining(self) -> float:
        """Seconds left, as the deadline of the next attempt; never quite 0."""
        return max(self._end - self._clock(), 0.001)

    def pause_after(self, error: VaultError) -> float:
        """Seconds to wait before the next attempt; raises `error` when there is none."""
        self._failures += 1
        if self._failures >= self._policy.attempts or not passes(error):
            raise error
        pause = self._policy.pause(self._failures, error.retry_delay, self._draw)
        if self._clock() + pause >= self._end:
            raise error
        return pause
