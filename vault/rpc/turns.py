"""Takes calls up together when there are many.

A call alone costs far more than the same call right after another: between the transport's work and
the kernel's, the processor's caches lose what the interpreter needs, and it is fetched anew for
each. So calls that come while others are in progress wait for a moment and are then taken up one
after the other (measured: docs/performance.md). With few callers nobody waits.
"""

import asyncio

# Seconds; and calls in progress beneath which a call is taken up at once.
WINDOW = 0.004
FEW = 8


class Turns:
    """Counts the calls in progress. `enter` and `leave` belong together."""

    def __init__(self, window: float = WINDOW, few: int = FEW) -> None:
        self._window = window
        self._few = few
        self._in_progress = 0
        self._waiting: list[asyncio.Future[None]] = []

    def enter(self) -> "asyncio.Future[None] | None":
        """What a call that comes has to wait for, if anything."""
        self._in_progress += 1
        if self._in_progress <= self._few:
            return None
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_later(self._window, self._take_up)
        self._waiting.append(turn)
        return turn

    def leave(self) -> None:
        """A call is over."""
        self._in_progress -= 1

    def _take_up(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():  # its caller has gone away
                turn.set_result(None)
