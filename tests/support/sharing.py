"""How several processes share the tests of one run (`pytest -n auto`).

Tests of one file stay together, since they share what is costly to set up: a running vault, a
filled database. Files that take long are begun first, so that no process is left with one at the
end. A test that measures time, marked `alone`, runs while no other does: after all others, lest
they wait for it, and it for them.
"""

import fcntl
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# Seconds that a test takes, roughly; of a slow one that is given much time, a part of that.
_SLOW, _WITH_A_VAULT, _OTHER = 8.0, 0.5, 0.02
_OF_ITS_TIME = 1 / 12


def longest_first(items: list[pytest.Item]) -> None:
    """Put the files in order, by what their tests are marked with. A file's own order stays, but
    for what is to be alone, which comes last of all."""
    seconds: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        seconds[item.path] += _seconds(item)

    def place(item: pytest.Item) -> tuple[bool, float, Path]:
        return item.get_closest_marker("alone") is not None, -seconds[item.path], item.path

    items.sort(key=place)


def _seconds(item: pytest.Item) -> float:
    if item.get_closest_marker("slow"):
        given = item.get_closest_marker("timeout")
        return max(_SLOW, given.args[0] * _OF_ITS_TIME) if given is not None else _SLOW
    return _WITH_A_VAULT if item.get_closest_marker("flaky") else _OTHER


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives whole files to whoever is free, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

        self._parts: dict[str, str] = {}

    def schedule(self) -> None:
        """Begin, or go on."""
        if self.collection is None and self.registered_collections:
            # What is to be alone stands apart from its file, and so is a part of its own.
            for part, (_, tests) in enumerate(
                groupby(next(iter(self.registered_collections.values())), super()._split_scope)
            ):
                self._parts |= dict.fromkeys(tests, str(part))
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._parts[nodeid]


# -- turns -------------------------------------------------------------------------------------

# Two locks of the run: whoever runs a test holds the second, shared or for himself, and passes the
# first on his way to it. So others coming and going do not keep one waiting who wants to be alone.
_LOCKS = 2


@contextmanager
def together() -> Iterator[None]:
    """While nobody is alone."""
    with ExitStack() as room:
        with _held(0, fcntl.LOCK_EX):
            room.enter_context(_held(1, fcntl.LOCK_SH))
        yield


@contextmanager
def alone() -> Iterator[None]:
    """While no other process runs a test of this run."""
    with _held(0, fcntl.LOCK_EX), _held(1, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(which: int, how: int) -> Iterator[None]:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:  # one process has all the tests
        yield
        return
    place = _LOCKS * int(run[:12], 16) + which
    fcntl.lockf(_turns(), how, 1, place)
    try:
        yield
    finally:
        fcntl.lockf(_turns(), fcntl.LOCK_UN, 1, place)


@cache
def _turns() -> int:
    """A file that all runs of this user lock bytes of, each its own."""
    path = Path(tempfile.gettempdir(), f"recordsvault-test-turns-{os.geteuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
