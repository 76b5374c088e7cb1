"""Fixtures that several rooms' tests use."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.databases import (
    _sqlite_template,
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

__all__ = [
    "_sqlite_template",
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

# `make fuzz`; the default profile is the one of every run. No deadline: a shared machine is slow at
# times, and a property is not a benchmark.
settings.register_profile("fuzz", max_examples=5_000, deadline=None)
settings.register_profile("default", deadline=timedelta(seconds=5))
settings.load_profile("default")

# Suites that start real processes, kill them and race them on whatever machine they are given. One
# of their tests that fails is tried once more, and pytest's last line counts it as a rerun: a run
# with reruns passes, and is worth a look. Everything else must pass the first time.
_WITH_REAL_PROCESSES = ("cli", "clients", "e2e", "hostile", "server")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that may be tried once more."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).parts[0] in _WITH_REAL_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))
