"""Fixtures that several rooms' tests use."""

import gc
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.databases import (
    database,
    database_url,
    dialect,
    masked_url,
    migrated_url,
    open_database,
    postgres_server,
    postgres_url,
    sqlite_url,
)
from tests.support.files_in_memory import lay_files_in_memory
from tests.support.running_vault import RunningVault
from tests.support.sharing import ByFile, alone, longest_first, together

__all__ = [
    "database",
    "database_url",
    "dialect",
    "masked_url",
    "migrated_url",
    "open_database",
    "postgres_server",
    "postgres_url",
    "sqlite_url",
]

RunningVault.forked = True
lay_files_in_memory()

# `make fuzz`; the default profile is the one of every run. No deadline: a shared machine is slow at
# times, and a property is not a benchmark.
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.register_profile("default", deadline=timedelta(seconds=5))
settings.load_profile("default")

# Suites that start real processes, kill them and race them on whatever machine they are given. One
# of their tests that fails is tried once more, and pytest's last lines name it as a rerun: a run
# with reruns passes, and is worth a look. Everything else must pass the first time.
_WITH_REAL_PROCESSES = ("cli", "clients", "e2e", "hostile", "server")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that may be tried once more; where several processes share the tests, put
    first what takes long."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in _WITH_REAL_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Settle Python's garbage collector as `vaultd` does: what was collected stays until the end,
    and to walk it again and again took a third of the collection and some of every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test marked `alone` have the machine to itself. Its time limit runs from then on."""
    with alone() if item.get_closest_marker("alone") else together():
        return (yield)


# -- `pytest -n auto`: several processes share the tests, a file at a time ---------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes a core, since most tests wait for servers, four at most; none beside this one
    for a single file."""
    chosen = [str(one).partition("::")[0] for one in config.args]
    if len(set(chosen)) == 1 and Path(chosen[0]).is_file():
        return 0
    return min(2 * len(os.sched_getaffinity(0)), 4)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Which process runs what."""
    return ByFile(config, log)
