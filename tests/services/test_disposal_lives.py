"""Random laws, files, holds and years, through plan, approval and execution, held against a model
that was written another way: nothing goes before its longest minimum or under a hold, and what must
go does go."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.support.databases import PostgresServer
from tests.support.disposal import bank
from tests.support.disposal_lives import BEGAN, Life
from tests.support.on_disk import migrated
from vault.access import PolicyEngine
from vault.store import Database

# `make soak` lives more.
LIVES = int(os.environ.get("VAULT_SOAK_DISPOSALS", "10"))
SEED = int(os.environ.get("VAULT_SOAK_SEED", "1"))
# PostgreSQL takes longer to make a database than to live a life; the rules are the same on both.
ON_POSTGRES = max(2, LIVES // 10)
EACH = 60  # seconds; no life takes as long unless something hangs


@contextmanager
def fresh(folder: Path, server: PostgresServer | None) -> Iterator[Database]:
    """A new database of a kind."""
    name = ""
    if server is None:
        database = migrated(folder / "vault.db")
    else:
        name = server.create(migrated=True)
        database = Database(server.url(name))
    try:
        yield database
    finally:
        database.dispose()
        if server is not None:
            server.drop(name)


@pytest.mark.timeout(max(120, LIVES * EACH // 4))
def test_nothing_goes_before_its_longest_minimum_or_under_a_hold_and_what_must_go_does_go(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if dialect == "postgresql" else None
    policy, seen = PolicyEngine.load(), Counter[str]()

    async def live(database: Database, folder: Path, seed: int) -> None:
        async with bank(database, folder, BEGAN, policy=policy) as b:
            life = Life(b, Random(seed))
            await life.live()
            seen.update(life.seen)

    lives = LIVES if server is None else ON_POSTGRES
    for seed in range(SEED, SEED + lives):
        folder = tmp_path / str(seed)
        (folder / "blobs").mkdir(parents=True)
        with fresh(folder, server) as database:
            try:
                asyncio.run(asyncio.wait_for(live(database, folder, seed), EACH))
            except AssertionError as error:
                raise AssertionError(f"VAULT_SOAK_SEED={seed} VAULT_SOAK_DISPOSALS=1") from error
        shutil.rmtree(folder)
    assert seen["DONE"] > 0
    if server is None and "VAULT_SOAK_SEED" not in os.environ:
        # Else these lives show nothing.
        assert min(seen[what] for what in ("PASSED", "RESERVED", "CONFLICT")) > 0, seen
        kinds = ("customer", "account", "period", "transaction")
        assert min(seen[f"held by {kind}"] for kind in kinds) > 0, seen
