"""Both tiers as child processes: started in order, stopped in order, never left behind."""

import asyncio
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vault.server.dev import Supervised, TierEnded
from vault.server.settings import TierName

_TIER = """
    import os, signal, sys, time
    tier = sys.argv[sys.argv.index("--tier") + 1]
    trace = open({trace!r}, "a", buffering=1)
    def stop(*_):
        print(tier, "stopped", file=trace)
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    print(tier, "started", file=trace)
    print(tier + " says \\x1b[1mhello\\x1b[0m", file=sys.stderr, flush=True)
    {body}
    print("ready", tier, flush=True)
    while True:
        time.sleep(0.02)
"""


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = folder / "trace"
        self.trace.touch()
        self.lines: list[tuple[TierName, str]] = []
        self.ready = False

    def supervised(self, body: str = "") -> Supervised:
        script = self.folder / "tier.py"
        script.write_text(
            textwrap.dedent(_TIER).format(trace=str(self.trace), body=body), encoding="utf-8"
        )
        return Supervised(Path("vault.toml"), command=(sys.executable, str(script)))

    def run(self, supervised: Supervised, on_ready: Callable[[], None]) -> None:
        def ready() -> None:
            self.ready = True
            on_ready()

        asyncio.run(supervised.run(lambda tier, line: self.lines.append((tier, line)), ready))

    def events(self) -> list[str]:
        return self.trace.read_text().splitlines()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def stop_now() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_full_tier_starts_first_and_stops_last(stage: Stage) -> None:
    stage.run(stage.supervised(), stop_now)
    assert stage.events() == [
        "full started",
        "masked started",
        "masked stopped",
        "full stopped",
    ]


def test_every_line_of_a_tiers_log_is_shown_with_its_tier(stage: Stage) -> None:
    stage.run(stage.supervised(), stop_now)
    assert stage.lines == [
        (TierName.FULL, "full says \x1b[1mhello\x1b[0m"),
        (TierName.MASKED, "masked says \x1b[1mhello\x1b[0m"),
    ]


def test_a_line_longer_than_a_megabyte_stops_nothing(stage: Stage) -> None:
    body = 'sys.stderr.write("x" * 3_000_000 + "\\nafter\\n"); sys.stderr.flush()'
    stage.run(stage.supervised(body), stop_now)
    assert (TierName.FULL, "after") in stage.lines


def test_a_tier_that_cannot_start_stops_the_other(stage: Stage) -> None:
    body = 'sys.exit(2) if tier == "masked" else None'
    with pytest.raises(TierEnded, match=r"the masked tier ended \(exit code 2\)"):
        stage.run(stage.supervised(body), stop_now)
    assert not stage.ready
    assert stage.events() == ["full started", "masked started", "full stopped"]


@pytest.mark.parametrize(("dies", "other"), [("full", "masked"), ("masked", "full")])
def test_a_tier_that_dies_later_stops_the_other(stage: Stage, dies: str, other: str) -> None:
    body = f'print(tier, os.getpid(), file=open({str(stage.folder)!r} + "/" + tier, "w"))'

    def kill() -> None:
        pid = int((stage.folder / dies).read_text().split()[1])
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(TierEnded, match=rf"the {dies} tier ended \(exit code -9\)"):
        stage.run(stage.supervised(body), kill)
    assert stage.events()[2:] == [f"{other} stopped"]


def test_ctrl_c_before_they_are_ready_stops_what_runs(stage: Stage) -> None:
    body = "os.kill(os.getppid(), signal.SIGINT); time.sleep(30)"
    began = time.monotonic()
    stage.run(stage.supervised(body), lambda: pytest.fail("it was not ready"))
    assert time.monotonic() - began < 10
    assert stage.events() == ["full started", "full stopped"]


def test_a_second_ctrl_c_does_not_wait_for_a_tier_that_will_not_stop(stage: Stage) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"

    def twice() -> None:
        stop_now()
        threading.Timer(0.3, stop_now).start()

    began = time.monotonic()
    stage.run(stage.supervised(body), twice)
    assert time.monotonic() - began < 10
