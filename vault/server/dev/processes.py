"""Runs both tiers as child processes: their lines prefixed, both stopped together.

A tier is `python -m vault.cli.vaultd serve`, exactly as in production. It says on stdout that it
takes calls, and stops when its stdin ends: so no tier outlives this process, however it ends.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from vault.server.settings import TierName

Line = Callable[[TierName, str], None]
"""Shows a line that a tier wrote to its log."""

# A tier lets calls in flight finish for its grace (20 s by default) before it ends by itself.
_STOP_SECONDS = 30.0
_START_SECONDS = 60.0
_MAX_LINE = 1 << 20


class TierEnded(Exception):
    """A tier ended without being told to; the other one was stopped."""


class _Child:
    """One tier's process."""

    def __init__(self, tier: TierName, process: asyncio.subprocess.Process, show: Line) -> None:
        self.tier = tier
        self._process = process
        self._show = show
        self.ready = asyncio.Event()
        self._readers = (
            asyncio.create_task(self._read_log(_piped(process.stderr))),
            asyncio.create_task(self._read_ready(_piped(process.stdout))),
        )

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # longer than _MAX_LINE: the stream has dropped it
            if not line:
                return
            self._show(self.tier, line.decode("utf-8", "replace").rstrip())

    async def _read_ready(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            if line.startswith(b"ready"):
                self.ready.set()

    async def ended(self) -> int:
        """Wait for its end, with every line shown; its exit code."""
        code = await self._process.wait()
        # Not gather(): giving up this wait must not end the reading.
        await asyncio.wait(self._readers)
        return code

    async def stop(self, at_once: asyncio.Event) -> None:
        """Stop it: in order, or killed once `at_once` is set or its time is over."""
        ended = asyncio.create_task(self.ended())
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        hurry = asyncio.create_task(at_once.wait())
        await asyncio.wait(
            (ended, hurry), timeout=_STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        hurry.cancel()
        if not ended.done():
            with suppress(ProcessLookupError):
                self._process.kill()
        await ended


@dataclass(frozen=True, slots=True)
class Supervised:
    """How the tiers are started."""

    config: Path
    command: Sequence[str] = (sys.executable, "-m", "vault.cli.vaultd")
    log_format: str = "json"

    async def run(self, show: Line, ready: Callable[[], None]) -> None:
        """Run both until SIGINT or SIGTERM. `ready` is called when both take calls.

        The full tier starts first and stops last, since the masked one asks it to search.
        Raises TierEnded.
        """
        stop, at_once = asyncio.Event(), asyncio.Event()

        def told() -> None:
            # Asked a second time: whoever waits does not want to.
            (at_once if stop.is_set() else stop).set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told)
        children: list[_Child] = []
        try:
            for tier in (TierName.FULL, TierName.MASKED):
                children.append(await self._start(tier, show))
                if not await _until(stop, children, children[-1].ready, _START_SECONDS):
                    return
            ready()
            await _until(stop, children, stop, None)
        finally:
            for child in reversed(children):
                await child.stop(at_once)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _start(self, tier: TierName, show: Line) -> _Child:
        process = await asyncio.create_subprocess_exec(
            *self.command,
            "serve",
            *("--config", str(self.config)),
            *("--tier", tier.value),
            *("--log-format", self.log_format),
            "--stop-with-stdin",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE,
            # Ctrl-C goes to this process alone, which stops them in order.
            start_new_session=True,
        )
        return _Child(tier, process, show)


def _piped(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    return cast(asyncio.StreamReader, stream)  # None only where no pipe was asked for


async def _until(
    stop: asyncio.Event, children: Sequence[_Child], event: asyncio.Event, seconds: float | None
) -> bool:
    """Wait for `event`; False if `stop` came first. Raises TierEnded."""
    ends = {asyncio.create_task(child.ended()): child for child in children}
    waits = [asyncio.create_task(event.wait()), asyncio.create_task(stop.wait())]
    try:
        done, _ = await asyncio.wait(
            (*ends, *waits), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for end, child in ends.items():
            if end in done:
                raise TierEnded(f"the {child.tier.value} tier ended (exit code {end.result()})")
        if not done:
            raise TierEnded(f"the {children[-1].tier.value} tier did not start in time")
        return not stop.is_set()
    finally:
        for task in (*ends, *waits):
            task.cancel()
