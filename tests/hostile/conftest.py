"""Whole running vaults, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.driving import laid_out
from tests.hostile.stage import stage
from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault

__all__ = ["stage"]


@pytest.fixture
def server(dialect: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """The PostgreSQL of the session, for the tests that run on it."""
    if dialect == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres_server")
    return found


@pytest.fixture
def vault(tmp_path: Path, dialect: str, server: PostgresServer | None) -> Iterator[RunningVault]:
    """Both tiers, running."""
    with laid_out(tmp_path, dialect, server) as laid:
        laid.start()
        yield laid
