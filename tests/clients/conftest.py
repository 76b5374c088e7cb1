"""A fake vault for a test, and clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault_client import AsyncVaultClient, Profile, RetryPolicy, VaultClient
from tests.clients.fake_vault import FakeVault


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeVault]:
    """A vault of the test's own."""
    vault = FakeVault(tmp_path)
    yield vault
    vault.stop()


@pytest.fixture
def fast() -> RetryPolicy:
    """Retries without much waiting."""
    return RetryPolicy(initial=0.01, maximum=0.05)


@pytest.fixture
def vault(fake: FakeVault, fast: RetryPolicy) -> Iterator[VaultClient]:
    """A blocking client of both tiers."""
    with VaultClient(Profile.load(fake.profile()), retry=fast) as client:
        yield client


Ask = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest, fake: FakeVault, fast: RetryPolicy) -> Ask:
    """Ask something of a client of either kind; a list is taken whole."""
    profile = Profile.load(fake.profile())

    def blocking(what: Callable[[Any], Any]) -> Any:
        with VaultClient(profile, retry=fast) as client:
            found = what(client)
            return list(found) if hasattr(found, "pages") else found

    async def asynchronous(what: Callable[[Any], Any]) -> Any:
        async with AsyncVaultClient(profile, retry=fast) as client:
            found = what(client)
            if hasattr(found, "pages"):
                return [one async for one in found]
            return await found

    if request.param == "blocking":
        return blocking
    return lambda what: asyncio.run(asynchronous(what))
