"""When a lost stream is taken up again, and when it is given up.

A stream has no deadline. What bounds it is patience: the seconds that may go by without any
message since the connection was lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from recordsvault_masked.errors import (
    Cancelled,
    DeadlineExceeded,
    ServerFault,
    Unavailable,
    VaultError,
)
from recordsvault_masked.retry import RetryPolicy, passes

FIRST_PATIENCE = 10.0
"""Seconds to wait for a stream's first connection: a vault that is not there is soon reported."""

# gRPC gives up connecting after 20 seconds: an attempt that lasted longer had a connection.
_LONGEST_CONNECT = 30.0

OnInterrupt = Callable[[VaultError, float], None]
"""Told of each interruption and of the pause (seconds) before the next attempt."""


def interrupted(error: VaultError) -> bool:
    """Whether a stream ended by an accident of the way, not by the vault's judgement."""
    if passes(error) or isinstance(error, Cancelled | DeadlineExceeded):
        return True
    # RST_STREAM and "stream removed": the vault's own faults carry a reason.
    return isinstance(error, ServerFault) and not error.reason


def ended_early() -> Unavailable:
    """The stream was closed in good order before everything was answered."""
    return Unavailable(
        {
            "en": "The vault closed the stream before it had answered everything.",
            "zh": "保管库在全部答复之前关闭了数据流。",
        },
        reason="STREAM_ENDED",
    )


def silent(seconds: float) -> DeadlineExceeded:
    """Nothing was answered for `seconds`."""
    return DeadlineExceeded(
        {
            "en": f"The vault has not answered for {seconds:g} seconds.",
            "zh": f"保管库已有 {seconds:g} 秒没有答复。",
        },
        reason="STREAM_SILENT",
    )


class Recovery:
    """The attempts of one stream."""

    def __init__(
        self,
        patience: float | None,
        *,
        on_interrupt: OnInterrupt | None = None,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`patience` in seconds, None for ever; of `policy` only the pauses count."""
        self._patience = patience
        self._on_interrupt = on_interrupt
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._draw = draw
        self._failures = 0
        self._ever = False
        self._begun = self._last = clock()

    def alive(self) -> None:
        """A message came: the next loss is a new one."""
        self._failures = 0
        self._ever = True
        self._last = self._clock()

    def begin(self) -> None:
        """An attempt begins."""
        self._begun = self._clock()

    def pause_after(self, error: VaultError) -> float:
        """Seconds to wait before the stream is taken up; raises `error` when it is given up."""
        if not interrupted(error):
            raise error
        now = self._clock()
        if now - self._begun > _LONGEST_CONNECT:
            # It stood, and there was no news.
            self._ever, self._failures = True, 0
        if self._failures == 0 and self._ever:
            # The connection was good until now, however long nothing was said on it.
            self._last = now
        self._failures += 1
        pause = self._policy.pause(self._failures, error.retry_delay, self._draw)
        allowed = self._patience
        if not self._ever:
            allowed = FIRST_PATIENCE if allowed is None else min(allowed, FIRST_PATIENCE)
        if allowed is not None and now + pause > self._last + allowed:
            raise error
        if self._on_interrupt is not None:
            self._on_interrupt(error, pause)
        return pause
